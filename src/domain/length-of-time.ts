import { parseDuration } from './duration.ts';
import { instantOf, parseInstant } from './instant.ts';

/*
 * Lengths of time as people write them, on the command line and in URLs: `7d`, `36h`, `1w2d12h`, `24 hours`, Go text and
 * ISO 8601. One reading for lists and reports.
 */

export const NANOSECONDS_PER_DAY = 86_400_000_000_000n;
/** Longer than any record exists; beyond it PostgreSQL's own arithmetic on times would fail. */
const MAX_DAYS = 36_500n;

export const LENGTH_OF_TIME_ALLOWED = `a length of time such as 7d, 36h, 90s, P7D or 24 hours, at most ${MAX_DAYS} days`;
export const SINCE_ALLOWED = `an instant such as 2026-11-01T00:00:00Z, or ${LENGTH_OF_TIME_ALLOWED}`;

/** As an expression, for the description of the API. Digits so few that the sum is one that is taken. */
export const LENGTH_OF_TIME = [
  '(?:[0-9]{1,3}w)?(?:[0-9]{1,4}d)?(?:[0-9]{1,5}h)?(?:[0-9]{1,6}m)?[0-9]{1,8}(?:[.][0-9]{1,9})?s',
  '(?:[0-9]{1,3}w)?(?:[0-9]{1,4}d)?(?:[0-9]{1,5}h)?[0-9]{1,6}m',
  '(?:[0-9]{1,3}w)?(?:[0-9]{1,4}d)?[0-9]{1,5}h',
  '(?:[0-9]{1,3}w)?[0-9]{1,4}d',
  '[0-9]{1,3}w',
  '[0-9]{1,8}(?:[.][0-9]{1,9})?(?:ns|us|µs|ms)',
  '[0-9]{1,3} (?:week|day|hour|minute|second)s?',
  'P[0-9]{1,4}D(?:T[0-9]{1,5}H)?',
  'PT(?:[0-9]{1,5}H)?(?:[0-9]{1,6}M)?[0-9]{1,8}(?:[.][0-9]{1,9})?S',
  'PT(?:[0-9]{1,5}H)?[0-9]{1,6}M',
  'PT[0-9]{1,5}H',
].join('|');

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: NANOSECONDS_PER_DAY,
  w: 7n * NANOSECONDS_PER_DAY,
};

/** Nanoseconds; undefined for what is no length of time, is negative or too long. */
export function parseLengthOfTime(text: string): bigint | undefined {
  const nanoseconds = nanosecondsOf(text.trim());
  const isPossible =
    nanoseconds !== undefined && nanoseconds >= 0n && nanoseconds <= MAX_DAYS * NANOSECONDS_PER_DAY;
  return isPossible ? nanoseconds : undefined;
}

/** The instant that a text names: itself, or a length of time before now. Undefined for what is neither. */
export function instantOrAgo(text: string, nowMs: number): string | undefined {
  const instant = parseInstant(text);
  if (instant !== undefined) return instant;
  const nanoseconds = parseLengthOfTime(text);
  return nanoseconds === undefined ? undefined : instantOf(nowMs - Number(nanoseconds / 1_000_000n));
}

/** Weeks, days and whole words, which neither Go nor ISO 8601 has in this form. */
const PLAIN_PART = /(\d{1,9})(?:(w|d)|( (?:week|day|hour|minute|second))s?)(?![a-z]) ?/g;

/** Reads `24 hours`, `7d`, `1w2d12h`, Go text and ISO 8601. */
function nanosecondsOf(text: string): bigint | undefined {
  let plain = 0n;
  const rest = text.replaceAll(PLAIN_PART, (_part, count: string, letter?: string, word?: string) => {
    plain += BigInt(count) * (NANOSECONDS[letter ?? word?.charAt(1) ?? ''] ?? 0n);
    return '';
  });
  if (rest === '') return text === '' ? undefined : plain;
  // A bare number would be read as nanoseconds, which nobody means here.
  const time = /^[+-]?\d+$/.test(rest) ? undefined : parseDuration(rest);
  return time === undefined ? undefined : plain + time;
}
