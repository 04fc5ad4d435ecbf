import type pg from 'pg';

import type { ArchivedMonth } from '../database/months/archived-months.ts';
import { selectArchivedMonths } from '../database/months/archived-months.ts';
import { selectReach } from '../database/reading/list-reach.ts';
import { selectMovedPositions } from '../database/reading/moved-records.ts';
import type { Position, RecordQuery } from '../database/reading/record-query.ts';
import type { Page } from '../database/reading/record-reader.ts';
import { positionOf, selectPage, selectPositions } from '../database/reading/record-reader.ts';
import { inSnapshot } from '../database/reading/snapshot.ts';
import { addMonths } from '../domain/instant.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import { LEDGER_TABLE } from '../domain/records/service-tables.ts';
import { archiveEntries, timesOf } from './archive-entries.ts';
import type { ArchiveAccess, QueryOptions, RecordEntry, SourcedRow, Unsearched } from './combined-answer.ts';
import { fromDatabase, LEFT_OUT, retryWhenMoved, unsearched } from './combined-answer.ts';
import { comparePositions, positionAt } from './list-order.ts';
import { firstKey, mergeSorted } from './merge-sorted.ts';
import type { TimeRange } from './part-spans.ts';
import { overlaps, rangeOf, rangeUpTo } from './part-spans.ts';

