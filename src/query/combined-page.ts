import type pg from 'pg';

import type { ArchiveSession } from '../archive/reader/archive-reader.ts';
import type { ArchivedMonth } from '../database/months/archived-months.ts';
import { selectArchivedMonths } from '../database/months/archived-months.ts';
import { filterRows, type Position, type RecordQuery } from '../database/reading/record-query.ts';
import type { Page } from '../database/reading/record-reader.ts';
import { selectPage, selectPositions } from '../database/reading/record-reader.ts';
import { inSnapshot } from '../database/reading/snapshot.ts';
import { addMonths, lastInstantOf } from '../domain/instant.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import { sizeOf } from './archive/archive-rows.ts';
import type { ArchiveAccess, QueryOptions, SourcedRow, Unsearched } from './combined-answer.ts';
import { fromDatabase, LEFT_OUT, positionOf, retryWhenMoved, unsearched } from './combined-answer.ts';
import { comparePlaces, endOf, firstOf } from './list-order.ts';
import type { TimeRange } from './part-spans.ts';
import { overlaps, rangeOf, rangeUpTo, spansOf } from './part-spans.ts';
import { readSpan } from './span-rows.ts';

export interface CombinedPage {
  readonly rows: readonly SourcedRow[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: Position | undefined;
  readonly unsearched: Unsearched | undefined;
}

export interface PageQuestion {
  readonly pool: pg.Pool;
  readonly definition: RecordDefinition;
  readonly query: RecordQuery;
  /** Only archived months of this time are looked at. Default all. */
  readonly archived?: TimeRange;
}

/**
 * One page out of the database and the archive together. The database says, in one moment, which rows it has and which
 * months it does not have; the archive is asked only for months that the page reaches into. A place in the list means
 * the same wherever a month is, so pages are complete and without repeats while months move.
 */
export function selectCombinedPage(
  question: PageQuestion,
  archive: ArchiveAccess,
  { signal, includeArchive }: QueryOptions,
): Promise<CombinedPage> {
  return retryWhenMoved(async () => {
    const hot = await readHot(question);
    if (hot.months.length === 0 || !includeArchive || 'missing' in archive) {
      const reason = 'missing' in archive ? archive.missing : LEFT_OUT;
      const rows = hot.page.rows.map(fromDatabase);
      return { rows, next: hot.page.next, unsearched: unsearched(hot.months, reason) };
    }
    return archive.reader.ask(signal, (session) => new Merge(session, question, hot).run());
  });
}

/** What the database has of the page, and what it has not, at one moment. */
interface DatabasePart {
  readonly page: Page;
  /** Where its rows end before there are no more of them, or where the page is full. */
  readonly end: Position | undefined;
  /** The months in the archive that the page can reach into, in the order of the list. */
  readonly months: readonly ArchivedMonth[];
  readonly ledgerMonths: readonly ArchivedMonth[];
  /** Records of re-opened months: each may be a fragment of an archived one. */
  readonly fragments: readonly Position[];
}

/** Records of re-opened months that one page looks at; a page ends where there are more. */
const MAX_FRAGMENTS = 5_000;

const LEDGER = 'audit_ledger';

function readHot(question: PageQuestion): Promise<DatabasePart> {
  const { pool, definition, query } = question;
  const { table } = definition;
  return inSnapshot(pool, [table, LEDGER], async (client) => {
    const places = await selectArchivedMonths(client, [table, LEDGER]);
    const page = await selectPage(client, definition, query);
    const possible = inOrder(monthsOf(question, places.get(table) ?? []), query);
    const end = endOfPage(page, query);
    const range = end === undefined ? rangeOf(query) : rangeUpTo(rangeOf(query), query.order, end.createdAt);
    const months = possible.filter((month) => overlaps(timesOf(month), range));
    // Full to the row, and the database has no more: the next page begins in the archive.
    const next = page.next ?? (possible.length > 0 ? end : undefined);
    const fragments = await selectFragments(client, question, months);
    return { page: { ...page, next }, end, months, ledgerMonths: places.get(LEDGER) ?? [], fragments };
  });
}

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
  return months
    .filter((month) => ranges.every((range) => overlaps(timesOf(month), range)))
    .filter((month) => query.until === undefined || timesOf(month).first < query.until);
}

async function selectFragments(
  client: pg.ClientBase,
  { definition, query }: PageQuestion,
  months: readonly ArchivedMonth[],
): Promise<readonly Position[]> {
  const fragments: Position[] = [];
  for (const month of months.filter(({ isReopened }) => isReopened)) {
    const room = MAX_FRAGMENTS - fragments.length;
    if (room > 0) fragments.push(...(await selectPositions(client, definition, within(query, month, room))));
  }
  return fragments;
}

