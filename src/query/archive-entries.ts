import type { ArchiveSession } from '../archive/reader/archive-reader.ts';
import type { ArchivedMonth } from '../database/months/archived-months.ts';
import { filterRows, type Position, type RecordQuery } from '../database/reading/record-query.ts';
import { lastInstantOf } from '../domain/instant.ts';
import { MAX_PAGE_SIZE, sizeOf } from './archive/archive-rows.ts';
import type { RecordEntry } from './combined-answer.ts';
import type { Times } from './list-order.ts';
import { endOf, startOf } from './list-order.ts';
import type { PartSpan, TimeRange } from './part-spans.ts';
import { overlaps, rangeOf, rangeUpTo, spansOf } from './part-spans.ts';
import type { SpanQuestion, SpanRows } from './span-rows.ts';
import { readSpan } from './span-rows.ts';

interface ArchiveQuestion extends Pick<SpanQuestion, 'pool' | 'definition' | 'query'> {
  /** Where the page ends at the latest; undefined when only the limit ends it. */
  readonly end: Position | undefined;
  /** The months to read, in the order of the list. */
  readonly months: readonly ArchivedMonth[];
  /** Archived months of the ledger: a record of several parts is folded from them. */
  readonly ledgerMonths: readonly ArchivedMonth[];
  /** Records that the database has in re-opened months. */
  readonly reopened: readonly Position[];
  /** Positions in archived months from which records were moved. */
  readonly moved: readonly Position[];
}

/**
 * The archived rows of a list in its order. A milestone stands before each month and before each span of parts, so that
 * neither a manifest nor a part is fetched before the page has reached it. Ends early, with the position up to which it was
 * read, when the page is large or much of its time is used up.
 */
export async function* archiveEntries(
  session: ArchiveSession,
  question: ArchiveQuestion,
): AsyncGenerator<RecordEntry, Position | undefined> {
  const { table } = question.definition;
  const { order, limit } = question.query;
  const range = rangeOfPage(question);
  let [rows, size] = [0, 0];
  for (const month of question.months) {
    yield { is: 'milestone', key: startOf(order, timesOf(month)) };
    const { parts } = await session.manifest(month);
    for (const span of spansOf(parts, { table, range, order })) {
      yield { is: 'milestone', key: startOf(order, span) };
      const found = await readPart(session, { month, span, limit: limit - rows }, question);
      yield* found.entries;
      rows += found.entries.length;
      size += sizeOfEntries(found);
      if (found.endedAt !== undefined) return found.endedAt;
      // Between spans only: a record lies in one span, so none is left half read.
      if (session.isLate() || size > MAX_PAGE_SIZE) return endOf(order, span);
    }
  }
  return undefined;
}

/** Between which any instant of the month lies. */
export function timesOf({ month }: Pick<ArchivedMonth, 'month'>): Times {
  return { first: `${month}T00:00:00.000000Z`, last: lastInstantOf(month) };
}

/** Rows behind the end of the page are not read: those of the database there are not known yet. */
function rangeOfPage({ query, end }: ArchiveQuestion): TimeRange {
  return end === undefined ? rangeOf(query) : rangeUpTo(rangeOf(query), query.order, end.createdAt);
}

/** What one step of the list reads: a span of parts of one month, and how many rows are still wanted. */
interface SpanToRead {
  readonly month: ArchivedMonth;
  readonly span: PartSpan;
  readonly limit: number;
}

/** Reads one span. The filters over folded rows are put to PostgreSQL, which alone knows what they mean for every type. */
function readPart(
  session: ArchiveSession,
  { month, span, limit }: SpanToRead,
  { pool, definition, query, ledgerMonths, reopened, moved }: ArchiveQuestion,
): Promise<SpanRows> {
  const ofSpan = (positions: readonly Position[]): readonly Position[] =>
    positions.filter(({ createdAt }) => overlaps(span, { from: createdAt, to: createdAt }));
  const filter = (rows: Parameters<SpanQuestion['filter']>[0]): ReturnType<SpanQuestion['filter']> =>
    filterRows(pool, definition, rows, query);
  const narrowed: RecordQuery = { ...query, limit: Math.max(1, limit) };
  return readSpan(session, span, {
    month,
    definition,
    query: narrowed,
    // Only a re-opened month can have a part of a record in the database.
    reopened: month.isReopened ? ofSpan(reopened) : [],
    moved: ofSpan(moved),
    ledgerMonth: ledgerMonths.find((candidate) => candidate.month === month.month),
    pool,
    filter,
  });
}

/** Characters of the rows, as `MAX_PAGE_SIZE` counts them. */
function sizeOfEntries({ entries }: SpanRows): number {
  return entries.reduce(
    (sum, entry) => sum + (entry.is === 'milestone' || !entry.value ? 0 : sizeOf(entry.value.row)),
    0,
  );
}
