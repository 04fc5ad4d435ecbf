import type { Spend } from './budget.ts';
import { COST } from './budget.ts';

/** One form of secrets: where a text may hold one, and what becomes of the text. */
export interface Rule {
  /** The kind of secret. It stands in the placeholder, `[REDACTED:name]`, and in the counts. */
  readonly name: string;
  /**
   * A text in which this finds nothing is not given to `replace`. With the flag `g` each match is a secret, and a text is
   * searched for it and its neighbours of the same flags at once.
   */
  readonly find: RegExp;
  readonly replace: Replace;
  /** A text that this does not match has no secret of the rule. It may match nothing that PLAIN matches. */
  readonly needs?: RegExp;
  /** What the rule takes for a secret is none in such a text. Default: it counts everywhere. */
  readonly exceptIn?: keyof TextContext;
}

/** Gives the text with its secrets replaced. */
export type Replace = (text: string, work: Work) => string;

interface Work {
  readonly find: RegExp;
  /** What takes the place of one secret. Its kind is the name of the rule, unless a second argument says another. */
  readonly redact: (secret: string, kind?: string) => string;
  readonly spend: Spend;
}

/** What is known about a text before it is read. */
export interface TextContext {
  /** The text names who acted. */
  readonly identity?: boolean;
  /** The text is a digest or the identity of a thing, and may look random. */
  readonly fingerprint?: boolean;
}

/** The whole match is secret. */
export const whole: Replace = (text, { find, redact }) => text.replace(find, (match) => redact(match));

/** The secret is what follows the first group. */
export const afterPrefix: Replace = (text, { find, redact }) =>
  text.replace(find, (match, prefix: string) => prefix + redact(match.slice(prefix.length)));

/** Like `whole`, where the match also passes a test that an expression cannot make. */
export function wholeIf(isSecret: (text: string) => boolean): Replace {
  return (text, { find, redact, spend }) =>
    text.replace(find, (match) => (isSecretFor(match, isSecret, spend) ? redact(match) : match));
}

/** Like `afterPrefix`, where what follows also passes a test that an expression cannot make. */
export function afterPrefixIf(isSecret: (text: string) => boolean): Replace {
  return (text, { find, redact, spend }) =>
    text.replace(find, (match, prefix: string) => {
      const secret = match.slice(prefix.length);
      return isSecretFor(secret, isSecret, spend) ? prefix + redact(secret) : match;
    });
}

function isSecretFor(text: string, isSecret: (text: string) => boolean, spend: Spend): boolean {
  // Whatever the test says of it.
  spend(COST.replaced + text.length * COST.decoded);
  return isSecret(text);
}

/** Rules one after the other that are passed by together when nothing in a text matches any of them. */
interface Step {
  readonly any: RegExp;
  readonly rules: readonly Rule[];
  readonly needs: RegExp | undefined;
  readonly exceptIn: keyof TextContext | undefined;
}

/** The rules in their order, ready to be applied. */
export type Steps = readonly Step[];

export function stepsOf(rules: readonly Rule[]): Steps {
  const groups: [Rule, ...Rule[]][] = [];
  for (const rule of rules) {
    const last = groups.at(-1);
    if (last !== undefined && mayShareStep(last[0], rule)) last.push(rule);
    else groups.push([rule]);
  }
  return groups.map((group) => {
    const { find, needs, exceptIn } = group[0];
    const sources = group.map((rule) => `(?:${rule.find.source})`);
    return { any: new RegExp(sources.join('|'), find.flags.replace('g', '')), rules: group, needs, exceptIn };
  });
}

function mayShareStep(left: Rule, right: Rule): boolean {
  if (!left.find.global || left.find.flags !== right.find.flags) return false;
  return left.needs === right.needs && left.exceptIn === right.exceptIn;
}

/** Names, phases, paths, versions and uids: most of what is recorded. */
const PLAIN = /^[\w./-]*$/;

/** Below this length nothing is a secret that its form alone shows. */
const SHORTEST = 6;

/** Where rules for URLs and commands read ahead; most of what they find there is no secret. */
const READS_AHEAD = /:\/\/|curl/gi;

interface Replacing {
  readonly replace: (kind: string, secret: string) => string;
  readonly spend: Spend;
}

/** One pass of all rules over a text, in their order. */
export function applySteps(text: string, steps: Steps, context: TextContext, replacing: Replacing): string {
  const { replace, spend } = replacing;
  spend(COST.text + text.length * COST.character);
  if (text.length < SHORTEST) return text;
  for (const found of text.match(READS_AHEAD) ?? []) spend(found.length * COST.start);
  let result = text;
  const isPlain = PLAIN.test(text);
  for (const step of steps) {
    if (isPlain && step.needs !== undefined) continue;
    if (!mayApply(step, result, context)) continue;
    for (const rule of step.rules) {
      const redact = (secret: string, kind = rule.name): string => replace(kind, secret);
      result = rule.replace(result, { find: rule.find, redact, spend });
    }
  }
  return result;
}

function mayApply({ any, needs, exceptIn }: Step, text: string, context: TextContext): boolean {
  if (exceptIn !== undefined && context[exceptIn] === true) return false;
  return (needs === undefined || needs.test(text)) && any.test(text);
}
