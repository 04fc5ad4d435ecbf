import type { JsonObject, JsonValue } from '../json.ts';
import { isJsonObject, numberLexeme } from '../json.ts';
import type { KeyNames } from './key-names.ts';
import type { Replace } from './key-values.ts';
import type { TextPlace } from './redact-text.ts';
import { REFERENCE_MEMBERS } from './rules.ts';
import { isValue } from './secret-values.ts';

export interface JsonRules {
  readonly names: KeyNames;
  readonly replace: Replace;
  readonly redactText: (text: string, place: TextPlace) => string;
}

interface Place extends TextPlace {
  /** Everything here is secret, of this kind. */
  readonly secret?: string | undefined;
  /** The name of a secret stands right before this value; its numbers count too. */
  readonly direct?: boolean;
  /** Items of a SecretList, which need not repeat their kind. */
  readonly secrets?: boolean;
}

const KUBERNETES_SECRET = 'kubernetes-secret';
const REFERENCES = new Set(REFERENCE_MEMBERS);
/** A name this short is no secret itself. */
const SHORTEST_SECRET_KEY = 16;

/** Redacts a JSON value. The very same value when nothing in it is secret. */
export function redactValue(value: JsonValue, rules: JsonRules, place: Place): JsonValue {
  if (typeof value === 'string') return redactString(value, rules, place);
  if (Array.isArray(value)) {
    const items = value.map((item) => redactValue(item, rules, place));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (isJsonObject(value)) return redactObject(value, rules, place);
  const lexeme = numberLexeme(value);
  // A password may be all digits; a number of tokens is a count.
  if (lexeme === undefined || place.direct !== true || place.secret === undefined || place.secret === 'token')
    return value;
  return rules.replace(place.secret, lexeme);
}

function redactString(text: string, rules: JsonRules, place: Place): string {
  const isSecret =
    place.secret !== undefined && (isValue(text) || (place.secret === KUBERNETES_SECRET && text !== ''));
  return isSecret ? rules.replace(place.secret, text) : rules.redactText(text, place);
}

function redactObject(object: JsonObject, rules: JsonRules, place: Place): JsonObject {
  const below = placesBelow(object, rules, place);
  const taken = new Set<string>();
  const before = Object.entries(object);
  const after = before.map(([name, member]): [string, JsonValue] => [
    redactKey(name, rules, taken),
    redactValue(member, rules, below(name)),
  ]);
  const changed = after.some(
    ([name, member], index) => name !== before[index]?.[0] || member !== before[index][1],
  );
  return changed ? Object.fromEntries(after) : object;
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
  // A name that was a secret itself says the kind of secret that it was.
  const rule = isRedacted(name) ? undefined : rules.names.secretRule(name);
  const textPlace: TextPlace = {
    identity: place.identity === true || rules.names.isIdentity(name),
    fingerprint: place.fingerprint === true || rules.names.isFingerprint(name),
  };
  if (place.secret === KUBERNETES_SECRET) return { ...textPlace, secret: KUBERNETES_SECRET };
  if (rule !== undefined) return { ...textPlace, secret: rule.kind, direct: true };
  return REFERENCES.has(name) || rules.names.isPublic(name)
    ? textPlace
    : { ...textPlace, secret: place.secret };
}

/** A map may be keyed by what is secret. Two keys that become one stay two members. */
function redactKey(name: string, rules: JsonRules, taken: Set<string>): string {
  const harmless = name.length < SHORTEST_SECRET_KEY || isRedacted(name);
  let key = harmless ? name : rules.redactText(name, { fingerprint: true });
  while (taken.has(key)) key += '+';
  taken.add(key);
  return key;
}

function isRedacted(name: string): boolean {
  return name.includes('[REDACTED:');
}
