import type { ManifestPart } from '../archive/manifest/manifest.ts';
import type { ListOrder, RecordQuery } from '../database/reading/record-query.ts';

/** Parts whose times overlap, and which therefore may hold rows of the same records; no other part does. */
export interface PartSpan {
  readonly parts: readonly ManifestPart[];
  /** Earliest and latest `created_at` of them. */
  readonly first: string;
  readonly last: string;
}

/** The times a question is about; both ends belong to it. */
export interface TimeRange {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** What a page of a list can be about: its window, narrowed by where the page begins. */
export function rangeOf({ since, until, order, after }: RecordQuery): TimeRange {
  return order === 'newest'
    ? { from: since, to: least(until, after?.createdAt) }
    : { from: greatest(since, after?.createdAt), to: until };
}

/** The range as far as a page goes that has ended at this instant. */
export function rangeUpTo(range: TimeRange, order: ListOrder, instant: string): TimeRange {
  return order === 'newest'
    ? { from: greatest(range.from, instant), to: range.to }
    : { from: range.from, to: least(range.to, instant) };
}

/** Both ends belong to both times: what touches overlaps. */
export function overlaps(
  { first, last }: { readonly first: string; readonly last: string },
  { from, to }: TimeRange,
): boolean {
  return (from === undefined || last >= from) && (to === undefined || first <= to);
}

/** The parts of one table that can have rows of the range, grouped, in the order of the list. */
export function spansOf(
  parts: readonly ManifestPart[],
  { table, range, order }: { readonly table: string; readonly range: TimeRange; readonly order: ListOrder },
): readonly PartSpan[] {
  const spans: PartSpan[] = [];
  const own = parts.filter((part) => part.table === table);
  for (const part of own.toSorted((left, right) => (left.first < right.first ? -1 : 1))) {
    const last = spans.at(-1);
    // Parts come by their beginning: one that begins behind the span so far overlaps none of its parts.
    if (last === undefined || part.first > last.last)
      spans.push({ parts: [part], first: part.first, last: part.last });
    else
      spans[spans.length - 1] = {
        parts: [...last.parts, part],
        first: last.first,
        last: part.last > last.last ? part.last : last.last,
      };
  }
  // Grouped before the range is applied: a part outside it may overlap two that are inside.
  const wanted = spans
    .filter((span) => overlaps(span, range))
    .map((span) => ({ ...span, parts: span.parts.filter((part) => overlaps(part, range)) }))
    .filter((span) => span.parts.length > 0);
  return order === 'newest' ? wanted.reverse() : wanted;
}

/** The earlier of two bounds; one that is undefined bounds nothing. */
function least(left: string | undefined, right: string | undefined): string | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return left < right ? left : right;
}

/** The later of two bounds; one that is undefined bounds nothing. */
function greatest(left: string | undefined, right: string | undefined): string | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return left > right ? left : right;
}
