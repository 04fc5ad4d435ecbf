export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;

/** Index of the quote that ends the string beginning at `start` in JSON text. */
export function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text.charCodeAt(index) !== QUOTE) {
    index += text.charCodeAt(index) === BACKSLASH ? 2 : 1;
  }
  return index;
}

/** A string and, when it is a key, the colon after it. */
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/gs;
const AFTER_KEY = /\s*:/y;

/** Whether a key of JSON text is written with an escape. Passes over what has no backslash. */
export function hasEscapedKey(text: string): boolean {
  let backslash = text.indexOf('\\');
  while (backslash >= 0) {
    const end = endOfString(text, backslash - 1);
    AFTER_KEY.lastIndex = end + 1;
    if (AFTER_KEY.test(text)) return true;
    backslash = text.indexOf('\\', end + 1);
  }
  return false;
}

/** JSON text whose keys are their own indexes, each after a `#` that keeps them in order, and the keys they stand for. */
interface NumberedKeys {
  readonly text: string;
  readonly keys: readonly string[];
}

export function numberKeys(text: string): NumberedKeys {
  const keys: string[] = [];
  const numbered = text.replaceAll(STRING, (string, colon: string | undefined) => {
    if (colon === undefined) return string;
    keys.push(JSON.parse(string.slice(0, -colon.length)) as string);
    return `"#${keys.length - 1}":`;
  });
  return { text: numbered, keys };
}
