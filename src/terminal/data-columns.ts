import type { Cell, TableColumn } from './table.ts';

/*
 * How data are fitted to a terminal whose columns are not known here, such as those of reports.
 *
 * The first text is what a row is about, and stays readable. A number, an instant and a length of time lose their title only, because a
 * part of them is another value. An id in which nobody reads anything goes first, then columns from the right.
 */

interface Data {
  readonly title: string;
  readonly values: readonly Cell[];
  readonly type: 'number' | 'instant' | 'other';
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
/** As PostgreSQL writes it: `00:00:22.345`, `1 day 02:00:00`. */
const INTERVAL = /^(?:-?\d+ \w+ ?)*(?:-?\d+:\d{2}:\d{2}(?:\.\d+)?)?$/;

/** As much of what a row is about as says which it is. */
const SUBJECT_WIDTH = 24;
/** What everything else is about stays on any terminal. */
const STAYING_COLUMNS = 2;

export function dataColumns(data: readonly Data[]): readonly TableColumn[] {
  const subject = data.findIndex((one) => one.type === 'other' && !isAll(one.values, UUID));
  return data.map((one, index) => {
    const { title, values, type } = one;
    if (type === 'other' && isAll(values, UUID)) return { title, goes: 0 };
    const last = index < subject + STAYING_COLUMNS ? {} : { goes: data.length - index };
    if (type === 'number') return { title, align: 'right', cut: 'title', ...last };
    if (type === 'instant' || isAll(values, INTERVAL)) return { title, cut: 'title', ...last };
    const least = index === subject ? { least: SUBJECT_WIDTH } : {};
    return { title, cut: 'middle', hasColour: true, ...least, ...last };
  });
}

function isAll(values: readonly Cell[], form: RegExp): boolean {
  const known = values.filter((value) => value !== null && value !== '');
  return known.length > 0 && known.every((value) => value !== null && form.test(value));
}
