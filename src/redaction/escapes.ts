// Texts whose secrets or names stand in a form that no rule reads: percent-encoded URLs and forms, `\u0022` of JSON that escapes
// for HTML, `&quot;` of XML, `\/` of JSON from PHP, full-width letters, and letters with characters between them that nobody sees.
// The rules read such a text once with all of these decoded; what they find is replaced in the text as it stands.

/** Nobody sees these: soft hyphen, zero-width space, joiners, marks of direction. */
const INVISIBLE = String.raw`\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff`;
const INVISIBLE_LETTERS = new RegExp(`[${INVISIBLE}]`, 'g');
/** Those, circled and full-width letters, and the alphabets of mathematics. */
const OTHER_FORM = String.raw`[${INVISIBLE}\u24b6-\u24e9\uff01-\uff5e]|\ud835[\udc00-\udfff]`;

/** A text with one of these may hold a pair, a URL, an element, or a name that reads otherwise. */
const ESCAPED = new RegExp(
  [
    String.raw`%(?:3[ACDEacde]|22|27|40|2[67DEFdef]|[46][1-9A-Fa-f]|[57][0-9AFaf]|[C-Fc-f][0-9A-Fa-f]%)`,
    String.raw`\\u[0-9A-Fa-f]{4}|\\x[2-7][0-9A-Fa-f]|:\\/\\/`,
    String.raw`&(?:quot|lt|gt|amp|apos|#\d{2,6}|#x[0-9A-Fa-f]{2,5});`,
    OTHER_FORM,
  ].join('|'),
);
const ESCAPE = new RegExp(
  [
    String.raw`%([2-7][0-9A-Fa-f]|[C-Fc-f][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f]){1,3})`,
    String.raw`\\(?:u([0-9A-Fa-f]{4})|x([2-7][0-9A-Fa-f])|(\/))`,
    String.raw`&(?:(quot|lt|gt|amp|apos)|#(\d{2,6}|x[0-9A-Fa-f]{2,5}));`,
    OTHER_FORM,
  ].join('|'),
  'g',
);
const ENTITIES: Readonly<Record<string, string>> = { quot: '"', lt: '<', gt: '>', amp: '&', apos: "'" };

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
    const character = decodeOne(escape, groups as (string | undefined)[]);
    at.push((groups[ESCAPE_GROUPS] as number) - more);
    more += escape.length - character.length;
    longer.push(more);
    return character;
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

/** What `replace` hands over before the position. */
const ESCAPE_GROUPS = 6;

function decodeOne(escape: string, groups: readonly (string | undefined)[]): string {
  const [percent, unit, byte, slash, entity, reference] = groups;
  if (percent !== undefined) return decodePercent(escape);
  const hexadecimal = unit ?? byte;
  if (hexadecimal !== undefined) return plainForm(String.fromCharCode(Number.parseInt(hexadecimal, 16)));
  if (entity !== undefined) return ENTITIES[entity] ?? escape;
  if (reference !== undefined) return String.fromCodePoint(Number(reference.replace('x', '0x')));
  return slash ?? plainForm(escape);
}

function decodePercent(escape: string): string {
  try {
    return decodeURIComponent(escape);
  } catch {
    // Bytes that are no UTF-8 stay as they are.
    return escape;
  }
}

/** A name as it is read: `ｐａｓｓ`, `𝗽𝗮𝘀𝘀` and `pass` are one, and what nobody sees is gone. It is compared, never stored. */
export function plainForm(text: string): string {
  return text.normalize('NFKC').replace(INVISIBLE_LETTERS, '');
}
