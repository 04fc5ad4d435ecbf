/*
 * Text on a terminal: how wide it is, what of it is shown, and where it is cut.
 *
 * In: any text, also what a stranger wrote into a resource. Out: one line that moves no cursor, sets no colour and reverses
 * no direction, of at most the width that was asked for. Pure.
 */

/** Characters that a terminal obeys, or that reorder or hide what stands beside them (bidirectional and tag characters). */
const OBEYED =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

const REPLACEMENT = '\ufffd';

/** One line of text that a terminal shows and does not obey. */
export function safeText(text: string): string {
  return text.toWellFormed().replaceAll(/\s+/g, ' ').replaceAll(OBEYED, REPLACEMENT);
}

/** Text of several lines, such as JSON of our own making, without what a terminal would obey. */
export function safeLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.toWellFormed().replaceAll(OBEYED, REPLACEMENT))
    .join('\n');
}

/** Two columns each: East Asian wide and full-width characters (UAX 11), in blocks. */
const WIDE =
  /[\u1100-\u115f\u231a\u231b\u2329\u232a\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{20000}-\u{3fffd}]/u;
/** What is drawn as a picture, by itself or because a selector asks for it. */
const PICTURE =
  /\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|\p{Regional_Indicator}{2}|\ufe0f\u20e3/u;
/** What stands on the character before it. */
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Most texts are names: each of their characters takes one column. */
const PLAIN = /^[\x20-\x7e]*$/;

/** Columns of a terminal that a safe text takes. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += widthOfGrapheme(segment);
  return width;
}

function widthOfGrapheme(grapheme: string): number {
  if (PICTURE.test(grapheme) || WIDE.test(grapheme)) return 2;
  return NOTHING.test(grapheme) ? 0 : 1;
}

const MARK = '…';

/** The text, or its beginning with a mark where it is wider than `width`. */
export function cutEnd(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return width < 1 ? '' : `${beginning(text, width - 1)}${MARK}`;
}

/** The text, or its beginning and its end: what distinguishes names and addresses often stands last. */
export function cutMiddle(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width < 5) return cutEnd(text, width);
  const before = Math.ceil((width - 1) / 2);
  return `${beginning(text, before)}${MARK}${ending(text, width - 1 - before)}`;
}

function beginning(text: string, width: number): string {
  let [taken, kept] = [0, ''];
  // No text of more characters than this has a beginning that needs the rest; some are of 100,000.
  for (const { segment } of graphemes.segment(text.slice(0, longest(width)))) {
    taken += widthOfGrapheme(segment);
    if (taken > width) break;
    kept += segment;
  }
  return kept;
}

function ending(text: string, width: number): string {
  const segments = [...graphemes.segment(text.slice(-longest(width)))].map(({ segment }) => segment);
  let [taken, kept] = [0, ''];
  for (const segment of segments.toReversed()) {
    taken += widthOfGrapheme(segment);
    if (taken > width) break;
    kept = segment + kept;
  }
  return kept;
}

/** Code units of a text that can fill a width; letters with a heap of marks end before. */
const longest = (width: number): number => 32 * (width + 1);

/** Padded to a width; what is wider stays as it is. */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text;
}

/** Lines of at most `width`, broken between words; a word that is wider is broken where it must. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((one) => piecesOf(one, width))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= width) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

function piecesOf(word: string, width: number): string[] {
  if (widthOf(word) <= width) return [word];
  const pieces = [''];
  for (const { segment } of graphemes.segment(word)) {
    const longer = `${pieces.at(-1) ?? ''}${segment}`;
    if (widthOf(longer) <= width) pieces[pieces.length - 1] = longer;
    else pieces.push(segment);
  }
  return pieces;
}
