import { UsageError } from '../config/settings.ts';

/**
 * `2026-03` as `2026-03-01`, the date by which database and archive name a month. Any other form is a
 * UsageError.
 */
export function readMonth(text: string): string {
  if (!/^\d{4}-(?:0[1-9]|1[0-2])$/.test(text))
    throw new UsageError(`a month is written YYYY-MM, for example 2026-03, not ${JSON.stringify(text)}`);
  return `${text}-01`;
}
