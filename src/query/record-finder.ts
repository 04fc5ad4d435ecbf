/*
 * The room `query`: one answer over the database and the archive.
 *
 * In: a question of the API or the command line, and the two sources, a pool and a reader of the archive.
 * Out: a page of records, one record with its history, one remediation, a report. Each row names its source; months that were
 * not searched are named with the reason.
 *
 * Every answer is made the same way. One snapshot of the database says which rows it has and which months it does not have; the
 * archive is read for those months only; `merge-sorted.ts` merges the two. `archive/` reads Parquet parts, `reports/` runs the
 * named questions.
 *
 * What must stay true: an answer is complete or says what it lacks, no row appears twice, and a month that moves between the
 * database and the archive while it is read is found (`retryWhenMoved`). No database connection is held while a store is read.
 */

import type pg from 'pg';

import type { HistoryPosition } from '../database/reading/record-history.ts';
import type { Position, RecordQuery } from '../database/reading/record-query.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import type { ArchiveAccess, QueryOptions } from './combined-answer.ts';
import type { CombinedPage } from './combined-page.ts';
import { selectCombinedPage } from './combined-page.ts';
import type { CombinedHistory, CombinedRecord } from './combined-record.ts';
import { selectCombinedHistory, selectCombinedRecord } from './combined-record.ts';
import type { CombinedRemediation, RemediationQuestion } from './combined-remediation.ts';
import { selectCombinedRemediation } from './combined-remediation.ts';

/** Finds records wherever their months are. */
export interface RecordFinder {
  /** One page of a list. The cursor `after` of the query is the position of the last row before it. */
  selectPage(definition: RecordDefinition, query: RecordQuery, options: QueryOptions): Promise<CombinedPage>;
  /** By the record's own id, or by the one its client posted it with; the newest, should several have it. */
  selectRecord(definition: RecordDefinition, id: string, options: QueryOptions): Promise<CombinedRecord>;
  /** Every observation of one record in the order in which they fold, page by page. */
  selectHistory(
    record: Position,
    page: { readonly limit: number; readonly after: HistoryPosition | undefined },
    options: QueryOptions,
  ): Promise<CombinedHistory>;
  /** `chosen` is undefined when none is known. */
  selectRemediation(question: RemediationQuestion, options: QueryOptions): Promise<CombinedRemediation>;
}

/** `archive` may say that it is missing: then answers are of the database, and name the months that they lack. */
export function createRecordFinder(pool: pg.Pool, archive: ArchiveAccess): RecordFinder {
  return {
    selectPage: (definition, query, options) =>
      selectCombinedPage({ pool, definition, query }, archive, options),
    selectRecord: (definition, id, options) =>
      selectCombinedRecord({ pool, definition, archive }, id, options),
    selectHistory: (record, page, options) =>
      selectCombinedHistory({ pool, archive, record, ...page }, options),
    selectRemediation: (question, options) => selectCombinedRemediation({ pool, archive }, question, options),
  };
}
