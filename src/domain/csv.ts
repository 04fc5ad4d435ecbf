/** Quoted only where RFC 4180 demands it, and where the text is empty: a field without quotes is null. */
export function csvField(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What spreadsheets begin a formula with, also in full width, and the white space that some of them skip before it. */
const FORMULA = /^[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/;

/**
 * Text that a spreadsheet shows as it stands. Whoever writes a name or a message would otherwise have the reader's program
 * compute it, and could send cells beside it elsewhere. For columns of text alone: a number may begin with a minus.
 */
export function withoutFormula(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

/** How text columns are written. */
export interface CsvOptions {
  /** Text as it is stored, for programs; otherwise what would be a formula begins with `'`. */
  readonly raw: boolean;
}
