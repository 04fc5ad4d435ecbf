import { parseJson } from './json.ts';

/*
 * Forms of values as regular expressions that JSON Schema takes: no flags, no look-behind. A description that says more
 * than the service takes sends a caller into errors; one that says less keeps a generated client from what is allowed.
 */

/** Lower case, as the service writes it. */
export const UUID_TEXT = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
export const UUID_IN_ANY_CASE =
  '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$';

/** Whole numbers of 64 bits, but for those of 19 digits that begin with 9. */
export const BIGINT_TEXT = '-?(?:[0-9]{1,18}|[1-8][0-9]{18})';
/** Whole numbers of 32 bits, but for those of 10 digits that begin with 2. */
export const INTEGER_TEXT = '-?(?:[0-9]{1,9}|1[0-9]{9})';
export const NUMBER_TEXT = '-?[0-9]{1,40}(?:[.][0-9]{1,40})?';
/** Of 64 bits; a number of JavaScript would be written as one that is beyond them. */
export const INT64 = { least: parseJson('-9223372036854775808'), most: parseJson('9223372036854775807') };

const ANY_COMMON_YEAR = 2025;
const DECEMBER = 12;
const LEAP_YEAR = '(?:\\d{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)';
const DAYS = new Map([
  [28, '(?:0[1-9]|1\\d|2[0-8])'],
  [29, '(?:0[1-9]|[12]\\d)'],
  [30, '(?:0[1-9]|[12]\\d|30)'],
  [31, '(?:0[1-9]|[12]\\d|3[01])'],
]);
/** A date of the calendar. */
const DATE = `(?:(?!0000)\\d{4}-${daysOfYear(ANY_COMMON_YEAR)}|${LEAP_YEAR}-02-29)`;
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d';
export const TIME = `[Tt ]${CLOCK}(?:[.,]\\d+)?(?:[Zz]|[+-](?:[01]\\d|2[0-3])(?::?[0-5]\\d)?)`;
/** Our own form of an instant. */
export const INSTANT = `${DATE}T${CLOCK}\\.\\d{6}Z`;
/** Any form of one that is taken. */
export const RFC_3339 = `${DATE}${TIME}`;

/** Digits of each unit, so few that no part is longer than the 292 years that a duration may last. */
const GO_UNITS: readonly (readonly [units: string, digits: number])[] = [
  ['h', 6],
  ['m', 8],
  ['s', 9],
  ['(?:ns|us|µs|μs|ms)', 12],
];
const GO_DURATION = `[+-]?(?:${GO_UNITS.map(([unit, digits]) => `(?:\\d{1,${digits}}\\.?\\d*|\\.\\d+)${unit}`).join('|')})+`;
const ISO_DURATION =
  '[+-]?P(?!\\s*$)(?:\\d{1,4}W)?(?:\\d{1,5}D)?(?:T(?=\\d)(?:\\d{1,6}(?:\\.\\d+)?H)?(?:\\d{1,8}(?:\\.\\d+)?M)?(?:\\d{1,9}(?:\\.\\d+)?S)?)?';
export const DURATION = `(?:-?0+|${GO_DURATION}|${ISO_DURATION})`;
export const LONGEST_DURATION_TEXT = 64;

/** Months and their days, `01-31`, up to the given number of months. */
export function daysOfYear(year: number, months = DECEMBER): string {
  const numbers = Array.from({ length: months }, (_, index) => index + 1);
  const byLength = Map.groupBy(numbers, (month) => new Date(Date.UTC(year, month, 0)).getUTCDate());
  const parts = [...byLength].map(([length, group]) => {
    const names = group.map((month) => String(month).padStart(2, '0'));
    return `(?:${names.join('|')})-${DAYS.get(length) ?? ''}`;
  });
  return `(?:${parts.join('|')})`;
}
