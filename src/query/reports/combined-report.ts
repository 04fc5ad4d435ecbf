import type pg from 'pg';

import type { ArchiveSession } from '../../archive/reader/archive-reader.ts';
import type { ArchivedMonth } from '../../database/months/archived-months.ts';
import { selectArchivedMonths } from '../../database/months/archived-months.ts';
import type { Position } from '../../database/reading/record-query.ts';
import { inSnapshotOf } from '../../database/reading/snapshot.ts';
import { quoteIdentifier } from '../../database/sql.ts';
import { addMonths, instantFromSql, monthOf } from '../../domain/instant.ts';
import { definitionOf } from '../../domain/records/index.ts';
import { LEDGER_TABLE } from '../../domain/records/service-tables.ts';
import type { QueryOptions, Sources } from '../combined-answer.ts';
import { MonthMovedMeanwhileError, retryWhenMoved, unsearched } from '../combined-answer.ts';
import {
  ARCHIVED_ROWS,
  fetchArchivedParts,
  fetchFolding,
  FOLDED_RECORDS,
  loadArchivedRows,
  selectDatabaseIds,
  selectMovedRows,
  TooManyArchivedRowsError,
} from './load-archived-rows.ts';
import type { ReportArguments } from './parameters.ts';
import { readParameters, sinceExpression } from './parameters.ts';
import type { ReportLanes } from './report-lanes.ts';
import { onReportConnection, quickOrSlow } from './report-lanes.ts';
import { type Report, reportNamed } from './reports.ts';
import type { ReportAnswer } from './run-report.ts';
import { columnsRead, ReportTooLargeError, runReport } from './run-report.ts';

/*
 * The room `query/reports`: the named questions of the sources, one SQL file each.
 *
 * In: the name of a report, its parameters, and whether the archive is read too.
 * Out: columns and rows, every value as PostgreSQL's own text.
 *
 * `reports.ts` is the catalogue: title, parameters, and what the SQL reads. `run-report.ts` fills the placeholders of the SQL.
 * Over the archive the rows of the window are loaded into a temporary table, and the same SQL runs over both.
 *
 * What must stay true: PostgreSQL alone computes an answer, and an answer that would be too large is refused, never shortened.
 */

/** One of the named questions, over the months of the database and, when it is asked for, those of the archive. */
export async function runCombinedReport(
  { lanes, archive }: ReportSources,
  { name, args }: { readonly name: string; readonly args: ReportArguments },
  options: QueryOptions,
): Promise<ReportAnswer> {
  const report = reportNamed(name);
  const question = { report, args };
  const { signal, includeArchive } = options;
  const onConnection: OnConnection = (work) =>
    quickOrSlow(lanes, (lane) => onReportConnection(lane, signal, work));
  const onSlowConnection: OnConnection = (work) => onReportConnection(lanes.slow, signal, work);
  try {
    if (!includeArchive) return await onConnection((client) => runOverDatabase(client, question, NOT_ASKED));
    if ('missing' in archive)
      return await onConnection((client) => runOverDatabase(client, question, archive.missing));
    return await retryWhenMoved(() =>
      archive.reader.ask(signal, (session) =>
        runOverArchive(session, question, { onConnection, onSlowConnection }),
      ),
    );
  } catch (error: unknown) {
    if (error instanceof TooManyArchivedRowsError)
      throw new ReportTooLargeError(name, error.message, { cause: error });
    throw error;
  }
}

/** What reports are made of. */
export interface ReportSources extends Pick<Sources, 'archive'> {
  readonly lanes: ReportLanes;
}

/** Runs work on one of the few connections for reports, and returns it afterwards. */
type OnConnection = <T>(work: (client: pg.PoolClient) => Promise<T>) => Promise<T>;

/**
 * There are few connections for reports: none is held while the question waits for the archive, which may take half a
 * minute, or reports about the database would wait with it.
 */
async function runOverArchive(
  session: ArchiveSession,
  question: ReportQuestion,
  { onConnection, onSlowConnection }: Readonly<Record<'onConnection' | 'onSlowConnection', OnConnection>>,
): Promise<ReportAnswer> {
  const { report } = question;
  const months = await onConnection((client) => archivedMonthsOf(client, question));
  const rows = {
    ...months,
    columns: columnsRead(report),
    definition: definitionOf(report.reads.table),
    ...sinceOf(report, months.from),
  };
  const fetched = await fetchArchivedParts(session, rows);
  // A row that comes to the database after this look is found in the end, and all of it is looked for again.
  const databaseIds = await onConnection((client) => selectDatabaseIds(client, rows, fetched));
  const spans = await fetchFolding(session, rows, fetched, databaseIds);
  return onSlowConnection(async (client) => {
    await createTemporaryTables(client, report);
    await loadArchivedRows(client, session, rows, spans);
    return runOverBoth(client, question, months);
  });
}

/** The reason that an answer names for months of the archive, when the caller did not want them. */
const NOT_ASKED = 'the archive is searched only with include_archive=true';

/** The report, and its parameters as they were given. */
interface ReportQuestion {
  readonly report: Report;
  readonly args: ReportArguments;
}

interface ArchivedMonths {
  readonly months: readonly ArchivedMonth[];
  readonly ledgerMonths: readonly ArchivedMonth[];
  /** Rows of the months whose records were moved elsewhere. */
  readonly moved: readonly Position[];
  /** What the window begins with, a day earlier: the clock goes on meanwhile. Undefined without one. */
  readonly from: string | undefined;
}

