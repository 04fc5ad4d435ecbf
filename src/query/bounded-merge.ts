import type { LedgerEntry, LedgerPage } from '../database/reading/record-history.ts';
import { MAX_ANSWER_BYTES } from '../domain/limits.ts';
import { distinctEntries } from './archive/archive-ledger.ts';

/*
 * Several sources of one list, each of which may have ended early, as one page. In: their items in one order, and whether more
 * follow. Out: the beginning of what all of them have together, which ends where the first source ended, or at a limit.
 *
 * Must stay true: nothing stands behind a gap. An item beyond the end of a source that has more is left for the next page, since
 * what that source has not given may come before it.
 */

/** What one source gave. */
export interface SourcePart<T> {
  readonly items: readonly T[];
  readonly isMore: boolean;
}

interface MergeOptions<T> {
  readonly compare: (left: T, right: T) => number;
  /** Items at most. */
  readonly limit: number;
  /** Bytes of one; together they have MAX_ANSWER_BYTES at most, but for one that is larger alone. */
  readonly bytesOf: (item: T) => number;
}

/** The first items of all sources. An item that two sources have stands twice. */
export function mergeBounded<T>(
  sources: readonly SourcePart<T>[],
  { compare, limit, bytesOf }: MergeOptions<T>,
): SourcePart<T> {
  const ends = sources.flatMap(({ items, isMore }) => (isMore ? items.slice(-1) : []));
  const [end] = ends.toSorted(compare);
  const all = sources.flatMap(({ items }) => items).toSorted(compare);
  const known = end === undefined ? all : all.filter((item) => compare(item, end) <= 0);
  const items: T[] = [];
  let bytes = 0;
  for (const item of known.slice(0, limit)) {
    bytes += bytesOf(item);
    if (bytes > MAX_ANSWER_BYTES && items.length > 0) break;
    items.push(item);
  }
  return { items, isMore: items.length < all.length || sources.some(({ isMore }) => isMore) };
}

/** The same of ledgers. A ledger is a set: one observation may be in the database and in the archive, and stands once. */
export function mergeLedgers(
  pages: readonly LedgerPage[],
  order: Pick<MergeOptions<LedgerEntry>, 'compare' | 'limit'>,
): LedgerPage {
  const ends = pages.flatMap(({ next }) => next ?? []).toSorted(order.compare);
  const [end] = ends;
  const all = distinctEntries(pages.flatMap(({ entries }) => entries));
  const reached = end === undefined ? all : all.filter((entry) => order.compare(entry, end) <= 0);
  const { items, isMore } = mergeBounded([{ items: reached, isMore: false }], {
    ...order,
    bytesOf: ({ content }) => Buffer.byteLength(content),
  });
  return { entries: items, next: isMore || end !== undefined ? items.at(-1) : undefined };
}
