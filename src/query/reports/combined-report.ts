import type pg from 'pg';

import type { ArchiveSession } from '../../archive/reader/archive-reader.ts';
import type { ArchivedMonth } from '../../database/months/archived-months.ts';
import { selectArchivedMonths } from '../../database/months/archived-months.ts';
import { inSnapshotOf } from '../../database/reading/snapshot.ts';
import { instantFromSql, quoteIdentifier } from '../../database/sql.ts';
import { addMonths } from '../../domain/instant.ts';
import { definitionOf } from '../../domain/records/index.ts';
import type { QueryOptions, Sources } from '../combined-answer.ts';
import { MonthMovedMeanwhileError, retryWhenMoved, unsearched } from '../combined-answer.ts';
import {
  ARCHIVED_ROWS,
  fetchArchivedParts,
  fetchFolding,
  FOLDED_RECORDS,
  loadArchivedRows,
  selectDatabaseIds,
  TooManyArchivedRowsError,
} from './load-archived-rows.ts';
import type { GivenParameters } from './parameters.ts';
import { readParameters } from './parameters.ts';
import type { ReportSource } from './report-source.ts';
import { sourceOf } from './report-source.ts';
import { type Report, reportNamed } from './reports.ts';
import type { ReportAnswer } from './run-report.ts';
import { ReportTooLargeError, runReport } from './run-report.ts';

const LEDGER = 'audit_ledger';

/** One of the named questions, over the months of the database and, when options for, those of the archive. */
export async function runCombinedReport(
  { pool, archive }: Sources,
  { name, given }: { readonly name: string; readonly given: GivenParameters },
  options: QueryOptions,
): Promise<ReportAnswer> {
  const report = reportNamed(name);
  const question = { report, given, source: sourceOf(report) };
  const onConnection = <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> =>
    onReportConnection(pool, work);
  try {
    if (!options.includeArchive)
      return await onConnection((client) => runOverDatabase(client, question, NOT_ASKED));
    if ('missing' in archive)
      return await onConnection((client) => runOverDatabase(client, question, archive.missing));
    return await retryWhenMoved(() =>
      archive.reader.ask(options.signal, (session) => runOverArchive(session, question, onConnection)),
    );
  } catch (error: unknown) {
    if (error instanceof TooManyArchivedRowsError) throw new ReportTooLargeError(name, { cause: error });
    throw error;
  }
}

type OnConnection = <T>(work: (client: pg.PoolClient) => Promise<T>) => Promise<T>;

/**
 * There are few connections for reports: none is held while the question waits for the archive, which may take half a
 * minute, or reports about the database would wait with it.
 */
async function runOverArchive(
  session: ArchiveSession,
  question: ReportQuestion,
  onConnection: OnConnection,
): Promise<ReportAnswer> {
  const { source } = question;
  const places = await onConnection((client) => archivedMonthsOf(client, question));
  const rows = {
    ...source,
    ...places,
    definition: definitionOf(source.table),
    ...sinceOf(source, places.from),
  };
  const fetched = await fetchArchivedParts(session, rows);
  // A row that comes to the database after this look is found in the end, and all of it is looked for again.
  const databaseIds = await onConnection((client) => selectDatabaseIds(client, rows, fetched));
  const spans = await fetchFolding(session, rows, fetched, databaseIds);
  return onConnection(async (client) => {
    await createTemporaryTables(client, source);
    await loadArchivedRows(client, session, rows, spans);
    return runBeside(client, question, places);
  });
}

async function onReportConnection<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // Its loss shows in the query that is under way; unheard, it would end the process.
  client.on('error', ignoreLoss);
  let broken = true;
  try {
    const answer = await work(client);
    // With its temporary tables and views, which nobody else may see in the place of the real ones.
    broken = await discardTemporary(client);
    return answer;
  } finally {
    client.release(broken);
    client.off('error', ignoreLoss);
  }
}

const NOT_ASKED = 'the archive is searched only with include_archive=true';

function ignoreLoss(): void {
  // See where it is attached.
}

interface ReportQuestion {
  readonly report: Report;
  readonly given: GivenParameters;
  readonly source: ReportSource;
}

interface ArchivedMonths {
  readonly months: readonly ArchivedMonth[];
  readonly ledgerMonths: readonly ArchivedMonth[];
  /** What the window begins with, a day earlier: the clock goes on meanwhile. Undefined without one. */
  readonly from: string | undefined;
}

