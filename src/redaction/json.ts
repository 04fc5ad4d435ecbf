import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject, numberLexeme } from '../domain/json.ts';
import type { Budget } from './budget.ts';
import { COST } from './budget.ts';
import type { KeyNames, KeyRule } from './key-names.ts';
import { REFERENCE_MEMBERS } from './key-names.ts';
import type { TextContext } from './rule.ts';
import type { ValueRule } from './values.ts';
import { isValueOf } from './values.ts';

export interface JsonRules {
  readonly names: KeyNames;
  readonly replace: (kind: string, secret: string) => string;
  readonly redactText: (text: string, context: TextContext) => string;
  readonly budget: Budget;
  /** Replaces what is too much work to read. */
  readonly unreadable: (value: JsonValue) => JsonValue;
}

interface Context extends TextContext {
  /** Everything here is secret, of this kind. */
  readonly secret?: string | undefined;
  /** The name of a secret stands right before this value; its numbers count too. */
  readonly direct?: boolean;
  /** The rule that says which values are secret here, if not all are. */
  readonly only?: ValueRule | undefined;
  /** Items of a SecretList, which need not repeat their kind. */
  readonly secrets?: boolean;
}

/** Nothing is known about the value, as about most. */
export const PLAIN: Context = {};
const ANY_VALUE: ValueRule = {};
const KUBERNETES_SECRET = 'kubernetes-secret';
/** So many members of an object may be unreadable one by one; to say it of more would be work too. */
const MOST_UNREADABLE = 1_000;
/** Members of a JSON web key that its owner keeps. */
const PRIVATE_PARTS: ReadonlySet<string> = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']);
/** A name this short is no secret itself. */
const SHORTEST_SECRET_KEY = 16;

/** Redacts a JSON value. The very same value when nothing in it is secret. */
export function redactValue(value: JsonValue, rules: JsonRules, context: Context): JsonValue {
  if (rules.budget.isSpent) return rules.unreadable(value);
  if (typeof value === 'string') return redactString(value, rules, context);
  if (Array.isArray(value) || isJsonObject(value)) return redactContainer(value, rules, context);
  // A password may be all digits; a number of tokens is a count.
  if (context.direct !== true || context.secret === undefined) return value;
  const lexeme = numberLexeme(value);
  if (lexeme === undefined) return value;
  // The quotes that a number does not have.
  rules.budget.grow(0, 2);
  return rules.replace(context.secret, lexeme);
}

function redactContainer(container: JsonValue[] | JsonObject, rules: JsonRules, context: Context): JsonValue {
  const { budget } = rules;
  if (!budget.enter()) return rules.unreadable(container);
  const redacted = Array.isArray(container)
    ? redactArray(container, rules, context)
    : redactObject(container, rules, context);
  budget.leave();
  return redacted;
}

function redactArray(array: JsonValue[], rules: JsonRules, context: Context): JsonValue[] {
  rules.budget.charge(COST.item * array.length);
  const items = array.map((item, index) => {
    const rule = optionRule(array[index - 1], rules);
    return redactValue(item, rules, rule === undefined ? context : { ...context, ...contextOfRule(rule) });
  });
  return items.some((item, index) => item !== array[index]) ? items : array;
}

const LONGEST_OPTION = 64;

/** Arguments of a container: `["--password", "x"]`. */
function optionRule(before: JsonValue | undefined, { names }: JsonRules): KeyRule | undefined {
  if (typeof before !== 'string' || before.length > LONGEST_OPTION || !/^--?\w[\w.-]*$/.test(before))
    return undefined;
  return names.secretRule(before);
}

function redactString(text: string, rules: JsonRules, context: Context): string {
  const isSecret =
    context.secret !== undefined &&
    (context.secret === KUBERNETES_SECRET ? text !== '' : isValueOf(context.only ?? ANY_VALUE, text));
  return isSecret ? rules.replace(context.secret, text) : rules.redactText(text, context);
}

