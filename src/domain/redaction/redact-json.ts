import type { JsonObject, JsonValue } from '../json.ts';
import { isJsonObject, numberLexeme } from '../json.ts';
import type { Budget } from './budget.ts';
import { COST } from './budget.ts';
import type { KeyNames } from './key-names.ts';
import type { Replace } from './key-values.ts';
import type { TextPlace } from './redact-text.ts';
import { REFERENCE_MEMBERS } from './rules.ts';
import { isValue } from './secret-values.ts';

export interface JsonRules {
  readonly names: KeyNames;
  readonly replace: Replace;
  readonly redactText: (text: string, place: TextPlace) => string;
  readonly budget: Budget;
  /** What takes the place of what is too much work. */
  readonly unreadable: (value: JsonValue) => JsonValue;
}

interface Place extends TextPlace {
  /** Everything here is secret, of this kind. */
  readonly secret?: string | undefined;
  /** The name of a secret stands right before this value; its numbers count too. */
  readonly direct?: boolean;
  /** Items of a SecretList, which need not repeat their kind. */
  readonly secrets?: boolean;
}

/** Nothing is known about the place, as about most. */
export const PLAIN: Place = {};
const KUBERNETES_SECRET = 'kubernetes-secret';
const REFERENCES = new Set(REFERENCE_MEMBERS);
/** So many members of an object may be unreadable one by one; to say it of more would be work too. */
const MOST_UNREADABLE = 1_000;
/** A name this short is no secret itself. */
const SHORTEST_SECRET_KEY = 16;

/** Redacts a JSON value. The very same value when nothing in it is secret. */
export function redactValue(value: JsonValue, rules: JsonRules, place: Place): JsonValue {
  if (rules.budget.isSpent) return rules.unreadable(value);
  if (typeof value === 'string') return redactString(value, rules, place);
  if (Array.isArray(value) || isJsonObject(value)) return redactContainer(value, rules, place);
  // A password may be all digits; a number of tokens is a count.
  if (place.direct !== true || place.secret === undefined || place.secret === 'token') return value;
  const lexeme = numberLexeme(value);
  if (lexeme === undefined) return value;
  // The quotes that a number does not have.
  rules.budget.grow(0, 2);
  return rules.replace(place.secret, lexeme);
}

function redactContainer(container: JsonValue[] | JsonObject, rules: JsonRules, place: Place): JsonValue {
  const { budget } = rules;
  if (!budget.enter()) return rules.unreadable(container);
  const redacted = Array.isArray(container)
    ? redactArray(container, rules, place)
    : redactObject(container, rules, place);
  budget.leave();
  return redacted;
}

function redactArray(array: JsonValue[], rules: JsonRules, place: Place): JsonValue[] {
  rules.budget.charge(COST.item * array.length);
  const items = array.map((item) => redactValue(item, rules, place));
  return items.some((item, index) => item !== array[index]) ? items : array;
}

function redactString(text: string, rules: JsonRules, place: Place): string {
  const isSecret =
    place.secret !== undefined && (isValue(text) || (place.secret === KUBERNETES_SECRET && text !== ''));
  return isSecret ? rules.replace(place.secret, text) : rules.redactText(text, place);
}

function redactObject(object: JsonObject, rules: JsonRules, place: Place): JsonValue {
  const below = placesBelow(object, rules, place);
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
  const different = isRenamed ? toldApart(keys, rules) : keys;
  return Object.fromEntries(different.map((key, index) => [key, members[index] ?? null]));
}

function isHopeless(membersLeft: number, { budget }: JsonRules): boolean {
  return budget.isSpent && membersLeft > MOST_UNREADABLE;
}

/** What is known about each member before it is looked at. */
function placesBelow(object: JsonObject, rules: JsonRules, place: Place): (name: string) => Place {
  const { kind, name: pairName, key: pairKey } = object;
  const isSecret = kind === 'Secret' || place.secrets === true;
  // An environment variable of a container, or any list of pairs: {name: DB_PASSWORD, value: …}.
  const pair = [pairName, pairKey].find((candidate) => typeof candidate === 'string');
  const pairRule = pair === undefined ? undefined : rules.names.secretRule(pair);
  return (name) => {
    if (isSecret && (name === 'data' || name === 'stringData')) return { secret: KUBERNETES_SECRET };
    if (kind === 'SecretList' && name === 'items') return { secrets: true };
    if (pairRule !== undefined && name === 'value') return { secret: pairRule.kind, direct: true };
    return placeOfMember(name, rules, place);
  };
}

function placeOfMember(name: string, rules: JsonRules, place: Place): Place {
  const judged = rules.names.judge(name);
  if (judged.isPlain && place === PLAIN) return PLAIN;
  // A name that was a secret itself says the kind of secret that it was.
  const rule = isRedacted(name) ? undefined : judged.rule;
  const textPlace: TextPlace = {
    identity: place.identity === true || judged.isIdentity,
    fingerprint: place.fingerprint === true || judged.isFingerprint,
  };
  if (place.secret === KUBERNETES_SECRET) return { ...textPlace, secret: KUBERNETES_SECRET };
  if (rule !== undefined) return { ...textPlace, secret: rule.kind, direct: true };
  return REFERENCES.has(name) || judged.isPublic ? textPlace : { ...textPlace, secret: place.secret };
}

/** A map may be keyed by what is secret. */
function redactKey(name: string, rules: JsonRules): string {
  const harmless = name.length < SHORTEST_SECRET_KEY || isRedacted(name);
  return harmless ? name : rules.redactText(name, { fingerprint: true });
}

/** Two keys that become one stay two members: `[REDACTED:token]`, `[REDACTED:token]+2`. */
function toldApart(keys: readonly string[], { budget }: JsonRules): string[] {
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
