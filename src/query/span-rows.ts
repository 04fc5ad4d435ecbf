import type pg from 'pg';

import type { ArchiveSession } from '../archive/reader/archive-reader.ts';
import type { ArchivedMonth } from '../database/months/archived-months.ts';
import { type LedgerEntry, selectEntries } from '../database/reading/record-history.ts';
import type { Position, RecordQuery, RecordRow } from '../database/reading/record-query.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import { distinctEntries, selectArchivedEntries } from './archive/archive-ledger.ts';
import type { ArchivedFiles } from './archive/archive-rows.ts';
import { selectArchivedPage, selectPartialRecords, selectRows } from './archive/archive-rows.ts';
import { foldPartialRecord } from './archive/fold-partial-record.ts';
import type { SourcedRow } from './combined-answer.ts';
import { MonthMovedMeanwhileError } from './combined-answer.ts';
import { firstOf } from './list-order.ts';
import type { PartSpan } from './part-spans.ts';

export interface SpanQuestion {
  readonly month: ArchivedMonth;
  readonly definition: RecordDefinition;
  readonly query: RecordQuery;
  /** Records of the database that may be parts of records in the span. */
  readonly fragments: readonly Position[];
  /** Where the ledger of the month is, as far as it is in the archive. */
  readonly ledgerMonth: ArchivedMonth | undefined;
  readonly pool: pg.Pool;
  /** Of folded rows those that the question is about. */
  readonly filter: (rows: readonly Record<string, string | null>[]) => Promise<readonly RecordRow[]>;
}

export interface SpanRows {
  readonly rows: readonly SourcedRow[];
  /** Records that were folded; their rows elsewhere are only parts of them. */
  readonly parted: readonly string[];
  /** Where it ended before its end. */
  readonly endedAt: Position | undefined;
}

/** Records that one page folds; a page ends where there are more. */
const MAX_PARTIAL = 1_000;

/**
 * The rows of one span that a question is about. What lies in one part only is answered by that part. A record of
 * several, or of a part and the database, is folded from all its observations before the filters are put to it: none of
 * its pieces needs to match them, nor does the record when one of them does.
 */
export async function readSpan(
  session: ArchiveSession,
  span: PartSpan,
  question: SpanQuestion,
): Promise<SpanRows> {
  const { definition, query, fragments } = question;
  const files = { duckdb: session.duckdb, table: definition.table, paths: await session.files(span.parts) };
  if (span.parts.length === 1 && fragments.length === 0) {
    const { rows, endedAt } = await selectArchivedPage(files, query);
    return { rows: rows.map(fromArchive), parted: [], endedAt };
  }
  const ids = fragments.map(({ id }) => id);
  const found = await selectPartialRecords(files, { ...query, limit: MAX_PARTIAL + 1 }, ids);
  const parted = found.slice(0, MAX_PARTIAL);
  const partialIds = parted.map(({ id }) => id);
  const page = await selectArchivedPage(files, query, partialIds);
  const folded = await foldRecords(session, files, { parted, question });
  const endedAt = firstOf(query.order, [
    page.endedAt,
    found.length > MAX_PARTIAL ? parted.at(-1) : undefined,
  ]);
  return { rows: [...page.rows.map(fromArchive), ...folded], parted: partialIds, endedAt };
}

function fromArchive(row: RecordRow): SourcedRow {
  return { row, source: 'archive' };
}

async function foldRecords(
  session: ArchiveSession,
  files: ArchivedFiles,
  { parted, question }: { readonly parted: readonly Position[]; readonly question: SpanQuestion },
): Promise<SourcedRow[]> {
  if (parted.length === 0) return [];
  const { definition, fragments, ledgerMonth, pool, month } = question;
  const archived = Map.groupBy(await selectRows(files, parted), (row) => String(row['id']));
  const cold = ledgerMonth === undefined ? [] : await selectArchivedEntries(session, ledgerMonth, parted);
  const hot = ledgerMonth?.isReopened === false ? [] : await selectEntries(pool, parted);
  const inDatabase = new Set(fragments.map(({ id }) => id));
  const entries = Map.groupBy(distinctEntries([...hot, ...cold]), ({ recordId }) => recordId);
  const databaseIds = new Set(hot.map(({ recordId }) => recordId));
  const isMissing = ({ id }: Position): boolean =>
    !entries.has(id) || (inDatabase.has(id) && ledgerMonth?.isReopened !== false && !databaseIds.has(id));
  if (parted.some(isMissing)) throw new MonthMovedMeanwhileError(month.month);
  const rows = await question.filter(
    parted.map(({ id }) => foldPartialRecord(definition, archived.get(id) ?? [], entriesOf(entries, id))),
  );
  return rows.map((row) => ({ row, source: inDatabase.has(String(row['id'])) ? 'both' : 'archive' }));
}

function entriesOf(entries: ReadonlyMap<string, readonly LedgerEntry[]>, id: string): readonly LedgerEntry[] {
  return entries.get(id) ?? [];
}
