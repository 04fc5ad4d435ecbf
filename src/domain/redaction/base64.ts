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
const CANDIDATE = /(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{40,}={0,2}/g;
const DIGEST_BEFORE = /sha-?(?:1|224|256|384|512)[:-]$/i;
const DIGEST_ITSELF = /^sha-?(?:1|224|256|384|512)-/i;
const LOOK_BACK = 8;

/** Replaces what can only be encoded data: long runs of base64 that are no digest and no chain of words. */
export function replaceEncoded(text: string, replace: (encoded: string) => string): string {
  return text.replace(CANDIDATE, (run: string, start: number) => {
    if (DIGEST_ITSELF.test(run) || DIGEST_BEFORE.test(text.slice(Math.max(0, start - LOOK_BACK), start)))
      return run;
    return isEncoded(run) ? replace(run) : run;
  });
}

/**
 * How often neighbours differ in case or kind. Random base64 changes at 0.62 of its places, base64 of text at 0.5 and
 * more, paths and names made of words at 0.1 to 0.3.
 */
const LEAST_CHANGES = 0.38;

/** Hexadecimal digests, names in lower case and paths of words are not encoded data; audits are full of them. */
function isEncoded(run: string): boolean {
  if (run.length < SHORTEST) return false;
  if (!/[a-z]/.test(run) || !/[A-Z]/.test(run) || !/[0-9+/=]/.test(run)) return false;
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
