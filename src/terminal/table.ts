import { cutEnd, cutMiddle, safeText, widthOf } from './text.ts';
import { type Colour, colourOf, painted, type View } from './view.ts';

export interface TableColumn {
  readonly title: string;
  readonly align?: 'right';
  /** Where a wide value loses its text; `title`: only the title does. Default: the column is as wide as its widest value. */
  readonly cut?: 'middle' | 'end' | 'title';
  /** Whether the column may go where the terminal is too narrow for all; the smallest goes first. Default: it stays. */
  readonly goes?: number;
  /** Width that a column which is cut keeps. Default: 8. */
  readonly least?: number;
  /** Whether a word of it has the colour of its meaning. */
  readonly hasColour?: boolean;
}

/** What a column that is cut keeps, so that a person still recognizes the value. */
const LEAST_WIDTH = 8;
/** Of a title above narrow numbers. */
const TITLE_WIDTH = 6;
const GAP = 2;
const UNKNOWN = '–';

/** A value that is not known is null. */
export type Cell = string | null;

/**
 * One line per row below a line of titles, as wide as the view. On a narrow one columns go, then what is too wide is cut, the
 * widest column first; on a terminal narrower than what is left, the end of each line.
 */
export function tableText(
  columns: readonly TableColumn[],
  rows: readonly (readonly Cell[])[],
  view: View,
): string {
  const measured = columns.map((column, index) =>
    measure(
      column,
      rows.map((row) => cellText(row[index] ?? null)),
    ),
  );
  const shown = view.width === undefined ? measured : fitted(measured, view.width);
  const titles = lineOf(
    shown.map((one) => ({ ...one, text: one.column.title, colour: 'bold' })),
    view,
  );
  const lines = rows.map((_row, row) =>
    lineOf(
      shown.map((one) => cellAt(one, row)),
      view,
    ),
  );
  return [titles, ...lines].map((line) => `${line}\n`).join('');
}

/** A column with what is in it, and how wide it is and may be. */
interface Measured {
  readonly column: TableColumn;
  readonly texts: readonly string[];
  readonly width: number;
  readonly least: number;
}

function measure(column: TableColumn, texts: readonly string[]): Measured {
  const values = texts.reduce((widest, text) => Math.max(widest, widthOf(text)), 0);
  const width = Math.max(values, widthOf(column.title));
  const { least = LEAST_WIDTH } = column;
  const leasts = { middle: least, end: least, title: Math.max(values, TITLE_WIDTH) };
  return {
    column,
    texts,
    width,
    least: Math.min(width, column.cut === undefined ? width : leasts[column.cut]),
  };
}

function cellText(value: Cell): string {
  return value === null || value === '' ? UNKNOWN : safeText(value);
}

function fitted(measured: readonly Measured[], width: number): Measured[] {
  const shown = withoutWhatGoes(measured, width);
  let over = total(shown.map((one) => one.width)) - width;
  while (over > 0) {
    // The widest loses what it has more than the next, so that no column is cut before one that is wider.
    const [first, second] = shown
      .filter((one) => one.width > one.least)
      .toSorted((one, other) => other.width - one.width);
    if (first === undefined) break;
    const until = Math.max(first.least, Math.min(second?.width ?? 0, first.width - 1));
    const taken = Math.min(over, first.width - until);
    shown[shown.indexOf(first)] = { ...first, width: first.width - taken };
    over -= taken;
  }
  return shown;
}

function withoutWhatGoes(measured: readonly Measured[], width: number): Measured[] {
  const shown = [...measured];
  while (total(shown.map(({ least }) => least)) > width) {
    const [next] = shown
      .filter(({ column }) => column.goes !== undefined)
      .toSorted((one, other) => (one.column.goes ?? 0) - (other.column.goes ?? 0));
    if (next === undefined) break;
    shown.splice(shown.indexOf(next), 1);
  }
  return shown;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, GAP * (widths.length - 1));
}

interface ShownCell {
  readonly column: TableColumn;
  readonly width: number;
  readonly text: string;
  readonly colour: Colour | undefined;
}

function cellAt({ column, width, texts }: Measured, row: number): ShownCell {
  const text = texts[row] ?? '';
  return { column, width, text, colour: column.hasColour === true ? colourOf(text) : undefined };
}

function lineOf(cells: readonly ShownCell[], view: View): string {
  let [line, used] = ['', 0];
  for (const [index, { column, width, text, colour }] of cells.entries()) {
    const gap = index === 0 ? 0 : GAP;
    // Of a line that is too long the end is left out, and never half of a column's colour.
    const room = Math.min(width, (view.width ?? Number.POSITIVE_INFINITY) - used - gap);
    if (room < 1) break;
    const short = column.cut === 'middle' ? cutMiddle(text, room) : cutEnd(text, room);
    const padding = ' '.repeat(room - widthOf(short));
    const colourful = painted(short, colour, view);
    line += ' '.repeat(gap) + (column.align === 'right' ? padding + colourful : colourful + padding);
    used += gap + room;
  }
  return line.trimEnd();
}