/** Answers from the database alone, and names the months of the window that it does not have. */
async function runOverDatabase(
  client: pg.PoolClient,
  question: ReportQuestion,
  reason: string,
): Promise<ReportAnswer> {
  return inSnapshotOf(client, [question.report.reads.table, LEDGER_TABLE], async () => {
    const { months } = await archivedMonthsOf(client, question);
    const answer = await runReport(client, question.report.name, question.args);
    return { ...answer, unsearched: unsearched(months, reason) };
  });
}

/**
 * The archived months that can have rows of the window. A report over `completed_at` may need any month: a
 * record is in the month in which it was created, and may have ended much later.
 */
async function archivedMonthsOf(
  client: pg.PoolClient,
  { report, args }: ReportQuestion,
): Promise<ArchivedMonths> {
  const { table, window } = report.reads;
  const values = readParameters(report.parameters, args);
  const since = values[report.parameters.findIndex(({ name }) => name === 'since')] ?? null;
  const { rows } = await client.query<{ from: string | null }>({
    text: `select nullif(${sinceExpression(1)}, '-infinity') - interval '1 day' as "from"`,
    values: [since],
  });
  const text = rows[0]?.from ?? undefined;
  const from = text === undefined ? undefined : instantFromSql(text);
  const archived = await selectArchivedMonths(client, [table, LEDGER_TABLE]);
  const isPossible = ({ month }: ArchivedMonth): boolean =>
    window !== 'created_at' || from === undefined || addMonths(month, 1) > from;
  const months = (archived.get(table) ?? []).filter(isPossible);
  const moved = await selectMovedRows(client, table, months);
  return { months, ledgerMonths: archived.get(LEDGER_TABLE) ?? [], moved, from };
}

function sinceOf({ reads }: Report, from: string | undefined) {
  return from === undefined ? {} : { since: { column: reads.window, instant: from } };
}

/** The columns of the report alone are copied, with the types of its table. */
async function createTemporaryTables(client: pg.PoolClient, report: Report): Promise<void> {
  await client.query('discard temp');
  const list = columnsRead(report).map(quoteIdentifier).join(', ');
  // Transactions of audit_reader only read, unless they begin by saying otherwise. To make a table takes that, to fill a
  // temporary one does not.
  await client.query(
    `begin read write;
    create temporary table ${ARCHIVED_ROWS} as select ${list} from public.${quoteIdentifier(report.reads.table)} with no data;
    create temporary table ${FOLDED_RECORDS} (id uuid primary key);
    commit`,
  );
}

/**
 * Runs the report over the rows of the database and the archived ones beside them. What was read of the archive is compared
 * with the moment of the answer: when a month moved meanwhile, or a row came late, all of it is read again.
 */
async function runOverBoth(
  client: pg.PoolClient,
  question: ReportQuestion,
  before: ArchivedMonths,
): Promise<ReportAnswer> {
  const { report, args } = question;
  const { table } = report.reads;
  const rows = await rowsOfBoth(client, report);
  return inSnapshotOf(client, [table, LEDGER_TABLE], async () => {
    const now = await archivedMonthsOf(client, question);
    const moved = now.months.find(
      (month, index) => JSON.stringify(month) !== JSON.stringify(before.months[index]),
    );
    if (moved !== undefined || now.months.length !== before.months.length)
      throw new MonthMovedMeanwhileError(moved?.month ?? before.months[0]?.month ?? '');
    // Of a record that was moved meanwhile the rows that were loaded have the old one, and this snapshot has the new one.
    const movedAway = now.moved.find(
      (position, index) => JSON.stringify(position) !== JSON.stringify(before.moved[index]),
    );
    if (movedAway !== undefined) throw new MonthMovedMeanwhileError(monthOf(movedAway.createdAt));
    for (const { month } of now.months.filter(({ isReopened }) => isReopened))
      await requireNoNewPartialRecords(client, table, month);
    const answer = await runReport(client, report.name, args, rows);
    return { ...answer, unsearched: undefined };
  });
}

/** A table expression of what the database has, without the partial records that the archived rows complete, and those rows. */
async function rowsOfBoth(client: pg.PoolClient, report: Report): Promise<string> {
  const table = quoteIdentifier(report.reads.table);
  const list = columnsRead(report).map(quoteIdentifier).join(', ');
  const { rows } = await client.query<{ count: string }>(
    `select count(*)::text as count from pg_temp.${FOLDED_RECORDS}`,
  );
  const notFolded =
    rows[0]?.count === '0'
      ? ''
      : `where not exists (select from pg_temp.${FOLDED_RECORDS} as folded where folded.id = stored.id)`;
  return `(
  select ${list} from public.${table} as stored ${notFolded}
  union all
  select ${list} from pg_temp.${ARCHIVED_ROWS}
) as ${table}`;
}

/**
 * Throws when a late observation gave a record of the archive a row in the database after the archive was
 * read: the answer would count that record twice.
 */
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
        and not exists (select from pg_temp.${FOLDED_RECORDS} as folded where folded.id = stored.id)
      limit 1`,
    values: [`${month}T00:00:00Z`, `${addMonths(month, 1)}T00:00:00Z`],
  });
  if (rows.length > 0) throw new MonthMovedMeanwhileError(month);
}
