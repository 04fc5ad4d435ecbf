import type pg from 'pg';

import type { ArchiveSession } from '../archive/reader/archive-reader.ts';
import type { ArchivedMonth } from '../database/months/archived-months.ts';
import { selectEntries } from '../database/reading/record-history.ts';
import type { Position, RecordQuery, RecordRow } from '../database/reading/record-query.ts';
import { positionOf } from '../database/reading/record-reader.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import { distinctEntries, selectArchivedEntries } from './archive/archive-ledger.ts';
import type { ArchivedFiles } from './archive/archive-rows.ts';
import { selectArchivedPage, selectPartialRecords, selectRows } from './archive/archive-rows.ts';
import { foldPartialRecord } from './archive/fold-partial-record.ts';
import type { RecordEntry } from './combined-answer.ts';
import { MonthMovedMeanwhileError } from './combined-answer.ts';
import { comparePositions } from './list-order.ts';
import { firstKey } from './merge-sorted.ts';
import type { PartSpan } from './part-spans.ts';

/** What is asked of one span, and what folding its records needs. */
export interface SpanQuestion {
  readonly month: ArchivedMonth;
  readonly definition: RecordDefinition;
  readonly query: RecordQuery;
  /** Records of the database that may be parts of records in the span. */
  readonly reopened: readonly Position[];
  /** Rows of the span whose records were moved elsewhere. */
  readonly moved: readonly Position[];
  /** Where the ledger of the month is, as far as it is in the archive. */
  readonly ledgerMonth: ArchivedMonth | undefined;
  readonly pool: pg.Pool;
  /** Of folded rows those that match the query. */
  readonly filter: (rows: readonly Record<string, string | null>[]) => Promise<readonly RecordRow[]>;
}

export interface SpanRows {
  /** In the order of the list, none behind `endedAt`. */
  readonly entries: readonly RecordEntry[];
  /** Where it ended before its end. */
  readonly endedAt: Position | undefined;
}

/** Records that one page folds; a page ends where there are more. */
const MAX_PARTIAL = 1_000;

/**
 * The rows of one span that match a query. A record that lies in one part only is answered by that part. A record of
 * several parts, or of a part and the database, is folded from all its observations before the filters are applied: none of
 * its pieces needs to match them, nor does the record when one of them does. A folded record replaces the row of the
 * database, also when it does not match itself.
 */
export async function readSpan(
  session: ArchiveSession,
  span: PartSpan,
  question: SpanQuestion,
): Promise<SpanRows> {
  const { definition, query, reopened, moved } = question;
  const paths = await session.files(span.parts);
  const files = { duckdb: session.duckdb, table: definition.table, paths, moved };
  // The usual case: no record here can lie in two places, so nothing is folded.
  if (span.parts.length === 1 && reopened.length === 0) {
    const { rows, endedAt } = await selectArchivedPage(files, query);
    return { entries: rows.map(archivedEntry), endedAt };
  }
  const ids = reopened.map(({ id }) => id);
  // One more than may be folded shows whether there are more.
  const found = await selectPartialRecords(files, { ...query, limit: MAX_PARTIAL + 1 }, ids);
  const partial = found.slice(0, MAX_PARTIAL);
  const page = await selectArchivedPage(
    files,
    query,
    partial.map(({ id }) => id),
  );
  const folded = await foldRecords(session, files, { partial, question });
  const compare = (left: Position, right: Position): number => comparePositions(query.order, left, right);
  const endedAt = firstKey(compare, [page.endedAt, found.length > MAX_PARTIAL ? partial.at(-1) : undefined]);
  const entries = [...page.rows.map(archivedEntry), ...folded]
    .filter(({ key }) => endedAt === undefined || compare(key, endedAt) <= 0)
    .sort((left, right) => compare(left.key, right.key));
  return { entries, endedAt };
}

function archivedEntry(row: RecordRow): RecordEntry {
  return { is: 'value', key: positionOf(row), value: { row, source: 'archive' } };
}

/**
 * Folds the records of several places. Each is a replacement, so that the merge drops the row that the
 * database has of it.
 */
async function foldRecords(
  session: ArchiveSession,
  files: ArchivedFiles,
  { partial, question }: { readonly partial: readonly Position[]; readonly question: SpanQuestion },
): Promise<RecordEntry[]> {
  if (partial.length === 0) return [];
  const { definition, reopened, ledgerMonth, pool, month } = question;
  const archivedRows = Map.groupBy(await selectRows(files, partial), (row) => String(row['id']));
  const archived =
    ledgerMonth === undefined ? [] : await selectArchivedEntries(session, ledgerMonth, partial);
  const stored = ledgerMonth?.isReopened === false ? [] : await selectEntries(pool, partial);
  const inDatabase = new Set(reopened.map(({ id }) => id));
  const entries = Map.groupBy(distinctEntries([...stored, ...archived]), ({ recordId }) => recordId);
  const storedIds = new Set(stored.map(({ recordId }) => recordId));
  // A record whose observations are not where they should be was moved after the snapshot. A fold of what is
  // there would be wrong.
  const isMissing = ({ id }: Position): boolean =>
    !entries.has(id) || (inDatabase.has(id) && ledgerMonth?.isReopened !== false && !storedIds.has(id));
  if (partial.some(isMissing)) throw new MonthMovedMeanwhileError(month.month);
  // After the fold: a filter sees the complete record or none.
  const rows = await question.filter(
    partial.map(({ id }) => foldPartialRecord(definition, archivedRows.get(id) ?? [], entries.get(id) ?? [])),
  );
  const matching = new Map(rows.map((row) => [String(row['id']), row]));
  return partial.map((key) => {
    const row = matching.get(key.id);
    const source = inDatabase.has(key.id) ? 'both' : 'archive';
    return { is: 'replacement', key, value: row === undefined ? undefined : { row, source } };
  });
}
