import { fitsIn, integerOf } from '../decimal.ts';
import { formatInterval, parseDuration, parseInterval } from '../duration.ts';
import { instantFromSql, isZeroTime, parseInstant } from '../instant.ts';
import type { JsonValue } from '../json.ts';
import { numberLexeme } from '../json.ts';
import { named } from '../named-schema.ts';
import { BIGINT_TEXT, DURATION, INT64, LONGEST_DURATION_TEXT, RFC_3339 } from '../value-patterns.ts';
import type { ColumnTypeDescription } from './description.ts';
import { asItIs, quoted, textLike, textOf } from './description.ts';

const INSTANT_ALLOWED = 'an RFC 3339 time such as 2026-11-21T10:48:00Z';
/** Go's range of nanoseconds, 292 years; without the sign. */
const DURATION_BITS = 63n;

export const timestamptz: ColumnTypeDescription = {
  travelsAs: 'text',
  observed: (value) => (typeof value === 'string' ? parseInstant(value) : undefined),
  posted: {
    read: (value) => {
      if (typeof value !== 'string') return undefined;
      return parseInstant(value) ?? (isZeroTime(value) ? null : undefined);
    },
    allowed: INSTANT_ALLOWED,
    schema: { type: ['string', 'null'], format: 'date-time', pattern: `^\\s*${RFC_3339}\\s*$` },
    typescript: 'Time',
  },
  filter: {
    read: parseInstant,
    allowed: INSTANT_ALLOWED,
    schema: named('InstantFilter', textLike(RFC_3339)),
  },
  answer: {
    type: 'string',
    format: 'date-time',
    json: (time) => quoted(instantFromSql(time)),
    csv: instantFromSql,
  },
  archived: { as: 'TIMESTAMPTZ', compare: 'native' },
};

export const interval: ColumnTypeDescription = {
  travelsAs: 'text',
  observed: (value) => intervalText(parseDuration(textOf(value) ?? numberLexeme(value) ?? '')),
  posted: {
    read: readPostedDuration,
    allowed: 'a duration of at most 292 years: integer nanoseconds, or text such as 2m3s or PT2M3S',
    schema: {
      oneOf: [
        { type: 'integer', format: 'int64', minimum: INT64.least, maximum: INT64.most },
        { type: 'string', maxLength: LONGEST_DURATION_TEXT, pattern: `^\\s*${DURATION}\\s*$` },
        { type: 'null' },
      ],
    },
    typescript: 'Duration',
  },
  filter: {
    read: (value) =>
      value.length > LONGEST_DURATION_TEXT ? undefined : intervalText(asGoDuration(parseDuration(value))),
    allowed: 'integer nanoseconds, or text such as 2m3s',
    schema: named('DurationFilter', {
      ...textLike(`${BIGINT_TEXT}|${DURATION}`),
      maxLength: LONGEST_DURATION_TEXT,
    }),
  },
  answer: {
    type: 'integer',
    json: (value) => parseInterval(value)?.toString() ?? quoted(value),
    // A spreadsheet can read PostgreSQL's own text.
    csv: asItIs,
  },
  archived: { as: 'VARCHAR', compare: 'duration' },
};

function intervalText(nanoseconds: bigint | undefined): string | undefined {
  return nanoseconds === undefined ? undefined : formatInterval(nanoseconds);
}

/** What went in must come out again as its integer nanoseconds. */
function asGoDuration(nanoseconds: bigint | undefined): bigint | undefined {
  return nanoseconds !== undefined && fitsIn(nanoseconds, DURATION_BITS) ? nanoseconds : undefined;
}

function readPostedDuration(value: JsonValue): string | undefined {
  const lexeme = numberLexeme(value);
  if (lexeme !== undefined) return intervalText(asGoDuration(integerOf(lexeme)));
  if (typeof value !== 'string' || value.length > LONGEST_DURATION_TEXT) return undefined;
  // Digits alone do not say of what; only zero is the same in every unit.
  if (/^[+-]?0*[1-9]\d*$/.test(value.trim())) return undefined;
  return intervalText(asGoDuration(parseDuration(value)));
}
