import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Entry, Merged, MergeOptions } from '../../src/query/merge-sorted.ts';
import { mergeSorted } from '../../src/query/merge-sorted.ts';

type Source = Generator<Entry<number, string>, number | undefined>;

const byNumber = (left: number, right: number): number => left - right;
const options = (limit: number, until?: number): MergeOptions<number> => ({
  compare: byNumber,
  limit,
  until,
});

function* source(entries: readonly Entry<number, string>[], endedAt?: number): Source {
  yield* entries;
  return endedAt;
}

const value = (key: number, text = `${key}`): Entry<number, string> => ({ is: 'value', key, value: text });
const replacement = (key: number, text?: string): Entry<number, string> => ({
  is: 'replacement',
  key,
  value: text,
});
const milestone = (key: number): Entry<number, string> => ({ is: 'milestone', key });

describe('one page', () => {
  test('of equal keys the first source has its value on the page', async () => {
    const merged = await mergeSorted(
      [source([value(1, 'database')]), source([value(1, 'archive'), value(2)])],
      options(5),
    );
    expect(merged).toEqual({ values: ['database', '2'], next: undefined });
  });

  test('a replacement stands for what other sources have at its key, also when it has no value', async () => {
    const merged = await mergeSorted(
      [source([value(1), value(2), value(3)]), source([replacement(1, 'folded'), replacement(2)])],
      options(5),
    );
    expect(merged).toEqual({ values: ['folded', '3'], next: undefined });
  });

  test('a milestone at the key of a value leaves the value', async () => {
    const merged = await mergeSorted(
      [source([value(1, 'database')]), source([milestone(1), replacement(1, 'folded')])],
      options(5),
    );
    expect(merged.values).toEqual(['folded']);
  });

  test('nothing behind the end of a source that was not read further is on the page', async () => {
    const merged = await mergeSorted([source([value(1), value(4)]), source([value(2)], 3)], options(5));
    expect(merged).toEqual({ values: ['1', '2'], next: 3 });
  });

  test('a source is not read behind a milestone that the page does not reach', async () => {
    let read = 0;
    const expensive = function* (): Source {
      yield milestone(3);
      read += 1;
      yield value(3);
      return undefined;
    };
    const page = [source([value(1), value(2)]), expensive()];
    expect(await mergeSorted(page, options(2))).toEqual({ values: ['1', '2'], next: 2 });
    expect(await mergeSorted([source([value(1), value(4)]), expensive()], options(9, 2))).toEqual({
      values: ['1'],
      next: 2,
    });
    expect(read).toBe(0);
  });

  test('every source is closed when the page ends, also when one of them fails', async () => {
    const closed: string[] = [];
    const closing = function* (name: string, fails: boolean): Source {
      try {
        yield value(1);
        if (fails) throw new Error('the store is away');
        yield value(2);
        return undefined;
      } finally {
        closed.push(name);
      }
    };
    await mergeSorted([closing('short', false)], options(1));
    await expect(mergeSorted([closing('kept', false), closing('failed', true)], options(9))).rejects.toThrow(
      'the store is away',
    );
    expect(closed).toEqual(['short', 'failed', 'kept']);
  });
});

interface World {
  /** What the database has: complete values, and parts of archived ones. */
  readonly database: ReadonlyMap<number, 'complete' | 'part'>;
  /** What the archive has, and whether the complete value matches the query. */
  readonly archive: ReadonlyMap<number, boolean>;
}

const KEYS = 40;
const key = fc.integer({ min: 0, max: KEYS });
const world: fc.Arbitrary<World> = fc
  .tuple(
    fc.uniqueArray(fc.tuple(key, fc.boolean()), { selector: ([at]) => at }),
    fc.uniqueArray(fc.tuple(key, fc.boolean()), { selector: ([at]) => at }),
  )
  .map(([database, archive]) => ({
    archive: new Map(archive),
    database: new Map(
      database.map(([at, isPart]) => [
        at,
        isPart && archive.some(([own]) => own === at) ? 'part' : 'complete',
      ]),
    ),
  }));

/** The values of a world in order, found without any merge. */
function valuesOf({ database, archive }: World): string[] {
  const all = Array.from({ length: KEYS + 1 }, (_, at) => at);
  return all.flatMap((at) => {
    const stored = database.get(at);
    if (stored === 'complete') return [`${at} database`];
    if (stored === 'part') return archive.get(at) === true ? [`${at} folded`] : [];
    return archive.get(at) === true ? [`${at} archive`] : [];
  });
}

const sorted = <T>(entries: Iterable<[number, T]>): [number, T][] =>
  [...entries].sort(([left], [right]) => left - right);

/** The archive in spans of this many keys, ending early after so many of them. */
interface Shape {
  readonly spanSize: number;
  readonly spansPerPage: number;
}

function* archiveSource(
  { archive, database }: World,
  after: number,
  { spanSize, spansPerPage }: Shape,
): Source {
  let spans = 0;
  for (let first = 0; first <= KEYS; first += spanSize) {
    const last = first + spanSize - 1;
    if (last <= after) continue;
    yield milestone(first);
    const entries = sorted(archive).filter(([at]) => at >= first && at <= last && at > after);
    for (const [at, matches] of entries)
      if (database.get(at) === 'part') yield replacement(at, matches ? `${at} folded` : undefined);
      else if (matches) yield value(at, `${at} archive`);
    spans += 1;
    if (spans === spansPerPage) return last;
  }
  return undefined;
}

/** As a snapshot of the database reads one page: at most the limit, and where it ended. */
function databasePage({ database }: World, after: number, limit: number) {
  const rows = sorted(database).filter(([at]) => at > after);
  const page = rows.slice(0, limit);
  const until = rows.length > limit ? page.at(-1)?.[0] : undefined;
  return { entries: page.map(([at]) => value(at, `${at} database`)), until };
}

test('pages of any size hold every value once and in order, however the sources end', async () => {
  const shape = fc.record({
    spanSize: fc.integer({ min: 1, max: 15 }),
    spansPerPage: fc.integer({ min: 1, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(world, fc.integer({ min: 1, max: 12 }), shape, async (known, limit, spans) => {
      const values: string[] = [];
      let after = -1;
      for (let pages = 0; ; pages += 1) {
        expect(pages).toBeLessThan(3 * KEYS);
        const { entries, until } = databasePage(known, after, limit);
        const page: Merged<number, string> = await mergeSorted(
          [source(entries), archiveSource(known, after, spans)],
          options(limit, until),
        );
        expect(page.values.length).toBeLessThanOrEqual(limit);
        values.push(...page.values);
        if (page.next === undefined) break;
        expect(page.next).toBeGreaterThan(after);
        after = page.next;
      }
      expect(values).toEqual(valuesOf(known));
    }),
    { numRuns: 500 },
  );
});
