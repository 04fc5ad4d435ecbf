import type { KeyRule } from './rules.ts';
import { FINGERPRINT_WORDS, IDENTITY_NAMES, KEY_RULES, PUBLIC_NAMES, REMARK_WORDS } from './rules.ts';

/** All that a name says, worked out once. */
interface NameJudgement {
  readonly rule: KeyRule | undefined;
  readonly isPublic: boolean;
  readonly isIdentity: boolean;
  readonly isFingerprint: boolean;
  /** It says none of these, as most names. */
  readonly isPlain: boolean;
}

/** What the name of a value says about it. */
export interface KeyNames {
  judge(name: string): NameJudgement;
  /** The rule by which the value of that name is secret. */
  secretRule(name: string): KeyRule | undefined;
  /** Whether the value is known to hold no secret, also below a name that is secret. */
  isPublic(name: string): boolean;
  /** Whether the value is a person or account that acted. */
  isIdentity(name: string): boolean;
  /** Whether the value is a digest or the identity of a thing. */
  isFingerprint(name: string): boolean;
  /** Matches a part of every name that may be secret, so that text is searched once. */
  readonly finder: RegExp;
}

/** Names longer than this are sentences. */
const LONGEST_NAME = 256;

/** Lower-case words of a name in any case and with any separator: `DBPassword`, `db-password` and `db.password` alike. */
function wordsOf(name: string): readonly string[] {
  const parts = name.slice(0, LONGEST_NAME).match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? [];
  return parts.map((part) => part.toLowerCase());
}

/** `extraNames` are secret besides the built-in ones; `exemptNames` are public whatever they contain. */
export function createKeyNames(extraNames: readonly string[], exemptNames: readonly string[]): KeyNames {
  const rules = [...extraNames.map(ruleOf), ...KEY_RULES];
  const publicNames = new Set([...PUBLIC_NAMES, ...exemptNames.map((name) => wordsOf(name).join(' '))]);
  const remarks = new Set(REMARK_WORDS);
  const identities = new Set(IDENTITY_NAMES);
  const fingerprints = new Set(FINGERPRINT_WORDS);
  const mayBeSecret = finderOf(rules, 'i', '[^A-Za-z0-9]*');
  const ruleFor = (words: readonly string[], whole: string): KeyRule | undefined => {
    const rule = rules.find((candidate) => matches(candidate, words));
    if (rule === undefined || publicNames.has(whole)) return undefined;
    return remarks.has(words.at(-1) ?? '') ? undefined : rule;
  };
  const judge = remembering((name) => {
    const words = wordsOf(name);
    const whole = words.join(' ');
    const rule = mayBeSecret.test(name) ? ruleFor(words, whole) : undefined;
    const isPublic = publicNames.has(whole);
    const isIdentity = identities.has(whole);
    const isFingerprint = words.some((word) => fingerprints.has(word));
    const isPlain = rule === undefined && !isPublic && !isIdentity && !isFingerprint;
    return { rule, isPublic, isIdentity, isFingerprint, isPlain };
  });
  return {
    judge,
    secretRule: (name) => judge(name).rule,
    isPublic: (name) => judge(name).isPublic,
    isIdentity: (name) => judge(name).isIdentity,
    isFingerprint: (name) => judge(name).isFingerprint,
    finder: finderOf(rules, 'gi', '[ _.-]?'),
  };
}

/** A name of the configuration. It was given on purpose, so it counts in prose as well. */
function ruleOf(name: string): KeyRule {
  return { kind: 'configured', words: wordsOf(name).join(' ') };
}

function matches(rule: KeyRule, words: readonly string[]): boolean {
  if (` ${words.join(' ')} `.includes(` ${rule.words} `)) return true;
  return rule.suffix === true && words.some((word) => word.endsWith(rule.words));
}

function finderOf(rules: readonly KeyRule[], flags: string, betweenWords: string): RegExp {
  const sources = new Set(rules.map((rule) => rule.words.split(' ').join(betweenWords)));
  return new RegExp([...sources].join('|'), flags);
}

/** Names made by strangers must not fill the memory: beyond this many the rest is judged anew each time. */
const MOST_REMEMBERED = 5_000;

/** The same few names come again with every record; what they mean never changes. */
function remembering(judge: (name: string) => NameJudgement): (name: string) => NameJudgement {
  const known = new Map<string, NameJudgement>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const judgement = judge(name);
    if (known.size < MOST_REMEMBERED && name.length <= LONGEST_NAME) known.set(name, judgement);
    return judgement;
  };
}
