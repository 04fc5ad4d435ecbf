import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { canonicalContent, columnsOfContent } from '../../src/domain/canonical-content.ts';
import type { Entry } from '../../src/domain/fold.ts';
import { compareEntries, foldEntries } from '../../src/domain/fold.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { canonicalJson, parseJson } from '../../src/domain/json.ts';
import type { Columns } from '../../src/domain/records/definition.ts';
import { defineRecord } from '../../src/domain/records/definition.ts';

/** A table with a column of every way to fold. */
const definition = defineRecord({
  table: 'folded',
  kind: 'folded',
  meaning: 'Every way to fold.',
  columns: [
    { name: 'phase', type: 'text', meaning: 'newest' },
    { name: 'success', type: 'boolean', meaning: 'newest' },
    { name: 'count', type: 'bigint', meaning: 'newest' },
    { name: 'first_seen', type: 'timestamptz', fold: 'earliest', meaning: 'earliest' },
    {
      name: 'verdict',
      type: 'text',
      fold: 'rank',
      vocabulary: ['open', 'deleted', 'terminal'],
      meaning: 'rank',
    },
    { name: 'pod', type: 'text', postedOnly: true, meaning: 'no resource says it' },
    { name: 'output', type: 'text', addedByPosts: true, meaning: 'no resource of today says it' },
  ],
});

function entry(version: number | bigint, columns: Columns, actor = 'watcher'): Entry {
  const contentHash = createHash('sha256').update(canonicalContent(definition, columns)).digest('hex');
  return { sourceVersion: String(version), contentHash, actor, columns };
}

/** Of the record's own resource, and of a caller of the service. */
const observed = (version: number, columns: Columns): Entry =>
  entry(version, { ...columns, source_kind: 'WorkflowExecution' });
const posted = (version: number, columns: Columns, actor = 'poster'): Entry =>
  entry(version - 1_000, { ...columns, source_kind: 'post' }, actor);

const columns: fc.Arbitrary<Columns> = fc
  .record(
    {
      phase: fc.constantFrom('A', 'B', 'C'),
      success: fc.boolean(),
      count: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
      first_seen: fc.integer({ min: 10, max: 28 }).map((day) => `2026-11-${day}T00:00:00.000000Z`),
      verdict: fc.constantFrom('open', 'deleted', 'terminal', 'unheard-of'),
      extra: fc
        .dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.constantFrom('1', '1.10', '"x"', 'null'))
        .map((members) =>
          canonicalJson(
            Object.fromEntries(Object.entries(members).map(([key, text]) => [key, parseJson(text)])),
          ),
        ),
    },
    { requiredKeys: [] },
  )
  // Generated records have no prototype; what is compared below has one.
  .map((record) => ({ ...record }));

const history = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 5 }), columns).map(([version, carried]) => entry(version, carried)),
  { minLength: 1, maxLength: 8 },
);

