import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

import { archivedTable } from '../../archive/parquet/archive-schema.ts';
import { copyInStatement, rendered } from '../../archive/parquet/row-text.ts';
import type { ArchiveSession } from '../../archive/reader/archive-reader.ts';
import type { ArchivedMonth } from '../../database/months/archived-months.ts';
import { selectMovedPositions } from '../../database/reading/moved-records.ts';
import { selectEntries } from '../../database/reading/record-history.ts';
import type { Position, RecordQuery } from '../../database/reading/record-query.ts';
import { quoteIdentifier, quoteLiteral } from '../../database/sql.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { instant } from '../archive/archive-conditions.ts';
import { distinctEntries, fetchLedgerParts, selectFetchedEntries } from '../archive/archive-ledger.ts';
import type { ArchivedFiles } from '../archive/archive-rows.ts';
import { amongIds, parquet, selectPartialRecords, selectRows } from '../archive/archive-rows.ts';
import { foldPartialRecord } from '../archive/fold-partial-record.ts';
import type { PartSpan } from '../part-spans.ts';
import { overlaps, spansOf } from '../part-spans.ts';

/** Archived rows that are put beside those of the database for one question. */
interface ArchivedRowsQuestion {
  readonly definition: RecordDefinition;
  /** The columns that the report reads; no others are copied. */
  readonly columns: readonly string[];
  /** Only rows that are younger by this column; parts without any are not opened where it is `created_at`. */
  readonly since?: { readonly column: 'created_at' | 'completed_at'; readonly instant: string };
  readonly months: readonly ArchivedMonth[];
  readonly ledgerMonths: readonly ArchivedMonth[];
  /** Rows of these months whose records were moved elsewhere. */
  readonly moved: readonly Position[];
}

/** Too much for one question: it is refused before the rest is read. */
export class TooManyArchivedRowsError extends Error {
  constructor(what: string, most: number) {
    super(`would read more than ${most} ${what}`);
    this.name = 'TooManyArchivedRowsError';
  }
}

/** Rows of the parts that one question may read, before its window is applied within them. */
const MAX_ROWS = 20_000_000;
/** Records in several parts that are folded at once. */
const FOLD_CHUNK = 500;
/** Records of one span that lie in several places, rows that late records have made in a re-opened month, records that moved. */
const MAX_PARTIAL = 50_000;

/** Rows of these months that the answer leaves out, because their records were moved elsewhere. In the snapshot of the months. */
export async function selectMovedRows(
  client: pg.ClientBase,
  table: string,
  archived: readonly ArchivedMonth[],
): Promise<readonly Position[]> {
  const months = archived.map(({ month }) => month);
  return requireFew(
    await selectMovedPositions(client, { table, months, order: 'oldest', limit: MAX_PARTIAL + 1 }),
  );
}

/** Temporary tables of a connection: archived rows, and the records whose row in the database is a part of one of them. */
export const ARCHIVED_ROWS = 'archived_rows';
export const FOLDED_RECORDS = 'folded_records';

/** Parts of an answer that are on this machine. */
interface FetchedSpan {
  readonly month: ArchivedMonth;
  readonly span: PartSpan;
  readonly paths: readonly string[];
}

/** Fetches the parts that a question is about. A store may take long for that, so no database connection is needed. */
export async function fetchArchivedParts(
  session: ArchiveSession,
  { months, since, definition: { table } }: ArchivedRowsQuestion,
): Promise<readonly FetchedSpan[]> {
  const fetched: FetchedSpan[] = [];
  let rows = 0;
  for (const month of months) {
    const { parts } = await session.manifest(month);
    const range = { from: since?.column === 'created_at' ? since.instant : undefined, to: undefined };
    for (const span of spansOf(parts, { table, range, order: 'oldest' })) {
      rows += span.parts.reduce((sum, part) => sum + part.rows, 0);
      if (rows > MAX_ROWS) throw new TooManyArchivedRowsError('rows of the archive', MAX_ROWS);
      fetched.push({ month, span, paths: await session.files(span.parts) });
    }
  }
  return fetched;
}

/** For each span the ids of the records of its time that have a row in the database too. */
export async function selectDatabaseIds(
  client: pg.ClientBase,
  { definition: { table } }: ArchivedRowsQuestion,
  fetched: readonly FetchedSpan[],
): Promise<readonly (readonly string[])[]> {
  const found: (readonly string[])[] = [];
  for (const { month, span } of fetched)
    found.push(month.isReopened ? await selectIdsOfTime(client, table, span) : []);
  return found;
}

/** A span, and what folds those of its records that lie in several places. */
interface FoldableSpan extends FetchedSpan {
  readonly partial: readonly Position[];
  /** The parts of the ledger that know them, on this machine. */
  readonly ledgerPaths: readonly string[];
}

/** Finds the records of several parts, or of a part and the database, and fetches their ledger, without a connection too. */
export async function fetchFolding(
  session: ArchiveSession,
  question: ArchivedRowsQuestion,
  fetched: readonly FetchedSpan[],
  databaseIds: readonly (readonly string[])[],
): Promise<readonly FoldableSpan[]> {
  const foldable: FoldableSpan[] = [];
  for (const [index, one] of fetched.entries()) {
    const partial = await partialRecordsOf(
      filesOf(session, question, one),
      one.span,
      databaseIds[index] ?? [],
    );
    const ledger = question.ledgerMonths.find(({ month }) => month === one.month.month);
    const ledgerPaths = ledger === undefined ? [] : await fetchLedgerParts(session, ledger, partial);
    foldable.push({ ...one, partial, ledgerPaths });
  }
  return foldable;
}

