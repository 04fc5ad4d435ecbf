import type pg from 'pg';

import { ManifestError } from '../../archive/manifest/manifest.ts';
import { DuckDbError } from '../../archive/parquet/duckdb.ts';
import { ArchiveTimeoutError } from '../../archive/reader/archive-reader.ts';
import { ArchiveBusyError } from '../../archive/reader/archive-reader.ts';
import { DamagedPartError } from '../../archive/reader/part-cache.ts';
import { ObjectMissingError, ObjectStoreError } from '../../archive/store/object-store.ts';
import { isOutage, SQLSTATE, sqlStateOf } from '../../database/sqlstate.ts';
import type { JsonObject } from '../../domain/json.ts';
import { named, orNull } from '../../domain/named-schema.ts';
import type { Unsearched } from '../../query/combined-answer.ts';
import { MonthMovedMeanwhileError } from '../../query/combined-answer.ts';
import { SearchUnfinishedError } from '../../query/combined-record.ts';
import { ReportsBusyError } from '../../query/reports/report-lanes.ts';
import type { ProblemType } from '../http/problems.ts';
import { Problem, retryAfter } from '../http/problems.ts';
import type { Answer } from '../http/route.ts';

/** What a group of routes asks, and where it stores what a caller decides. No GET is given the second. */
export interface DatabaseAccess {
  /** As audit_reader. */
  readonly pool: pg.Pool;
  /** As audit_writer. */
  readonly writer: pg.Pool;
}

const DATABASE_RETRY_SECONDS = 2;
const ARCHIVE_RETRY_SECONDS = 5;

/**
 * Asks the database; what keeps it from answering becomes the problem that says so. An error of ours stays what it is, and
 * is answered as `internal-error`: answered as an outage, it would be sent again for ever.
 */
export async function fromDatabase<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error: unknown) {
    if (error instanceof Problem) throw error;
    if (sqlStateOf(error) === SQLSTATE.query_canceled) {
      const detail = 'the query took too long; narrow it with since, until or a filter';
      throw new Problem('query-too-slow', detail, { cause: error });
    }
    if (!isOutage(error)) throw error;
    // Its own words may quote what was asked for; they are in the log, under this request.
    throw new Problem('database-unavailable', 'the database does not answer', {
      ...retryAfter(DATABASE_RETRY_SECONDS),
      cause: error,
    });
  }
}

/** Asks the database and the archive; what keeps either from answering becomes the problem that says so. */
export function fromEverywhere<T>(ask: () => Promise<T>): Promise<T> {
  return fromDatabase(async () => {
    try {
      return await ask();
    } catch (error: unknown) {
      throw problemOf(error) ?? error;
    }
  });
}

/** An answer that lacks a part would look like a whole one, so there is none. */
function problemOf(error: unknown): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  const type = typeOf(error);
  if (type === undefined) return undefined;
  const mayPass = type === 'archive-busy' || type === 'archive-unavailable' || type === 'reports-busy';
  return new Problem(type, error.message, {
    ...(mayPass ? retryAfter(ARCHIVE_RETRY_SECONDS) : {}),
    cause: error,
  });
}

function typeOf(error: Error): ProblemType | undefined {
  // A store that does not deliver in time is away; a question that takes too long is too large.
  if (error instanceof ArchiveTimeoutError)
    return error.key === undefined ? 'query-too-slow' : 'archive-unavailable';
  if (error instanceof DuckDbError) return error.isTooLarge ? 'query-too-slow' : undefined;
  return TYPES.find(([known]) => error instanceof known)?.[1];
}

/**
 * By class of error. A month that moved while it was read is found by another attempt, so it counts as busy.
 */
const TYPES = [
  [ArchiveBusyError, 'archive-busy'],
  [MonthMovedMeanwhileError, 'archive-busy'],
  [ObjectStoreError, 'archive-unavailable'],
  [ObjectMissingError, 'archive-damaged'],
  [DamagedPartError, 'archive-damaged'],
  [ManifestError, 'archive-damaged'],
  [SearchUnfinishedError, 'query-too-slow'],
  [ReportsBusyError, 'reports-busy'],
] as const;

/** Ends the detail of an answer that found nothing: which months were not searched, and why. */
export function butNotSearched({ months, reason }: Unsearched): string {
  const span = months.length === 1 ? months[0] : `${months[0] ?? ''} to ${months.at(-1) ?? ''}`;
  return `as far as was searched: not in ${span ?? ''}, because ${reason}`;
}

/** The problems that a route over the archive may answer with, for its description. */
export const ARCHIVE_PROBLEMS = ['archive-busy', 'archive-damaged', 'archive-unavailable'] as const;

/** What was not searched, as headers: for CSV and lines, which have no field for it. Sent with JSON too. */
export function unsearchedHeaders(unsearched: Unsearched | undefined): NonNullable<Answer['headers']> {
  if (unsearched === undefined) return {};
  return { 'unsearched-months': unsearched.months.join(', '), 'unsearched-reason': unsearched.reason };
}

const UNSEARCHED = named('Unsearched', {
  type: 'object',
  required: ['months', 'reason'],
  properties: {
    months: { type: 'array', items: { type: 'string', examples: ['2026-03'] } },
    reason: { type: 'string', description: 'Why, and what would change that' },
  },
});

export const unsearchedSchema: JsonObject = {
  ...orNull(UNSEARCHED),
  description: 'Months that the answer is about and that were not looked at; null when there are none',
};