/** The question without its filters, in one month: a fragment need not match what its record does. */
function within(query: RecordQuery, { month }: ArchivedMonth, limit: number): RecordQuery {
  const [first, end] = [timesOf({ month }).first, `${addMonths(month, 1)}T00:00:00.000000Z`];
  const since = query.since !== undefined && query.since > first ? query.since : first;
  const until = query.until !== undefined && query.until < end ? query.until : end;
  return { ...query, filters: [], since, until, limit };
}

/** Between which any instant of the month lies. */
function timesOf({ month }: Pick<ArchivedMonth, 'month'>): { first: string; last: string } {
  return { first: `${month}T00:00:00.000000Z`, last: lastInstantOf(month) };
}

function inOrder(months: readonly ArchivedMonth[], { order }: RecordQuery): readonly ArchivedMonth[] {
  return order === 'newest' ? months.toReversed() : months;
}

/** Characters after which a page ends. */
const MAX_PAGE_SIZE = 8 * 1024 * 1024;

/** Goes through the archive in the order of the list, no further than the page does. */
class Merge {
  readonly #session: ArchiveSession;
  readonly #question: PageQuestion;
  readonly #hot: DatabasePart;
  readonly #cold: SourcedRow[] = [];
  /** Records whose row in the database is only a part of them. */
  readonly #fragments = new Set<string>();
  #end: Position | undefined;

  constructor(session: ArchiveSession, question: PageQuestion, hot: DatabasePart) {
    this.#session = session;
    this.#question = question;
    this.#hot = hot;
    const { order } = question.query;
    const lastFragment = hot.fragments.length >= MAX_FRAGMENTS ? hot.fragments[MAX_FRAGMENTS - 1] : undefined;
    this.#end = firstOf(order, [hot.end, lastFragment]);
  }

  async run(): Promise<CombinedPage> {
    for (const month of this.#hot.months) {
      const manifest = await this.#session.manifest(month);
      const { table } = this.#question.definition;
      const { order } = this.#question.query;
      for (const span of spansOf(manifest.parts, { table, range: this.#range(), order })) {
        const isWhole = await this.#take(month, span);
        const place = endOf(order, span);
        if (!isWhole) return this.#page();
        if (this.#isEnoughUpTo(place)) {
          this.#end = firstOf(order, [this.#end, place]);
          return this.#page();
        }
      }
    }
    return this.#page();
  }

  #range(): TimeRange {
    const { query } = this.#question;
    return this.#end === undefined
      ? rangeOf(query)
      : rangeUpTo(rangeOf(query), query.order, this.#end.createdAt);
  }

  /** Whether the span was read to its end. */
  async #take(month: ArchivedMonth, span: Parameters<typeof readSpan>[1]): Promise<boolean> {
    const { pool, definition, query } = this.#question;
    const { fragments, ledgerMonths } = this.#hot;
    const found = await readSpan(this.#session, span, {
      month,
      definition,
      query: { ...query, limit: Math.max(1, query.limit - this.#cold.length) },
      fragments: month.isReopened
        ? fragments.filter(({ createdAt }) => overlaps(span, { from: createdAt, to: createdAt }))
        : [],
      ledgerMonth: ledgerMonths.find((candidate) => candidate.month === month.month),
      pool,
      filter: (rows) => filterRows(pool, definition, rows, query),
    });
    this.#cold.push(...found.rows);
    for (const id of found.parted) this.#fragments.add(id);
    this.#end = firstOf(query.order, [this.#end, found.endedAt]);
    return found.endedAt === undefined;
  }

  /** Whether the page is full, large, or late before this place. */
  #isEnoughUpTo(place: Position): boolean {
    const { order, limit } = this.#question.query;
    const size = this.#cold.reduce((sum, { row }) => sum + sizeOf(row), 0);
    if (this.#session.isLate() || size > MAX_PAGE_SIZE) return true;
    return (
      this.#merged().filter(({ row }) => comparePlaces(order, positionOf(row), place) <= 0).length >= limit
    );
  }

  /** A month that came back after the database was asked shows in both: the row there is the whole one. */
  #merged(): SourcedRow[] {
    const { order } = this.#question.query;
    const hot = this.#hot.page.rows.filter((row) => !this.#fragments.has(String(row['id'])));
    const ids = new Set(hot.map((row) => String(row['id'])));
    const cold = this.#cold.filter(({ row }) => !ids.has(String(row['id'])));
    return [...hot.map(fromDatabase), ...cold].sort((left, right) =>
      comparePlaces(order, positionOf(left.row), positionOf(right.row)),
    );
  }

  #page(): CombinedPage {
    const { order, limit } = this.#question.query;
    const end = this.#end;
    const certain = this.#merged().filter(
      ({ row }) => end === undefined || comparePlaces(order, positionOf(row), end) <= 0,
    );
    const rows = certain.slice(0, limit);
    const last = rows.at(-1);
    const next = certain.length > limit && last !== undefined ? positionOf(last.row) : end;
    return { rows, next, unsearched: undefined };
  }
}
