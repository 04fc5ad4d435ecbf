import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { loadPageRows } from '../../bench/page-rows.ts';
import { reachOf } from '../../src/database/reading/list-reach.ts';
import type { Filter, ListOrder, Position, RecordQuery } from '../../src/database/reading/record-query.ts';
import { positionOf } from '../../src/database/reading/record-reader.ts';
import { columnsByName } from '../../src/domain/records/definition.ts';
import { remediationAudit } from '../../src/domain/records/remediation-audit.ts';
import { createRecordFinder, type RecordFinder } from '../../src/query/record-finder.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const REMEDIATIONS = 2_000;
const MONTHS = 6;
const MOST = 300;
const UNTIL = '2026-06-21T12:00:00.000000Z';

let database: TestDatabase;
let finder: RecordFinder;

beforeAll(async () => {
  database = await createTestDatabase();
  const load = { rows: REMEDIATIONS * 5, months: MONTHS, until: UNTIL, report: () => undefined };
  await loadPageRows(database.owner, load);
  finder = createRecordFinder(database.reader, { missing: 'there is none' });
});
afterAll(() => database.close());

function filterOf(name: string, value: string): Filter {
  const column = columnsByName(remediationAudit).get(name);
  if (column === undefined) throw new TypeError(`there is no column ${name}`);
  return { column, is: 'equal', value };
}

/** Every page of a list, as somebody opens them one after the other. */
async function pagesOf(query: Omit<RecordQuery, 'limit'>, mostLookedAt?: number): Promise<Position[][]> {
  const pages: Position[][] = [];
  let after: Position | undefined;
  do {
    const page = await finder.selectPage(
      remediationAudit,
      { ...query, limit: 20, after },
      { signal: new AbortController().signal, includeArchive: false, mostLookedAt },
    );
    pages.push(page.rows.map(({ row }) => positionOf(row)));
    after = page.next;
  } while (after !== undefined);
  return pages;
}

const RARE = { filters: [filterOf('workflow_name', 'increase-memory-limit-39')] };
const NOTHING = { filters: [filterOf('workflow_name', 'nothing')] };

describe.each<ListOrder>(['newest', 'oldest'])('%s first:', (order) => {
  test('pages that look at a part of the records list all of them together, each once', async () => {
    for (const window of [{}, { since: '2026-02-10T00:00:00Z', until: '2026-05-03T07:00:00Z' }]) {
      const query = { ...RARE, order, ...window };
      const all = (await pagesOf(query)).flat();
      const bounded = await pagesOf(query, MOST);
      expect(all.length).toBeGreaterThan(20);
      expect(bounded.flat()).toEqual(all);
      expect(bounded.some((page) => page.length < 20)).toBe(true);
    }
  });

  test('a list without a match has as many empty pages as parts to look at', async () => {
    expect(await pagesOf({ ...NOTHING, order })).toHaveLength(1);
    const pages = await pagesOf({ ...NOTHING, order }, MOST);
    expect(pages.flat()).toEqual([]);
    expect(pages.length).toBeGreaterThanOrEqual(REMEDIATIONS / MOST);
    expect(pages.length).toBeLessThanOrEqual(2 * (REMEDIATIONS / MOST));
  });
});

test.each([
  ['target_name', 'nothing'],
  ['target_namespace', 'nothing'],
  ['verdict', 'open'],
])('what an index leads to is looked for everywhere: %s', async (name, value) => {
  const query = { filters: [filterOf(name, value)], order: 'newest' as const };
  expect(await pagesOf(query, 1)).toEqual(await pagesOf(query));
});

test('without a filter nothing is left out', async () => {
  const query = { filters: [], order: 'newest' as const };
  expect((await pagesOf(query, 1)).flat()).toHaveLength(REMEDIATIONS);
});

describe('where a page ends', () => {
  const months = [
    { month: '2026-01-01', rows: 3_100 },
    { month: '2026-02-01', rows: 2_800 },
  ];
  const NOW_MS = Date.parse('2026-02-15T00:00:00Z');
  const reach = (query: Partial<RecordQuery>, most: number, nowMs = NOW_MS) =>
    reachOf(months, { query: { order: 'newest', ...query }, most, nowMs });

  test('lies where about as many records are behind it', () => {
    expect(reach({}, 1_400)).toBe('2026-02-08T00:00:00.000000Z');
    expect(reach({}, 2_800 + 100)).toBe('2026-01-31T00:00:00.000000Z');
    expect(reach({ order: 'oldest' }, 3_100 + 200)).toBe('2026-02-02T00:00:00.000000Z');
    expect(reach({ until: '2026-01-11T00:00:00Z' }, 500)).toBe('2026-01-06T00:00:00.000000Z');
    const after = { createdAt: '2026-01-21T00:00:00.000000Z', id: '' };
    expect(reach({ order: 'oldest', after }, 100)).toBe('2026-01-22T00:00:00.000000Z');
  });

  test('is nowhere when all can be looked at, or nothing is known of the months', () => {
    expect(reach({}, 5_900)).toBeUndefined();
    expect(reach({ since: '2026-02-14T00:00:00Z' }, 201)).toBeUndefined();
    expect(
      reachOf([{ month: '2026-01-01', rows: 0 }], { query: { order: 'newest' }, most: 1, nowMs: NOW_MS }),
    ).toBe(undefined);
  });
});
