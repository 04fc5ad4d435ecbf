import type { Spend } from './budget.ts';
import { COST } from './budget.ts';
import type { KeyNames, KeyRule } from './key-names.ts';
import type { Replace } from './rule.ts';
import {
  isCode,
  isOpaque,
  isPassphrase,
  isRemark,
  isStrongPassword,
  isValue,
  isValueOf,
  looksSecret,
  readQuoted,
} from './values.ts';

const LONGEST_REACH = 64;
const KEY_LETTER = /[\w.\p{L}\p{M}-]/u;
const SEPARATOR =
  /(?:(\\{0,8}["'`])\]?)?(?:[ \t]|\\t){0,8}(?::[ \t]{0,4}(?:str|string|String)[ \t]{0,4}(?==))?(=>|->|:=|={1,3}|:|\|\||\?\?)(?:[ \t]|\\t){0,8}/y;
/** Before a text in Python, and in SQL Server; two of three quotes in Python and TOML. */
const TEXT_OPENING = /[bBfFrRuUN]?(?:""(?=")|''(?='))|[bBfFrRuUN](?=['"])/y;
/** `password is x`, `password was set to x`. */
const VERB = /[ \t](?:(?:was set to|was changed to|set to|changed to|is|was)(?:[ \t]|:[ \t]))?/y;
const SETS = /\bto\b/;
const PASSPHRASE = /passphrase$/i;
const MACHINE_NAME = /[a-z][A-Z]|[a-z][._-][a-z]/;
const LINE_START = /(?:^|\n)[ \t]*(?:- )?$/;
/** Words up to the end of the line or a comment. */
const WORDS =
  /[\w!@#$%^*+.-]{1,64}(?: [\w!@#$%^*+.-]{1,64}){1,7}(?=[ \t]{0,8}(?:#[^\n]{0,256})?(?:\r?\n|$))/y;
const FALLBACK = /\|\||\?\?/;
/** `password= user=api` has no password. */
const NEXT_PAIR = /^[\w.-]+=/;
const OPTION = /[ \t]{1,4}(?=[^-\s])/y;
const QUOTED_NEXT = /[ \t]{1,4}(?=')/y;
const QUOTE = /\\{0,8}["'`]/y;
const BARE_VALUE = /(?:<[^\s<>/]{1,64}>|[^\s"'`\\&<>,;]|\\(?![nrt"'`\\])){1,4096}/y;
/** What goes on behind a comma, semicolon or ampersand and is no further pair belongs to the value. */
const REST_OF_VALUE = /[,;&][^\s"'`\\<>=:]{0,256}(?=[\s"'`\\<>]|$)/y;
/** Punctuation of the sentence or structure that a bare value stands in. */
const TRAILING = ')]}.,;:!?&';
/** The beginning of a map or list in YAML: `secret: {secretName: x}`; and the sign of a block. */
const STRUCTURE =
  /^(?:[{[]["'\w.-]*["']?:?|[|>][+\-\d]{0,2}|!!\w+|!(?:vault|secret|encrypted|unsafe|reference|Ref|Sub|GetAtt))$/;
const SCHEME = /^(?:bearer|basic|digest|negotiate|ntlm|token|apikey|hawk|aws4-hmac-sha256)$/i;
const LONGEST_QUOTED = 8_192;

interface Value {
  readonly start: number;
  readonly text: string;
  readonly quoted: boolean;
}

interface Pair {
  readonly rule: KeyRule;
  /** `secret: …` within a sentence, as against `secret=…`, a quoted pair or a line of a configuration. */
  readonly prose: boolean;
}

/** Replaces the values of `key=value`, `key: value`, `"key": "value"`, `--key value` and their kin in text. */
export function replaceKeyValues(names: KeyNames): Replace {
  const finder = new RegExp(names.finder, `${names.finder.flags}g`);
  return (text, { redact, spend }) => {
    // The text before may have been given up in the middle.
    finder.lastIndex = 0;
    let result = '';
    let done = 0;
    for (let found = finder.exec(text); found !== null; found = finder.exec(text)) {
      const [start, end] = wholeKey(text, found.index, found.index + found[0].length);
      finder.lastIndex = end;
      spend(COST.start + end - start);
      const rule = isPartOfName(text, start, end) ? undefined : names.secretRule(text.slice(start, end));
      const value = rule && secretAfter(text, { start, end, rule, spend });
      if (!rule || !value) continue;
      result += text.slice(done, value.start) + redact(value.text, rule.kind);
      done = value.start + value.text.length;
      finder.lastIndex = done;
    }
    return result + text.slice(done);
  };
}

/** `arn:aws:secretsmanager:eu:1:secret:name`, and the checksum of a Secret in an annotation. */
function isPartOfName(text: string, start: number, end: number): boolean {
  if (text.charAt(start - 1) === ':' && text.charAt(start) !== '_' && /^:\S/.test(text.slice(end, end + 2)))
    return true;
  return text.endsWith('checksum/', start);
}

function wholeKey(text: string, from: number, to: number): [start: number, end: number] {
  let [start, end] = [from, to];
  while (start > 0 && from - start < LONGEST_REACH && KEY_LETTER.test(text.charAt(start - 1))) start -= 1;
  while (end < text.length && end - to < LONGEST_REACH && KEY_LETTER.test(text.charAt(end))) end += 1;
  return [start, end];
}

/** A name that says that its value is secret, where it stands in a text. */
interface Key {
  readonly start: number;
  readonly end: number;
  readonly rule: KeyRule;
  readonly spend: Spend;
}

function secretAfter(text: string, key: Key): Value | undefined {
  const separator = matchAt(SEPARATOR, text, key.end);
  if (separator === null) return secretWithoutSeparator(text, key);
  const value = readValue(text, key.end + separator[0].length, key.spend);
  if (value === undefined) return undefined;
  const [whole, keyQuote, sign] = separator;
  if (sign === ':' && !value.quoted) return secretAfterColon(text, key, value, keyQuote !== undefined);
  // What stands instead of a missing value in a program is a text; behind `||` in a shell stands a command.
  const isOtherPart =
    !value.quoted && (FALLBACK.test(whole) || (/^=+[ \t]/.test(whole) && NEXT_PAIR.test(value.text)));
  return !isOtherPart && isSecret(value, { rule: key.rule, prose: false }) ? value : undefined;
}

function secretAfterColon(text: string, key: Key, value: Value, isQuotedKey: boolean): Value | undefined {
  const line = restOfLine(text, key, value);
  if (line !== undefined) return line;
  const prose = isQuotedKey || !isConfigurationLine(text, key.start, value);
  return isSecret(value, { rule: key.rule, prose }) ? value : undefined;
}

/** A name that nobody writes in a sentence, `spring.mail.password`, at the start of a line has the rest of it as its value. */
function restOfLine(text: string, { start, end, rule }: Key, value: Value): Value | undefined {
  if (rule.kind !== 'password' || rule.common === true || rule.address === true) return undefined;
  if (isRemark(value.text)) return undefined;
  if (!MACHINE_NAME.test(text.slice(start, end)) || !isLineStart(text, start)) return undefined;
  const words = matchAt(WORDS, text, value.start)?.[0];
  return words !== undefined && isValue(words) ? { ...value, text: words } : undefined;
}

/** `--password hunter2` on a command line, `password 'hunter2'` in SQL, `password was set to …` in a sentence. */
function secretWithoutSeparator(text: string, { start, end, rule, spend }: Key): Value | undefined {
  const gap = isOption(text, start)
    ? matchAt(OPTION, text, end)
    : rule.kind === 'password' && matchAt(QUOTED_NEXT, text, end);
  if (gap) {
    const value = readValue(text, end + gap[0].length, spend);
    return value && isSecret(value, { rule, prose: false }) ? value : undefined;
  }
  return secretInSentence(text, { start, end, rule, spend });
}

function secretInSentence(text: string, { start, end, rule, spend }: Key): Value | undefined {
  const verb = matchAt(VERB, text, end)?.[0];
  const value = verb === undefined ? undefined : readValue(text, end + verb.length, spend);
  if (verb === undefined || value === undefined || !isValueOf(rule, value.text)) return undefined;
  return isSecretInSentence(value, { name: text.slice(start, end), verb, rule }) ? value : undefined;
}

interface Phrase {
  readonly name: string;
  readonly verb: string;
  readonly rule: KeyRule;
}

function isSecretInSentence({ text, quoted }: Value, { name, verb, rule }: Phrase): boolean {
  if (rule.kind !== 'password') return MACHINE_NAME.test(name) && isOpaque(text);
  return isStrongPassword(text) || (quoted && isQuotedPassword(text, name, verb));
}

function isQuotedPassword(text: string, name: string, verb: string): boolean {
  if (/^(?=[^\d]*\d)\S+$/.test(text)) return true;
  const isCertain = SETS.test(verb) || PASSPHRASE.test(name);
  return (isCertain || verb.trim() !== '') && isPassphrase(text, isCertain);
}

/** `--password`, and `-storepass` of Java's tools; a dash within a word is none. */
function isOption(text: string, keyStart: number): boolean {
  return text.startsWith('-', keyStart) && !/\w/.test(text.charAt(keyStart - 1));
}

function isSecret(value: Value, { rule, prose }: Pair): boolean {
  if (!isValueOf(rule, value.text)) return false;
  if (value.quoted) return true;
  if (isOtherThanValue(rule, value.text)) return false;
  if (!prose) return true;
  // What contained a secret of another form has lost it already; the rest of the sentence stays.
  return !value.text.includes('[REDACTED:') && (rule.common !== true || looksSecret(value.text));
}

/** What may stand without quotes behind the name of a secret and is none. */
function isOtherThanValue(rule: KeyRule, text: string): boolean {
  // Counts of tokens are what a model costs, not what it is called with.
  if (rule.counts === true && isCount(rule, text)) return true;
  return SCHEME.test(text) || isCode(text) || isRemark(text) || STRUCTURE.test(text);
}

/** A password of digits has more of them than a number of tests has. */
function isCount(rule: KeyRule, text: string): boolean {
  return (rule.kind === 'password' ? /^\d{1,5}$/ : /^\d+$/).test(text);
}

/** A line of its own that holds nothing but the pair, `token: abc`, is configuration and no sentence. */
function isConfigurationLine(text: string, keyStart: number, value: Value): boolean {
  const after = text.slice(value.start + value.text.length).slice(0, LONGEST_REACH);
  return isLineStart(text, keyStart) && /^[ \t]*(?:#.*)?(?:\r?\n|$)/.test(after);
}

function isLineStart(text: string, index: number): boolean {
  return LINE_START.test(text.slice(Math.max(0, index - LONGEST_REACH), index));
}

/** Charged whether or not it turns out to be a secret: names may follow each other so closely that each reads the rest. */
function readValue(text: string, start: number, spend: Spend): Value | undefined {
  const opening = start + (matchAt(TEXT_OPENING, text, start)?.[0].length ?? 0);
  const quoted = readQuoted(text, opening, LONGEST_QUOTED);
  const value =
    quoted === undefined
      ? readBare(text, start + (matchAt(QUOTE, text, start)?.[0].length ?? 0))
      : { start: quoted.start, text: text.slice(quoted.start, quoted.end), quoted: true };
  spend(value?.text.length ?? 0);
  return value;
}

function readBare(text: string, start: number): Value | undefined {
  const bare = matchAt(BARE_VALUE, text, start)?.[0];
  if (bare === undefined) return undefined;
  const rest = matchAt(REST_OF_VALUE, text, start + bare.length)?.[0] ?? '';
  const whole = bare + rest;
  const trimmed = withoutTrailing(whole);
  return trimmed === '' ? undefined : { start, text: trimmed, quoted: false };
}

function withoutTrailing(text: string): string {
  let end = text.length;
  // The bracket that ends a placeholder belongs to it.
  const isReference = text.startsWith('${') || text.includes('[REDACTED:');
  const least = isReference ? Math.max(text.lastIndexOf(']'), text.lastIndexOf('}')) + 1 : 0;
  while (end > least && TRAILING.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

function matchAt(pattern: RegExp, text: string, index: number): RegExpExecArray | null {
  pattern.lastIndex = index;
  return pattern.exec(text);
}