describe('the row of a record', () => {
  test('does not depend on the order of its entries, nor on repetitions', () => {
    fc.assert(
      fc.property(
        history.chain((entries) =>
          fc.tuple(
            fc.constant(entries),
            fc.shuffledSubarray([...entries, ...entries], { minLength: entries.length * 2 }),
            fc.array(fc.constantFrom(...entries), { maxLength: 4 }),
          ),
        ),
        ([entries, shuffled, repeated]) => {
          expect(foldEntries(definition, [...repeated, ...shuffled])).toEqual(
            foldEntries(definition, entries),
          );
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('does not depend on whether an observation came whole or in parts', () => {
    const versions = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
    const whole = versions.chain((list) =>
      fc.tuple(...list.map((version) => columns.map((carried) => ({ version, carried })))),
    );
    fc.assert(
      fc.property(whole, fc.infiniteStream(fc.boolean()), (observations, coin) => {
        const parts = observations.flatMap(({ version, carried }) => {
          const [left, right]: [Record<string, string | boolean>, Record<string, string | boolean>] = [
            {},
            {},
          ];
          for (const [name, value] of Object.entries(carried))
            (coin.next().value ? left : right)[name] = value;
          return [entry(version, right), entry(version, left)];
        });
        expect(foldEntries(definition, parts)).toEqual(
          foldEntries(
            definition,
            observations.map(({ version, carried }) => entry(version, carried)),
          ),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  test('keeps a confirmation, so that a late older value does not win: A, A, and B in between', () => {
    const [first, confirmed, late] = [
      entry(5, { phase: 'A' }),
      entry(10, { phase: 'A' }),
      entry(7, { phase: 'B' }),
    ] as const;
    expect(foldEntries(definition, [first, confirmed, late])).toEqual({ phase: 'A' });
    expect(foldEntries(definition, [first, late])).toEqual({ phase: 'B' });
  });

  test('takes the newest value of each column by itself, and an absent one erases nothing', () => {
    expect(
      foldEntries(definition, [
        entry(1, { phase: 'A', count: '0', success: false }),
        entry(2, { phase: 'B' }),
        entry(3, {}),
      ]),
    ).toEqual({ phase: 'B', count: '0', success: false });
  });

  test('compares versions as integers of any size', () => {
    const first = entry(-998_236_000_000_000n, { phase: 'posted' });
    const watched = entry(9n, { phase: 'watched' });
    const restored = entry(10n ** 15n + 1n, { phase: 'restored' });
    expect(foldEntries(definition, [restored, watched, first])['phase']).toBe('restored');
    expect(foldEntries(definition, [watched, first])['phase']).toBe('watched');
    expect(
      compareEntries(
        entry('9007199254740993' as unknown as bigint, {}),
        entry('9007199254740992' as unknown as bigint, {}),
      ),
    ).toBe(1);
  });

  test('keeps the earliest time and the highest rank, whenever they come', () => {
    const [early, later] = ['2026-11-01T00:00:00.000000Z', '2026-11-02T00:00:00.000000Z'];
    expect(
      foldEntries(definition, [
        entry(1, { first_seen: later, verdict: 'terminal' }),
        entry(2, { first_seen: early, verdict: 'open' }),
        entry(3, { first_seen: later, verdict: 'a word of a later generation' }),
      ]),
    ).toEqual({ first_seen: early, verdict: 'terminal' });
  });

  test('unites the keys of extra, per key the newest, also keys that mean something to JavaScript', () => {
    expect(
      foldEntries(definition, [
        entry(2, { extra: '{"__proto__":{"b":2},"a":1.10}' }),
        entry(1, { extra: '{"__proto__":{"a":1},"c":9007199254740993}' }),
      ])['extra'],
    ).toBe('{"__proto__":{"b":2},"a":1.10,"c":9007199254740993}');
  });

  test('decides two contents of one version by their hash', () => {
    const [left, right] = [entry(1, { phase: 'A' }), entry(1, { phase: 'B' })];
    const winner = left.contentHash > right.contentHash ? 'A' : 'B';
    expect(foldEntries(definition, [left, right])).toEqual({ phase: winner });
    expect(foldEntries(definition, [right, left])).toEqual({ phase: winner });
  });
});

describe('a post about the record of a resource', () => {
  const postings = fc.array(
    fc
      .tuple(fc.integer({ min: 1, max: 5 }), columns, fc.constantFrom('a', 'b'))
      .map(([version, carried, actor]) => posted(version, carried, actor)),
    { minLength: 1, maxLength: 4 },
  );
  const resource = history.map((entries) =>
    entries.map(({ sourceVersion, columns: carried }) => observed(Number(sourceVersion), carried)),
  );

  test('changes no column of it, and what it says stands beside them with its poster', () => {
    fc.assert(
      fc.property(resource, postings, (entries, posts) => {
        const before = foldEntries(definition, entries);
        const { extra: extraAfter, ...after } = foldEntries(definition, [...posts, ...entries]);
        const { extra: extraBefore, ...same } = before;
        expect(after).toEqual(same);
        const { source_kind: kind, ...said } = foldEntries(definition, posts);
        expect(kind).toBe('post');
        expect(String(extraAfter)).toBe(
          canonicalJson({
            ...(parseJson(String(extraBefore ?? '{}')) as JsonObject),
            posted: {
              by: [...new Set(posts.map(({ actor }) => actor))].sort(),
              columns: parseJson(canonicalContent(definition, said)),
            },
          }),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  test('adds what no resource of today says, and yields to one that does', () => {
    const post = posted(1, { pod: 'api-7f', output: 'posted', phase: 'Completed', success: true });
    const row = foldEntries(definition, [post, observed(1, { phase: 'Running' })]);
    expect(row).toMatchObject({ phase: 'Running', pod: 'api-7f', output: 'posted' });
    expect(row).not.toHaveProperty('success');
    const older = foldEntries(definition, [post, observed(1, { output: 'of an old release' })]);
    expect(older).toMatchObject({ pod: 'api-7f', output: 'of an old release' });
  });

  test('makes the row as long as only others than its resource speak of it', () => {
    const post = posted(1, { phase: 'Completed', success: true });
    const fragment = entry(7, { phase: 'Running' });
    expect(foldEntries(definition, [fragment, post])).toEqual({
      ...{ phase: 'Running', success: true, source_kind: 'post' },
    });
  });
});

describe('the canonical content', () => {
  test('gives back the columns that it was made of', () => {
    fc.assert(
      fc.property(columns, (carried) => {
        expect(columnsOfContent(definition, canonicalContent(definition, carried))).toEqual(carried);
      }),
      { numRuns: 1_000 },
    );
  });

  test('is one text for one content, whatever the order of its columns', () => {
    const extra = canonicalJson(parseJson('{"b": [1e2], "a": 1.10}'));
    const one = canonicalContent(definition, { phase: 'A', extra, count: '9007199254740993' });
    const other = canonicalContent(definition, { count: '9007199254740993', extra, phase: 'A' });
    expect(one).toBe(other);
    expect(one).toBe('{"count":9007199254740993,"extra":{"a":1.10,"b":[1e2]},"phase":"A"}');
    expect(canonicalJson(parseJson(one))).toBe(one);
  });

  test('leaves out what the store manages and what it does not know', () => {
    expect(canonicalContent(definition, { phase: 'A', revision: '3', unheard_of: 'x' })).toBe(
      '{"phase":"A"}',
    );
  });

  test('distinguishes text from numbers, booleans and JSON', () => {
    const carried = { phase: '1', success: false, count: '1', extra: '"1"' };
    expect(canonicalContent(definition, carried)).toBe('{"count":1,"extra":"1","phase":"1","success":false}');
    expect(columnsOfContent(definition, canonicalContent(definition, carried))).toEqual(carried);
  });

  test('that is no object is refused by name of its table', () => {
    expect(() => columnsOfContent(definition, '[]')).toThrow(
      'the canonical content of folded is not a JSON object',
    );
  });
});
