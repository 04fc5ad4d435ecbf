import { named } from '../../domain/named-schema.ts';
import { PARTITION_STATES } from '../../domain/records/service-tables.ts';
import { invalidParameter } from '../http/problems.ts';

// PostgreSQL knows no year 0.
const MONTH = /^(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])$/;

/** A month as it stands in an address or a body. */
export const MONTH_SCHEMA = named('Month', { type: 'string', pattern: MONTH.source, examples: ['2026-03'] });

/** Where a month is. */
export const PARTITION_STATE_SCHEMA = named('PartitionState', {
  type: 'string',
  enum: [...PARTITION_STATES],
});

export function isMonth(text: string): boolean {
  return MONTH.test(text);
}

/** `2026-03` as the first day of that month. */
export function firstDayOf(month: string): string {
  return `${month}-01`;
}

/** The month of an address, as its first day. Throws the problem that says how a month is written. */
export function readMonthParameter(text: string): string {
  if (!isMonth(text)) throw invalidParameter('month', 'must be YYYY-MM, for example 2026-03');
  return firstDayOf(text);
}
