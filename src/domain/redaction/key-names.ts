import type { KeyRule } from './rules.ts';
import { FINGERPRINT_WORDS, IDENTITY_NAMES, KEY_RULES, PUBLIC_NAMES, REMARK_WORDS } from './rules.ts';

/** What the name of a value says about it. */
export interface KeyNames {
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
export function wordsOf(name: string): readonly string[] {
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
  return {
    secretRule: remembering((name) => {
      const words = wordsOf(name);
      const rule = rules.find((candidate) => matches(candidate, words));
      if (rule === undefined || publicNames.has(words.join(' '))) return undefined;
      return remarks.has(words.at(-1) ?? '') ? undefined : rule;
    }),
    isPublic: remembering((name) => publicNames.has(wordsOf(name).join(' '))),
    isIdentity: remembering((name) => identities.has(wordsOf(name).join(' '))),
    isFingerprint: remembering((name) => wordsOf(name).some((word) => fingerprints.has(word))),
    finder: finderOf(rules),
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

function finderOf(rules: readonly KeyRule[]): RegExp {
  const sources = new Set(rules.map((rule) => rule.words.split(' ').join('[ _.-]?')));
  return new RegExp([...sources].join('|'), 'gi');
}

/** Names made by strangers must not fill the memory: beyond this many the rest is judged anew each time. */
const MOST_REMEMBERED = 5_000;

/** The same few names come again with every record; what they mean never changes. */
function remembering<T>(judge: (name: string) => T): (name: string) => T {
  const known = new Map<string, { readonly judgement: T }>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before.judgement;
    const judgement = judge(name);
    if (known.size < MOST_REMEMBERED && name.length <= LONGEST_NAME) known.set(name, { judgement });
    return judgement;
  };
}
