import { COST } from './budget.ts';
import type { KeyNames, KeyRule } from './key-names.ts';
import type { Replace } from './rule.ts';
import { isRemark, isValue, looksSecret, readQuoted } from './values.ts';

const LONGEST_REACH = 64;
const KEY_LETTER = /[A-Za-z0-9_.-]/;
const SEPARATOR = /(\\{0,8}["'`])?[ \t]{0,8}(=>|={1,3}|:)[ \t]{0,8}/y;
/** `password= user=api` has no password. */
const NEXT_PAIR = /^[\w.-]+=/;
const OPTION = /[ \t]{1,4}(?=[^-\s])/y;
const QUOTED_NEXT = /[ \t]{1,4}(?=')/y;
const QUOTE = /\\{0,8}["'`]/y;
const BARE_VALUE = /(?:[^\s"'`\\&<>,;]|\\(?![nrt"'`\\])){1,4096}/y;
/** What goes on behind a comma, semicolon or ampersand and is no further pair belongs to the value. */
const REST_OF_VALUE = /[,;&][^\s"'`\\<>=:]{0,256}(?=[\s"'`\\<>]|$)/y;
/** Punctuation of the sentence or structure that a bare value stands in. */
const TRAILING = ')]}.,;:!?&';
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
      const rule = names.secretRule(text.slice(start, end));
      const value = rule && secretAfter(text, start, end, rule);
      if (!rule || !value) continue;
      spend(value.text.length);
      result += text.slice(done, value.start) + redact(value.text, rule.kind);
      done = value.start + value.text.length;
      finder.lastIndex = done;
    }
    return result + text.slice(done);
  };
}

function wholeKey(text: string, from: number, to: number): [start: number, end: number] {
  let [start, end] = [from, to];
  while (start > 0 && from - start < LONGEST_REACH && KEY_LETTER.test(text.charAt(start - 1))) start -= 1;
  while (end < text.length && end - to < LONGEST_REACH && KEY_LETTER.test(text.charAt(end))) end += 1;
  return [start, end];
}

function secretAfter(text: string, keyStart: number, keyEnd: number, rule: KeyRule): Value | undefined {
  const separator = matchAt(SEPARATOR, text, keyEnd);
  if (separator === null) return secretWithoutSeparator(text, keyStart, keyEnd, rule);
  const value = readValue(text, keyEnd + separator[0].length);
  if (value === undefined) return undefined;
  const [whole, keyQuote, sign] = separator;
  if (/^=+[ \t]/.test(whole) && !value.quoted && NEXT_PAIR.test(value.text)) return undefined;
  const prose =
    sign === ':' && !value.quoted && (keyQuote !== undefined || !isConfigurationLine(text, keyStart, value));
  return isSecret(value, { rule, prose }) ? value : undefined;
}

/** `--password hunter2` on a command line, and `password 'hunter2'` in SQL. */
function secretWithoutSeparator(
  text: string,
  keyStart: number,
  keyEnd: number,
  rule: KeyRule,
): Value | undefined {
  const gap = text.startsWith('--', keyStart)
    ? matchAt(OPTION, text, keyEnd)
    : rule.kind === 'password' && matchAt(QUOTED_NEXT, text, keyEnd);
  const value = gap ? readValue(text, keyEnd + gap[0].length) : undefined;
  return value && isSecret(value, { rule, prose: false }) ? value : undefined;
}

function isSecret(value: Value, { rule, prose }: Pair): boolean {
  if (!isValue(value.text)) return false;
  if (value.quoted) return true;
  if (SCHEME.test(value.text)) return false;
  // Counts of tokens are what a model costs, not what it is called with.
  if (rule.kind === 'token' && /^\d+$/.test(value.text)) return false;
  if (isRemark(value.text)) return false;
  if (!prose) return true;
  // What contained a secret of another form has lost it already; the rest of the sentence stays.
  return !value.text.includes('[REDACTED:') && (rule.common !== true || looksSecret(value.text));
}

/** A line of its own that holds nothing but the pair, `token: abc`, is configuration and no sentence. */
function isConfigurationLine(text: string, keyStart: number, value: Value): boolean {
  const before = text.slice(Math.max(0, keyStart - LONGEST_REACH), keyStart);
  const after = text.slice(value.start + value.text.length).slice(0, LONGEST_REACH);
  return /(?:^|\n)[ \t]*(?:- )?$/.test(before) && /^[ \t]*(?:#.*)?(?:\r?\n|$)/.test(after);
}

function readValue(text: string, start: number): Value | undefined {
  const quoted = readQuoted(text, start, LONGEST_QUOTED);
  if (quoted !== undefined)
    return { start: quoted.start, text: text.slice(quoted.start, quoted.end), quoted: true };
  return readBare(text, start + (matchAt(QUOTE, text, start)?.[0].length ?? 0));
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
  const least = text.lastIndexOf('[REDACTED:') < 0 ? 0 : text.lastIndexOf(']') + 1;
  while (end > least && TRAILING.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

function matchAt(pattern: RegExp, text: string, index: number): RegExpExecArray | null {
  pattern.lastIndex = index;
  return pattern.exec(text);
}