/** One page of a list. It may be shorter than the limit and still have a next one. */
export interface CombinedPage {
  readonly rows: readonly SourcedRow[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: Position | undefined;
  readonly unsearched: Unsearched | undefined;
}

interface PageQuestion {
  readonly pool: pg.Pool;
  readonly definition: RecordDefinition;
  readonly query: RecordQuery;
  /** Only archived months of this time are read. Default all. */
  readonly archived?: TimeRange;
  /** Also the old rows of records that were moved away from archived months. Default false. */
  readonly includeMoved?: boolean;
}

/**
 * One page of the database and the archive together. In one snapshot the database says which rows it has and which months
 * it does not have. Two sorted sources, its rows and those of the archive, are then merged up to the limit, so the archive
 * is read only as far as the page reaches. The cursor is the last key: a position means the same wherever its month is, and
 * so pages are complete and without repeats while months move.
 */
export function selectCombinedPage(
  question: PageQuestion,
  archive: ArchiveAccess,
  { signal, includeArchive, mostLookedAt }: QueryOptions,
): Promise<CombinedPage> {
  return retryWhenMoved(async () => {
    const database = await readDatabase(question, mostLookedAt);
    // The database covers the page, or what it lacks cannot or shall not be read.
    if (database.months.length === 0 || !includeArchive || 'missing' in archive) {
      const reason = 'missing' in archive ? archive.missing : LEFT_OUT;
      const rows = database.rows.map(fromDatabase);
      return { rows, next: database.next, unsearched: unsearched(database.months, reason) };
    }
    const { order, limit } = question.query;
    const { end: until } = database;
    const { values, next } = await archive.reader.ask(signal, (session) =>
      mergeSorted<Position, SourcedRow>(
        [databaseEntries(database.rows), archiveEntries(session, { ...question, ...database })],
        {
          compare: (left, right) => comparePositions(order, left, right),
          limit,
          until,
        },
      ),
    );
    return { rows: values, next, unsearched: undefined };
  });
}

/** A month that came back after the archive was looked up shows in both: the row of the database, the first source, stands. */
function* databaseEntries(rows: DatabasePart['rows']): Generator<RecordEntry, undefined> {
  for (const row of rows) yield { is: 'value', key: positionOf(row), value: fromDatabase(row) };
}

/** What the database has of the page, and what it has not, at one moment. */
interface DatabasePart extends Page {
  /** Behind this position the page does not go: the database has more there, or the page is full. */
  readonly end: Position | undefined;
  /** The archived months that the page can reach into, in the order of the list. */
  readonly months: readonly ArchivedMonth[];
  readonly ledgerMonths: readonly ArchivedMonth[];
  /** Records of re-opened months: each may be a part of an archived one. */
  readonly reopened: readonly Position[];
  /** Positions in these months from which records were moved after the months had been archived. */
  readonly moved: readonly Position[];
}

/** Records of re-opened months that one page compares with the archive; a page ends where there are more. */
const MAX_REOPENED = 5_000;
/** Rows of the archive that one page leaves out because their records were moved; a page ends where there are more. */
const MAX_MOVED = 5_000;

function readDatabase(question: PageQuestion, mostLookedAt?: number): Promise<DatabasePart> {
  const { pool, definition, query } = question;
  const { table } = definition;
  return inSnapshot(pool, [table, LEDGER_TABLE], async (client) => {
    const archived = await selectArchivedMonths(client, [table, LEDGER_TABLE]);
    const reach = await selectReach(client, definition, { query, most: mostLookedAt });
    const page = await selectPage(client, definition, upTo(query, reach));
    const possible = inOrder(monthsOf(question, archived.get(table) ?? []), query);
    const pageEnd = endOfPage(page, query) ?? positionAt(reach);
    const range =
      pageEnd === undefined ? rangeOf(query) : rangeUpTo(rangeOf(query), query.order, pageEnd.createdAt);
    const months = possible.filter((month) => overlaps(timesOf(month), range));
    const reopened = await selectReopened(client, question, months);
    const moved = await selectMoved(client, question, months);
    return {
      rows: page.rows,
      // Full to the row, and the database has no more: the next page begins in the archive. Or it looked no further.
      next: page.next ?? (reach !== undefined || possible.length > 0 ? pageEnd : undefined),
      end: firstKey(
        (left, right) => comparePositions(query.order, left, right),
        [
          pageEnd,
          reopened.length >= MAX_REOPENED ? reopened.at(-1) : undefined,
          moved.length >= MAX_MOVED ? moved.at(-1) : undefined,
        ],
      ),
      months,
      ledgerMonths: archived.get(LEDGER_TABLE) ?? [],
      reopened,
      moved,
    };
  });
}

/** The question as far as one page looks. */
function upTo(query: RecordQuery, reach: string | undefined): RecordQuery {
  if (reach === undefined) return query;
  return query.order === 'newest' ? { ...query, since: reach } : { ...query, until: reach };
}

/** The last row of a full page of the database; undefined when the page has all that the database has. */
function endOfPage({ rows, next }: Page, { limit }: RecordQuery): Position | undefined {
  const last = rows.at(-1);
  const isFull = next !== undefined || rows.length >= limit;
  return isFull && last !== undefined ? positionOf(last) : undefined;
}

function monthsOf(
  { query, archived }: PageQuestion,
  months: readonly ArchivedMonth[],
): readonly ArchivedMonth[] {
  const ranges = [rangeOf(query), ...(archived === undefined ? [] : [archived])];
  // The end of a range belongs to it, `until` does not: a month that begins there has nothing.
  return months
    .filter((month) => ranges.every((range) => overlaps(timesOf(month), range)))
    .filter((month) => query.until === undefined || timesOf(month).first < query.until);
}

/**
 * The rows that the database has of re-opened months, up to the limit of them. Each can be a part of an archived record.
 */
async function selectReopened(
  client: pg.ClientBase,
  { definition, query }: PageQuestion,
  months: readonly ArchivedMonth[],
): Promise<readonly Position[]> {
  const found: Position[] = [];
  for (const month of months.filter(({ isReopened }) => isReopened)) {
    const left = MAX_REOPENED - found.length;
    if (left > 0) found.push(...(await selectPositions(client, definition, within(query, month, left))));
  }
  return found;
}

/** Positions on the page that the archive has rows at, and whose records are elsewhere; up to the limit of them. */
function selectMoved(
  client: pg.ClientBase,
  { definition: { table }, query: { order, after }, includeMoved = false }: PageQuestion,
  archived: readonly ArchivedMonth[],
): Promise<readonly Position[]> {
  const months = includeMoved ? [] : archived.map(({ month }) => month);
  return selectMovedPositions(client, { table, months, order, after, limit: MAX_MOVED });
}

/** The query without its filters, in one month: a part of a record need not match what the record does. */
function within(query: RecordQuery, { month }: ArchivedMonth, limit: number): RecordQuery {
  const [first, end] = [timesOf({ month }).first, `${addMonths(month, 1)}T00:00:00.000000Z`];
  const since = query.since !== undefined && query.since > first ? query.since : first;
  const until = query.until !== undefined && query.until < end ? query.until : end;
  return { ...query, filters: [], since, until, limit };
}

/** Archived months come oldest first. */
function inOrder(months: readonly ArchivedMonth[], { order }: RecordQuery): readonly ArchivedMonth[] {
  return order === 'newest' ? months.toReversed() : months;
}
