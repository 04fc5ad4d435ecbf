import { COST } from './budget.ts';
import type { Replace } from './rule.ts';

// Secrets that are encoded as a whole: PEM, web tokens, and long runs of base64.

const BEGIN = /-----BEGIN [A-Z0-9 ]{1,40}-----/g;
const END = '-----END ';
const DASHES = '-----';
/** What may follow the beginning of a block whose end was cut off: base64, and line breaks, escaped or not. */
const BODY = /(?:[A-Za-z0-9+/=\s]|\\[nrt])*/y;

/** Replaces certificates and keys in PEM. A block without an end, as in a log that was cut, goes as far as it looks like one. */
export const replacePem: Replace = (text, { redact, spend }) => {
  let result = '';
  let done = 0;
  for (const match of text.matchAll(BEGIN)) {
    spend(COST.start);
    if (match.index < done) continue;
    const end = endOfBlock(text, match.index + match[0].length);
    result += text.slice(done, match.index) + redact(text.slice(match.index, end));
    done = end;
  }
  return result + text.slice(done);
};

function endOfBlock(text: string, bodyStart: number): number {
  const nextBegin = text.indexOf('-----BEGIN ', bodyStart);
  // Looked for only as far as the next beginning: many beginnings without an end must not each search the whole text.
  const block = text.slice(bodyStart, nextBegin < 0 ? undefined : nextBegin);
  const end = block.indexOf(END);
  if (end >= 0) {
    const close = block.indexOf(DASHES, end + END.length);
    return bodyStart + (close < 0 ? block.length : close + DASHES.length);
  }
  BODY.lastIndex = 0;
  return bodyStart + (BODY.exec(block)?.[0].length ?? 0);
}

/**
 * Three base64url parts of which the first two are JSON objects. The first letters are those of an opening brace;
 * everything else is decided by decoding. Only the first part is consumed, so that a name before a token hides nothing.
 */
const TOKEN_HEADER = /(?<![A-Za-z0-9_-])e[w-z0-9_-][A-Za-z0-9_-]{4,4000}(?=\.e[w-z0-9_-])/g;
const TOKEN_REST = /\.([A-Za-z0-9_-]{2,20000})\.[A-Za-z0-9_-]*/y;

export const replaceJsonWebTokens: Replace = (text, { redact, spend }) => {
  let result = '';
  let done = 0;
  for (const match of text.matchAll(TOKEN_HEADER)) {
    const [header] = match;
    spend(COST.start);
    TOKEN_REST.lastIndex = match.index + header.length;
    const rest = match.index < done ? null : TOKEN_REST.exec(text);
    if (rest !== null) spend(COST.decoded * (header.length + rest[0].length));
    if (rest === null || !isJsonObjectText(header) || !isJsonObjectText(rest[1] ?? '')) continue;
    const token = header + rest[0];
    result += text.slice(done, match.index) + redact(token);
    done = match.index + token.length;
  }
  return result + text.slice(done);
};

function isJsonObjectText(encoded: string): boolean {
  const decoded = decodeBase64(encoded);
  if (decoded?.startsWith('{') !== true) return false;
  try {
    JSON.parse(decoded);
    return true;
  } catch {
    // Not JSON is an answer here, and no failure.
    return false;
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES: ReadonlyMap<string, number> = new Map([
  ...Array.from(ALPHABET, (letter, value): [string, number] => [letter, value]),
  // The alphabet of URLs.
  ['-', 62],
  ['_', 63],
]);

/** Bytes of base64 or base64url as one character each; undefined when it is neither. Node's Buffer is not at hand here. */
export function decodeBase64(text: string): string | undefined {
  const letters = text.replace(/={1,2}$/, '');
  if (letters.length % 4 === 1) return undefined;
  const bytes: string[] = [];
  let [bits, held] = [0, 0];
  for (const letter of letters) {
    const value = VALUES.get(letter);
    if (value === undefined) return undefined;
    bits = ((bits & 0xff) << 6) | value;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push(String.fromCharCode((bits >> held) & 0xff));
  }
  return bytes.join('');
}

const SHORTEST = 40;
/** An equals sign may stand before it, of a pair; two end what is encoded. */
const CANDIDATE = /(?<![A-Za-z0-9+/_-]|==)[A-Za-z0-9+/_-]{40,}={0,2}/g;
/** Also the sums of Go modules, and where a list of the Kubernetes API goes on. */
const DIGEST_BEFORE = /sha-?(?:1|224|256|384|512)[:-]$|\bh1:$|\bcontinue=$/i;
const DIGEST_ITSELF = /^sha-?(?:1|224|256|384|512)-/i;
const LOOK_BACK = 10;

/** Replaces what can only be encoded data: long runs of base64 that are no digest and no chain of words. */
export const replaceEncoded: Replace = (text, { redact }) =>
  text.replace(CANDIDATE, (run: string, start: number) => {
    if (DIGEST_ITSELF.test(run) || DIGEST_BEFORE.test(text.slice(Math.max(0, start - LOOK_BACK), start)))
      return run;
    return isEncoded(run) ? redact(run) : run;
  });

/**
 * How often neighbours differ in case or kind. Random base64 changes at 0.62 of its places, base64 of text at 0.5 and
 * more, paths and names made of words at 0.1 to 0.3.
 */
const LEAST_CHANGES = 0.38;

/** One part of a path or of a name: words, `Microsoft`, `resourceGroups`, `v2`; or hexadecimal, as in a uid. */
const WORDS = /^(?:[A-Za-z]?[a-z]*(?:[A-Z][a-z]+)*\d{0,3}|[A-Z]+|[a-f0-9]*)$/;

/** Hexadecimal digests, names in lower case and paths of words are not encoded data; audits are full of them. */
function isEncoded(run: string): boolean {
  if (run.length < SHORTEST) return false;
  if (!/[a-z]/.test(run) || !/[A-Z]/.test(run) || !/[0-9+/=]/.test(run)) return false;
  if (run.split(/[-_/]/).every((part) => WORDS.test(part))) return false;
  let changes = 0;
  for (let index = 1; index < run.length; index += 1) {
    if (kindOfLetter(run.charCodeAt(index)) !== kindOfLetter(run.charCodeAt(index - 1))) changes += 1;
  }
  return changes >= LEAST_CHANGES * (run.length - 1);
}

function kindOfLetter(code: number): number {
  if (code >= 0x61) return 0;
  if (code >= 0x41) return 1;
  return code >= 0x30 ? 2 : 3;
}
