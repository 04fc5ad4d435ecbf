import fc from 'fast-check';
import { expect, test } from 'vitest';

import { MAX_ANSWER_BYTES } from '../../src/domain/limits.ts';
import { mergeBounded, type SourcePart } from '../../src/query/bounded-merge.ts';

const order = { compare: (left: number, right: number) => left - right, bytesOf: () => 1 };

/** What a source answers that ends a page where it likes. */
function partOf(items: readonly number[], after: number, most: number): SourcePart<number> {
  const behind = items.filter((item) => item > after);
  return { items: behind.slice(0, most), isMore: behind.length > most };
}

test('pages of several sources that end early have every item once, in order', () => {
  const sources = fc.array(
    fc.record({ items: fc.uniqueArray(fc.nat(200)), most: fc.integer({ min: 1, max: 5 }) }),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(sources, fc.integer({ min: 1, max: 7 }), (given, limit) => {
      // Distinct over all sources, as positions of entries are.
      const sorted = given.map(({ items, most }, index) => ({
        items: items.map((item) => item * given.length + index).toSorted(order.compare),
        most,
      }));
      const found: number[] = [];
      for (let isMore = true, after = -1; isMore; after = found.at(-1) ?? after) {
        const parts = sorted.map(({ items, most }) => partOf(items, after, most));
        const page = mergeBounded(parts, { ...order, limit });
        expect(page.items.length).toBeLessThanOrEqual(limit);
        expect(page.items.length > 0 || !page.isMore).toBe(true);
        found.push(...page.items);
        ({ isMore } = page);
      }
      expect(found).toEqual(sorted.flatMap(({ items }) => items).toSorted(order.compare));
    }),
  );
});

test('a page ends at its bytes, and one item that is larger alone is given alone', () => {
  const sizes = [MAX_ANSWER_BYTES - 1, 1, 1, 2 * MAX_ANSWER_BYTES, 1];
  const pageFrom = (first: number) =>
    mergeBounded([{ items: sizes.map((_, index) => index).slice(first), isMore: false }], {
      ...order,
      limit: 10,
      bytesOf: (index) => sizes[index] ?? 0,
    });
  expect(pageFrom(0)).toEqual({ items: [0, 1], isMore: true });
  expect(pageFrom(2)).toEqual({ items: [2], isMore: true });
  expect(pageFrom(3)).toEqual({ items: [3], isMore: true });
  expect(pageFrom(4)).toEqual({ items: [4], isMore: false });
});
