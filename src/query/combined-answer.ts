import type pg from 'pg';

import type { ArchiveReader } from '../archive/reader/archive-reader.ts';
import type { ArchivedMonth } from '../database/months/archived-months.ts';
import type { Position, RecordRow } from '../database/reading/record-query.ts';
import type { Entry } from './merge-sorted.ts';

/** Where a row was read. `both`: it is the fold of observations in the database and in the archive. */
export const ROW_SOURCES = ['database', 'archive', 'both'] as const;
type RowSource = (typeof ROW_SOURCES)[number];

/** A row with the place where it was read. */
export interface SourcedRow {
  readonly row: RecordRow;
  readonly source: RowSource;
}

/** One step of a list of records. */
export type RecordEntry = Entry<Position, SourcedRow>;

/** Months that an answer is about and that were not looked at. */
export interface Unsearched {
  /** `2026-03`, oldest first. */
  readonly months: readonly string[];
  /** Why, and what would change that. */
  readonly reason: string;
}

/** How an answer is wanted. */
export interface QueryOptions {
  /** Aborted when the caller no longer waits for the answer. */
  readonly signal: AbortSignal;
  /** Whether the archive is searched where the answer reaches into it. */
  readonly includeArchive: boolean;
  /**
   * Records of the database that a page of a list looks at, about, where no index leads to what matches: a page may then end early,
   * and has a next one. Default all.
   */
  readonly mostLookedAt?: number | undefined;
}

/** The archive, or why this process cannot search it. */
export type ArchiveAccess = { readonly reader: ArchiveReader } | { readonly missing: string };

/** What one answer is made of. */
export interface Sources {
  readonly pool: pg.Pool;
  readonly archive: ArchiveAccess;
}

/** Undefined when every month was searched. A month that several tables lack is named once. */
export function unsearched(months: readonly ArchivedMonth[], reason: string): Unsearched | undefined {
  if (months.length === 0) return undefined;
  return { months: [...new Set(months.map(({ month }) => month.slice(0, 7)))].sort(), reason };
}

/** A reason for months that were not searched: the caller did not want them. */
export const LEFT_OUT = 'the archive was left out by include_archive=false';

export function fromDatabase(row: RecordRow): SourcedRow {
  return { row, source: 'database' };
}

/**
 * A month was moved while it was read, so what was read of it may be incomplete. Another attempt finds it
 * where it is now.
 */
export class MonthMovedMeanwhileError extends Error {
  readonly month: string;

  constructor(month: string) {
    super(`month ${month.slice(0, 7)} is being moved by retention or a restore; ask again`);
    this.name = 'MonthMovedMeanwhileError';
    this.month = month;
  }
}

/** Of one answer; then the caller gets the error and may ask again. */
const MAX_ATTEMPTS = 3;

/**
 * Repeats the whole reading when a month moved. `read` must begin with a new snapshot: parts of two
 * attempts do not fit.
 */
export async function retryWhenMoved<T>(read: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await read();
    } catch (error: unknown) {
      if (!(error instanceof MonthMovedMeanwhileError) || count === MAX_ATTEMPTS) throw error;
    }
  }
}