async function runOverDatabase(
  client: pg.PoolClient,
  question: ReportQuestion,
  reason: string,
): Promise<ReportAnswer> {
  return inSnapshotOf(client, [question.source.table, LEDGER], async () => {
    const { months } = await archivedMonthsOf(client, question);
    const answer = await runReport(client, question.report.name, question.given);
    return { ...answer, unsearched: unsearched(months, reason) };
  });
}

async function archivedMonthsOf(
  client: pg.PoolClient,
  { report, given, source }: ReportQuestion,
): Promise<ArchivedMonths> {
  const values = readParameters(report.parameters, given);
  const since = values[report.parameters.findIndex(({ name }) => name === 'since')] ?? null;
  const { rows } = await client.query<{ from: string | null }>({
    text: `select now() - $1::interval - interval '1 day' as "from"`,
    values: [since],
  });
  const text = rows[0]?.from ?? undefined;
  const from = text === undefined ? undefined : instantFromSql(text);
  const places = await selectArchivedMonths(client, [source.table, LEDGER]);
  const isPossible = ({ month }: ArchivedMonth): boolean =>
    source.windowColumn !== 'created_at' || from === undefined || addMonths(month, 1) > from;
  return {
    months: (places.get(source.table) ?? []).filter(isPossible),
    ledgerMonths: places.get(LEDGER) ?? [],
    from,
  };
}

function sinceOf({ windowColumn }: ReportSource, from: string | undefined) {
  return from === undefined ? {} : { since: { column: windowColumn, instant: from } };
}

async function createTemporaryTables(client: pg.PoolClient, { table, columns }: ReportSource): Promise<void> {
  await client.query('discard temp');
  const list = columns.map(quoteIdentifier).join(', ');
  await client.query(
    `create temporary table ${ARCHIVED_ROWS} as select ${list} from public.${quoteIdentifier(table)} with no data;
    create temporary table ${FOLDED_RECORDS} (id uuid primary key)`,
  );
}

/**
 * Runs the report on both: under the name of the table it finds a view of the rows in the database and the archived ones
 * beside them. What the archive was options for is held against the moment of the answer: months that moved meanwhile, and
 * rows that came late, are looked for again.
 */
async function runBeside(
  client: pg.PoolClient,
  question: ReportQuestion,
  places: ArchivedMonths,
): Promise<ReportAnswer> {
  const { table, columns } = question.source;
  const list = columns.map(quoteIdentifier).join(', ');
  const { rows } = await client.query<{ count: string }>(
    `select count(*)::text as count from pg_temp.${FOLDED_RECORDS}`,
  );
  const whole =
    rows[0]?.count === '0'
      ? ''
      : `where not exists (select from pg_temp.${FOLDED_RECORDS} as fragment where fragment.id = stored.id)`;
  await client.query(`
    create temporary view ${quoteIdentifier(table)} as
    select ${list} from public.${quoteIdentifier(table)} as stored ${whole}
    union all
    select ${list} from pg_temp.${ARCHIVED_ROWS}`);
  return inSnapshotOf(client, [table, LEDGER], async () => {
    const now = await archivedMonthsOf(client, question);
    const moved = now.months.find(
      (month, index) => JSON.stringify(month) !== JSON.stringify(places.months[index]),
    );
    if (moved !== undefined || now.months.length !== places.months.length)
      throw new MonthMovedMeanwhileError(moved?.month ?? places.months[0]?.month ?? '');
    for (const { month } of now.months.filter(({ isReopened }) => isReopened))
      await requireNoNewPartialRecords(client, table, month);
    const answer = await runReport(client, question.report.name, question.given);
    return { ...answer, unsearched: undefined };
  });
}

async function requireNoNewPartialRecords(
  client: pg.PoolClient,
  table: string,
  month: string,
): Promise<void> {
  const { rows } = await client.query({
    text: `
      select
      from public.${quoteIdentifier(table)} as stored
      join pg_temp.${ARCHIVED_ROWS} as archived on archived.id = stored.id
      where stored.created_at >= $1::timestamptz
        and stored.created_at < $2::timestamptz
        and not exists (select from pg_temp.${FOLDED_RECORDS} as fragment where fragment.id = stored.id)
      limit 1`,
    values: [`${month}T00:00:00Z`, `${addMonths(month, 1)}T00:00:00Z`],
  });
  if (rows.length > 0) throw new MonthMovedMeanwhileError(month);
}

/** Whether the connection had better be given up. */
async function discardTemporary(client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query('discard temp');
    return false;
  } catch {
    // Given up with all it holds.
    return true;
  }
}
