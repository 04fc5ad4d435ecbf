import { formatInterval, parseDuration } from '../../domain/duration.ts';
import { MAX_IDENTIFIER_LENGTH } from '../../domain/limits.ts';

/** One parameter of a report, the same on the command line and in the URL. */
export interface ReportParameter {
  readonly name: string;
  /** How its value is spelled: a length of time, any text, or a whole number of rows. */
  readonly type: 'duration' | 'text' | 'count';
  /** As PostgreSQL reads it; the literal of the source. null: no bound. */
  readonly default: string | null;
  /** For the help, and for the description of the API. */
  readonly meaning: string;
}

/** Values by the name of their parameter, as a person or a URL spells them. What is left out has its default. */
export type ReportArguments = Readonly<Record<string, string | undefined>>;

/** A parameter that the report does not have, or an invalid value. The message says what is allowed. */
export class ReportParameterError extends Error {
  readonly parameter: string;

  constructor(parameter: string, problem: string) {
    super(`${parameter} ${problem}`);
    this.name = 'ReportParameterError';
    this.parameter = parameter;
  }
}

/** The value of each parameter as PostgreSQL reads it, in the order of the statement. */
export function readParameters(
  parameters: readonly ReportParameter[],
  args: ReportArguments,
): (string | null)[] {
  const names = parameters.map(({ name }) => name);
  const unknown = Object.keys(args).find((name) => args[name] !== undefined && !names.includes(name));
  if (unknown !== undefined) {
    throw new ReportParameterError(unknown, `is not a parameter of this report; it has ${names.join(', ')}`);
  }
  return parameters.map((parameter) => {
    const value = args[parameter.name];
    return value === undefined ? parameter.default : readValue(parameter, value);
  });
}

function readValue({ name, type }: ReportParameter, text: string): string | null {
  switch (type) {
    case 'duration':
      return readDuration(name, text);
    case 'text':
      return readText(name, text);
    case 'count':
      return readCount(name, text);
  }
}

/** Reports answer in one piece, so nobody can ask for more rows than one answer may hold. */
export const MAX_REPORT_ROWS = 100_000;

function readCount(name: string, text: string): string {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MAX_REPORT_ROWS) return String(value);
  throw new ReportParameterError(
    name,
    `must be a whole number from 1 to ${MAX_REPORT_ROWS}, not ${JSON.stringify(text)}`,
  );
}

/** PostgreSQL has no NUL in text, and half a surrogate pair would arrive there as another character. */
function readText(name: string, text: string): string {
  if (text !== '' && text.length <= MAX_IDENTIFIER_LENGTH && text.isWellFormed() && !text.includes('\0'))
    return text;
  throw new ReportParameterError(
    name,
    `must be text of 1 to ${MAX_IDENTIFIER_LENGTH} characters, not ${text.length} of them`,
  );
}

/** Longer than any record exists; beyond it PostgreSQL's own arithmetic on times would fail. */
const MAX_DAYS = 36_500n;
const NANOSECONDS_PER_DAY = 86_400_000_000_000n;
const NANOSECONDS: Readonly<Record<string, bigint>> = {
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: NANOSECONDS_PER_DAY,
  w: 7n * NANOSECONDS_PER_DAY,
};

/** `all` takes the bound away, for the window only: other durations do not have this value. */
function readDuration(name: string, text: string): string | null {
  if (text === 'all' && name === 'since') return null;
  const nanoseconds = nanosecondsOf(text.trim());
  if (nanoseconds !== undefined && nanoseconds >= 0n && nanoseconds <= MAX_DAYS * NANOSECONDS_PER_DAY) {
    return intervalText(nanoseconds);
  }
  throw new ReportParameterError(
    name,
    `must be a length of time such as 7d, 36h, 90s, P7D or 24 hours, at most ${MAX_DAYS} days, not ${JSON.stringify(text)}`,
  );
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

/** Whole days as days and a single one as 24 hours, as the defaults of the reports are written. */
function intervalText(nanoseconds: bigint): string {
  const wholeDays = nanoseconds % NANOSECONDS_PER_DAY === 0n && nanoseconds > NANOSECONDS_PER_DAY;
  return wholeDays ? `${nanoseconds / NANOSECONDS_PER_DAY} days` : formatInterval(nanoseconds);
}