/**
 * Fills the temporary tables with what only the archive has. A record of several parts, or of a part and the database, is
 * folded: its row here stands for all of it. Nothing is fetched from the store.
 */
export async function loadArchivedRows(
  client: pg.ClientBase,
  session: ArchiveSession,
  question: ArchivedRowsQuestion,
  spans: readonly FoldableSpan[],
): Promise<void> {
  for (const span of spans) await loadSpan({ client, session, question }, span);
  await client.query(`analyze pg_temp.${ARCHIVED_ROWS}`);
}

/** What all steps of loading one question share. */
interface Loading {
  readonly client: pg.ClientBase;
  readonly session: ArchiveSession;
  readonly question: ArchivedRowsQuestion;
}

/** Copies the rows that are whole, then folds the others, some hundred at once. */
async function loadSpan(loading: Loading, span: FoldableSpan): Promise<void> {
  const { partial, ledgerPaths } = span;
  const files = filesOf(loading.session, loading.question, span);
  await copyRows(loading, files, partial);
  for (let index = 0; index < partial.length; index += FOLD_CHUNK)
    await foldRows(loading, files, { partial: partial.slice(index, index + FOLD_CHUNK), ledgerPaths });
}

function filesOf(
  { duckdb }: ArchiveSession,
  { definition: { table }, moved }: ArchivedRowsQuestion,
  { paths, span }: FetchedSpan,
): ArchivedFiles {
  const ofSpan = moved.filter(({ createdAt }) => overlaps(span, { from: createdAt, to: createdAt }));
  return { duckdb, table, paths, moved: ofSpan };
}

async function partialRecordsOf(
  files: ArchivedFiles,
  span: PartSpan,
  databaseIds: readonly string[],
): Promise<Position[]> {
  if (span.parts.length === 1 && databaseIds.length === 0) return [];
  // Without the window: whether a record is of the window is known only when it is folded.
  const everything: Omit<RecordQuery, 'filters'> = { order: 'oldest', limit: MAX_PARTIAL + 1 };
  return requireFew(await selectPartialRecords(files, everything, databaseIds));
}

/** Refuses a question with more; nothing is left out of an answer in silence. */
function requireFew<T extends readonly unknown[]>(found: T): T {
  if (found.length > MAX_PARTIAL)
    throw new TooManyArchivedRowsError('records in several places', MAX_PARTIAL);
  return found;
}

/** Ids of the rows that the database has within the time of a span. */
async function selectIdsOfTime(
  client: pg.ClientBase,
  table: string,
  { first, last }: PartSpan,
): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>({
    text: `
      select id
      from public.${quoteIdentifier(table)}
      where created_at between $1::timestamptz and $2::timestamptz
      limit $3::integer`,
    values: [first, last, MAX_PARTIAL + 1],
  });
  return requireFew(rows.map(({ id }) => id));
}

/** As text through a file, like an export the other way round. */
async function copyRows(
  { client, session, question }: Loading,
  files: ArchivedFiles,
  partial: readonly Position[],
): Promise<void> {
  const table = archivedTable(files.table);
  const columns = table.columns.filter(({ name }) => question.columns.includes(name));
  const csv = join(session.folder, 'rows.csv');
  const { since } = question;
  const conditions = [
    'true',
    ...(since === undefined ? [] : [`archived.${since.column} > ${instant(since.instant)}`]),
    ...(partial.length === 0 ? [] : [`not ${amongIds(partial.map(({ id }) => id))}`]),
  ];
  await session.duckdb.run(`
    copy (select ${columns.map(rendered).join(', ')} from ${parquet(files)} where ${conditions.join(' and ')})
    to ${quoteLiteral(csv)} (format csv, header false, delimiter ',', quote '"', escape '"', nullstr '', force_quote *)`);
  await pipeline(
    createReadStream(csv),
    client.query(copyFrom(copyInStatement({ ...table, columns }, ARCHIVED_ROWS))),
  );
  await rm(csv);
}

/**
 * Folds records of several places, and notes their ids: the row that the database has of one must not be
 * counted beside it.
 */
async function foldRows(
  { client, session, question }: Loading,
  files: ArchivedFiles,
  { partial, ledgerPaths }: Pick<FoldableSpan, 'partial' | 'ledgerPaths'>,
): Promise<void> {
  const { definition } = question;
  const archived = Map.groupBy(await selectRows(files, partial), (row) => String(row['id']));
  const archivedEntries = await selectFetchedEntries(session, ledgerPaths, partial);
  const entries = Map.groupBy(
    distinctEntries([...(await selectEntries(client, partial)), ...archivedEntries]),
    ({ recordId }) => recordId,
  );
  const rows = partial.map(({ id }) =>
    foldPartialRecord(definition, archived.get(id) ?? [], entries.get(id) ?? []),
  );
  const columns = definition.columns.filter(({ name }) => question.columns.includes(name));
  const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  await client.query({
    text: `
      insert into pg_temp.${ARCHIVED_ROWS} (${names})
      select ${columns.map(({ name, type }) => `${quoteIdentifier(name)}::${type}`).join(', ')}
      from unnest(${columns.map((_, index) => `$${index + 1}::text[]`).join(', ')}) as folded (${names})`,
    values: columns.map(({ name }) => rows.map((row) => row[name] ?? null)),
  });
  await client.query({
    text: `insert into pg_temp.${FOLDED_RECORDS} (id) select unnest($1::uuid[])`,
    values: [partial.map(({ id }) => id)],
  });
}
