import { formatInterval } from '../../domain/duration.ts';
import { parseInstant } from '../../domain/instant.ts';
import {
  LENGTH_OF_TIME_ALLOWED,
  NANOSECONDS_PER_DAY,
  parseLengthOfTime,
  SINCE_ALLOWED,
} from '../../domain/length-of-time.ts';
import { MAX_IDENTIFIER_LENGTH } from '../../domain/limits.ts';

/** One parameter of a report, the same on the command line and in the URL. */
export interface ReportParameter {
  readonly name: string;
  /** How its value is spelled: a length of time, the same or an instant, any text, or a whole number of rows. */
  readonly type: 'duration' | 'since' | 'text' | 'count';
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
    case 'since':
      return readSince(name, text);
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

function readDuration(name: string, text: string): string {
  const nanoseconds = parseLengthOfTime(text);
  return nanoseconds === undefined ? refuseDuration(name, text) : intervalText(nanoseconds);
}

/** The window begins at an instant or a length of time ago; `all` takes the bound away. */
function readSince(name: string, text: string): string | null {
  return text === 'all' ? null : (parseInstant(text) ?? readDuration(name, text));
}

function refuseDuration(name: string, text: string): never {
  const allowed = name === 'since' ? SINCE_ALLOWED : LENGTH_OF_TIME_ALLOWED;
  throw new ReportParameterError(name, `must be ${allowed}, not ${JSON.stringify(text)}`);
}

/** Whole days as days and a single one as 24 hours, as the defaults of the reports are written. */
function intervalText(nanoseconds: bigint): string {
  const wholeDays = nanoseconds % NANOSECONDS_PER_DAY === 0n && nanoseconds > NANOSECONDS_PER_DAY;
  return wholeDays ? `${nanoseconds / NANOSECONDS_PER_DAY} days` : formatInterval(nanoseconds);
}

/**
 * Where the window begins, of the parameter with this number: an instant, or an interval before now. An instant belongs to
 * its window, as `since` of a list has it; the windows of the sources begin behind theirs.
 */
export function sinceExpression(number: number): string {
  const value = `$${number}::text`;
  return `coalesce(
    case when ${value} like '%T%' then ${value}::timestamptz - interval '1 microsecond'
      else now() - ${value}::interval end,
    '-infinity')`;
}