function redactObject(object: JsonObject, rules: JsonRules, context: Context): JsonValue {
  const below = contextsBelow(object, rules, context);
  const names = Object.keys(object);
  const keys: string[] = [];
  const members: JsonValue[] = [];
  let [isChanged, isRenamed] = [false, false];
  for (const name of names) {
    rules.budget.chargeName(name);
    if (isHopeless(names.length - keys.length, rules)) return rules.unreadable(object);
    const before = object[name] ?? null;
    const key = redactKey(name, rules);
    // What its name says of it costs work too.
    const member = rules.budget.isSpent ? rules.unreadable(before) : redactValue(before, rules, below(name));
    isRenamed ||= key !== name;
    isChanged ||= member !== before;
    keys.push(key);
    members.push(member);
  }
  if (!isChanged && !isRenamed) return object;
  const different = isRenamed ? distinctKeys(keys, rules) : keys;
  return Object.fromEntries(different.map((key, index) => [key, members[index] ?? null]));
}

function isHopeless(membersLeft: number, { budget }: JsonRules): boolean {
  return budget.isSpent && membersLeft > MOST_UNREADABLE;
}

/** What is known about each member before it is looked at. */
function contextsBelow(object: JsonObject, rules: JsonRules, context: Context): (name: string) => Context {
  const { kind, name: pairName, key: pairKey } = object;
  const isSecret = kind === 'Secret' || context.secrets === true;
  const isWebKey = typeof object['kty'] === 'string';
  // An environment variable of a container, or any list of pairs: {name: DB_PASSWORD, value: …}.
  const pair = [pairName, pairKey].find((candidate) => typeof candidate === 'string');
  const pairRule = pair === undefined ? undefined : rules.names.secretRule(pair);
  return (name) => {
    if (isSecret && (name === 'data' || name === 'stringData')) return { secret: KUBERNETES_SECRET };
    if (kind === 'SecretList' && name === 'items') return { secrets: true };
    if (pairRule !== undefined && name === 'value') return contextOfRule(pairRule);
    if (isWebKey && PRIVATE_PARTS.has(name)) return { secret: 'private-key' };
    return contextOfMember(name, rules, context);
  };
}

function contextOfRule(rule: KeyRule): Context {
  const { opaque = false, address = false } = rule;
  const isLimited = opaque || address;
  return {
    secret: rule.kind,
    direct: rule.counts !== true && !isLimited,
    only: isLimited ? { opaque, address } : undefined,
  };
}

function contextOfMember(name: string, rules: JsonRules, context: Context): Context {
  const judged = rules.names.judge(name);
  if (judged.isPlain && context === PLAIN) return PLAIN;
  // A name that was a secret itself says the kind of secret that it was.
  const rule = isRedacted(name) ? undefined : judged.rule;
  const textContext: TextContext = {
    identity: context.identity === true || judged.isIdentity,
    fingerprint: context.fingerprint === true || judged.isFingerprint,
  };
  if (context.secret === KUBERNETES_SECRET) return { ...textContext, secret: KUBERNETES_SECRET };
  if (rule !== undefined) return { ...textContext, ...contextOfRule(rule) };
  return REFERENCE_MEMBERS.has(name) || judged.isPublic
    ? textContext
    : { ...textContext, secret: context.secret, only: context.only };
}

/** A map may be keyed by what is secret. */
function redactKey(name: string, rules: JsonRules): string {
  const harmless = name.length < SHORTEST_SECRET_KEY || isRedacted(name);
  return harmless ? name : rules.redactText(name, { fingerprint: true });
}

/** Two keys that become one stay two members: `[REDACTED:token]`, `[REDACTED:token]+2`. */
function distinctKeys(keys: readonly string[], { budget }: JsonRules): string[] {
  const taken = new Set<string>();
  // Of each key that came again, the last number it got: each search goes on where the one before ended.
  const numbers = new Map<string, number>();
  return keys.map((wanted) => {
    let key = wanted;
    for (let number = (numbers.get(wanted) ?? 1) + 1; taken.has(key); number += 1) {
      key = `${wanted}+${number}`;
      numbers.set(wanted, number);
    }
    taken.add(key);
    budget.grow(wanted.length, key.length);
    return key;
  });
}

function isRedacted(name: string): boolean {
  return name.includes('[REDACTED:');
}
