import type { JsonObject } from '../../domain/json.ts';
import { invalidParameter } from '../problems.ts';

// PostgreSQL knows no year 0.
const MONTH = /^(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])$/;

/** A month as it stands in an address or a body. */
export const MONTH_SCHEMA: JsonObject = { type: 'string', pattern: MONTH.source, examples: ['2026-03'] };

export function isMonth(text: string): boolean {
  return MONTH.test(text);
}

/** `2026-03` as the first day of that month. */
export function firstDayOf(month: string): string {
  return `${month}-01`;
}

/** The month of an address, as its first day. */
export function readMonthParameter(text: string): string {
  if (!isMonth(text)) throw invalidParameter('month', 'must be YYYY-MM, for example 2026-03');
  return firstDayOf(text);
}
