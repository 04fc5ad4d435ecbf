// Texts whose secrets stand behind escapes that no rule reads: percent-encoded URLs and forms, `\u0022` of JSON that escapes
// for HTML, `&quot;` of XML, `\/` of JSON from PHP. The rules read such a text once with its escapes decoded; what they find is
// replaced in the text as it stands.

/** A text with one of these may hold a pair, a URL or an element. */
const ESCAPED =
  /%(?:3[ACDEacde]|22|27|40|2[67Ff])|\\u00[2-7][0-9A-Fa-f]|&(?:quot|lt|gt|amp|apos|#3[49]);|:\\\/\\\//;
const ESCAPE = /%([2-7][0-9A-Fa-f])|\\u00([2-7][0-9A-Fa-f])|&(quot|lt|gt|amp|apos|#34|#39);|\\(\/)/g;
const ENTITIES: Readonly<Record<string, string>> = {
  quot: '"',
  lt: '<',
  gt: '>',
  amp: '&',
  apos: "'",
  '#34': '"',
  '#39': "'",
};

export function mayBeEscaped(text: string): boolean {
  return ESCAPED.test(text);
}

/** Replaces secrets in a decoded text. What `note` returns stands in their place. */
type Redact = (decoded: string, note: (kind: string, secret: string) => string) => string;

interface Span {
  readonly kind: string;
  /** Length of what was replaced, in the decoded text. */
  readonly length: number;
}

const NOTE = /\[REDACTED:note-(\d{1,7})\]/g;

/**
 * Decodes, lets `redact` find secrets, and replaces them where they stand in the text. Every secret gets a number, so that the
 * order in which rules find them does not matter.
 */
export function redactEscaped(
  text: string,
  redact: Redact,
  replace: (kind: string, secret: string) => string,
): string {
  const spans: Span[] = [];
  const lengthOf = (noted: string): number =>
    Array.from(noted.matchAll(NOTE)).reduce(
      (sum, [note, number]) => sum - note.length + (spans[Number(number)]?.length ?? 0),
      noted.length,
    );
  const { decoded, positions } = decode(text);
  // Somebody wrote such a number: it would be taken for one of ours.
  if (decoded.includes('[REDACTED:note-')) return text;
  const noted = redact(decoded, (kind, secret) => {
    spans.push({ kind, length: lengthOf(secret) });
    return `[REDACTED:note-${spans.length - 1}]`;
  });
  let [result, done, at, last] = ['', 0, 0, 0];
  for (const note of noted.matchAll(NOTE)) {
    const span = spans[Number(note[1])];
    if (span === undefined) continue;
    at += note.index - last;
    last = note.index + note[0].length;
    const [start, end] = [positions(at), positions(at + span.length)];
    at += span.length;
    result += text.slice(done, start) + replace(span.kind, text.slice(start, end));
    done = end;
  }
  return result + text.slice(done);
}

interface Decoded {
  readonly decoded: string;
  /** Where a character of the decoded text begins in the text; to be called with rising positions. */
  readonly positions: (index: number) => number;
}

function decode(text: string): Decoded {
  /** Of each escape: where its character is, and how much longer the text is behind it. */
  const at: number[] = [];
  const longer: number[] = [];
  let more = 0;
  const decoded = text.replace(ESCAPE, (escape: string, ...groups: unknown[]) => {
    const [percent, unicode, entity, , index] = groups as [string?, string?, string?, string?, number?];
    at.push((index ?? 0) - more);
    more += escape.length - 1;
    longer.push(more);
    const code = percent ?? unicode;
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return entity === undefined ? '/' : (ENTITIES[entity] ?? ' ');
  });
  let escape = 0;
  return {
    decoded,
    positions: (index) => {
      while (escape < at.length && (at[escape] ?? 0) < index) escape += 1;
      return index + (longer[escape - 1] ?? 0);
    },
  };
}
