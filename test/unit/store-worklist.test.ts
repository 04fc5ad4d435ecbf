import fc from 'fast-check';
import pg from 'pg';
import { describe, expect, test } from 'vitest';

import type { PreparedObservation } from '../../src/database/recording/prepared-observation.ts';
import { prepareObservation } from '../../src/database/recording/prepared-observation.ts';
import type { Batch, Failure, Step, WriteBatch } from '../../src/database/recording/store-worklist.ts';
import { afterFailure, newBatch, storeAll } from '../../src/database/recording/store-worklist.ts';
import { STORE_ATTEMPTS } from '../../src/domain/limits.ts';
import { executionObservation } from '../support/observations.ts';

const DEADLOCK = '40P01';
const MISSING_MONTH = '23514';
const MISSING_TABLE = '42P01';
const OUT_OF_RANGE = '22003';
const NUL = '22021';
const UNIQUE = '23505';
const BROKEN_JSON = '22P02';
const CONNECTION_LOST = '57P01';

function databaseError(code: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(`error ${code}`, 0, 'error'), { code });
}

const MAX_WRITES = 1_000;
const MONTHS = { there: '2026-11', creatable: '2026-12', never: '2027-01' } as const;
const BROKEN_TABLE = 'kubernetes_execution_audit';
const WELL_TABLE = 'workflow_execution_audit';

interface Given {
  readonly month: keyof typeof MONTHS;
  readonly isTableBroken: boolean;
  readonly value: 'good' | 'out of range' | 'nul' | 'nul and out of range' | 'broken JSON';
}

const GOOD: Given = { month: 'there', isTableBroken: false, value: 'good' };

function observationOf({ month, isTableBroken, value }: Given): PreparedObservation {
  const usual = executionObservation({
    table: isTableBroken ? BROKEN_TABLE : WELL_TABLE,
    createdAt: `${MONTHS[month]}-15T12:00:00.000000Z`,
  });
  const failure_message = value.startsWith('nul') ? 'a\0b' : 'ab';
  const workflow_id = value.replace('nul and ', '');
  return prepareObservation({ ...usual, columns: { ...usual.columns, failure_message, workflow_id } });
}

/** What a database would say: the first error of the batch, or one outcome each. */
function faultOf({ observation }: PreparedObservation, months: ReadonlySet<string>): string | undefined {
  if (observation.table === BROKEN_TABLE) return MISSING_TABLE;
  if (!months.has(observation.createdAt.slice(0, 7))) return MISSING_MONTH;
  if (observation.columns['workflow_id'] === 'out of range') return OUT_OF_RANGE;
  if (observation.columns['workflow_id'] === 'broken JSON') return BROKEN_JSON;
  return String(observation.columns['failure_message']).includes('\0') ? NUL : undefined;
}

interface Model {
  readonly write: WriteBatch;
  readonly stored: string[];
  readonly batches: Batch[];
}

/** Takes what PostgreSQL would take. The first writes meet what `interruptions` says, undefined for nothing. */
function modelDatabase(interruptions: readonly (string | undefined)[] = []): Model {
  const months = new Set<string>([MONTHS.there]);
  const model: Model = { stored: [], batches: [], write: (batch) => Promise.resolve(answer(batch)) };
  const answer = (batch: Batch): Awaited<ReturnType<WriteBatch>> => {
    const { items } = batch;
    model.batches.push(batch);
    if (model.batches.length > MAX_WRITES) throw new Error('the worklist does not end');
    const prepared = items.map(({ observation }) => observation);
    const locations = new Map(prepared.map(({ id, observation }) => [id, observation.createdAt]));
    const interruption = interruptions[model.batches.length - 1];
    if (interruption !== undefined) return { error: databaseError(interruption), locations: batch.locations };
    for (const month of batch.months) if (!month.startsWith(MONTHS.never)) months.add(month.slice(0, 7));
    const fault = prepared.map((one) => faultOf(one, months)).find((code) => code !== undefined);
    if (fault !== undefined) return { error: databaseError(fault), locations };
    model.stored.push(...prepared.map(({ id }) => id));
    return {
      stored: prepared.map(({ id, observation, repaired }) => ({
        status: 'stored',
        id,
        createdAt: observation.createdAt,
        revision: 1,
        repaired,
      })),
    };
  };
  return model;
}

function expectedOutcome({ month, isTableBroken, value }: Given): object {
  if (isTableBroken) return { status: 'later', sqlstate: MISSING_TABLE };
  if (month === 'never') return { status: 'later', sqlstate: MISSING_MONTH };
  if (value.endsWith('out of range')) return { status: 'refused', sqlstate: OUT_OF_RANGE };
  if (value === 'broken JSON') return { status: 'refused', sqlstate: BROKEN_JSON };
  return { status: 'stored', repaired: value === 'nul' ? ['failure_message'] : [] };
}

const givens: fc.Arbitrary<Given[]> = fc.array(
  fc.record({
    month: fc.constantFrom('there', 'there', 'creatable', 'never'),
    isTableBroken: fc.boolean(),
    value: fc.constantFrom('good', 'good', 'out of range', 'nul', 'nul and out of range', 'broken JSON'),
  }),
  { minLength: 1, maxLength: 24 },
);
/** Fewer than exhaust the attempts of one batch. */
const races = fc.array(fc.constantFrom(DEADLOCK, UNIQUE, undefined), { maxLength: STORE_ATTEMPTS - 1 });

test('each observation of any mixture gets the outcome it would get alone, in its order', async () => {
  await fc.assert(
    fc.asyncProperty(givens, races, async (given, interruptions) => {
      const model = modelDatabase(interruptions);
      const prepared = given.map(observationOf);
      const expected = given.map(expectedOutcome);
      if (expected.every((outcome) => 'status' in outcome && outcome.status === 'later')) {
        await expect(storeAll(prepared, model.write)).rejects.toBeInstanceOf(pg.DatabaseError);
        return;
      }
      const outcomes = await storeAll(prepared, model.write);
      expect(outcomes).toMatchObject(expected);
      expect(outcomes.map(({ id }) => id)).toEqual(prepared.map(({ id }) => id));
    }),
    { numRuns: 500 },
  );
});

test('no observation is stored twice, and the number of writes is bounded', async () => {
  await fc.assert(
    fc.asyncProperty(givens, races, async (given, interruptions) => {
      const model = modelDatabase(interruptions);
      await storeAll(given.map(observationOf), model.write).catch(() => undefined);
      expect(new Set(model.stored).size).toBe(model.stored.length);
      // A binary tree over the observations, each of its batches at most thrice for its month and once for a repair.
      expect(model.batches.length).toBeLessThanOrEqual(2 * given.length * 4 + STORE_ATTEMPTS);
    }),
    { numRuns: 500 },
  );
});

test('one hopeless observation among 512 costs two writes for each halving', async () => {
  const model = modelDatabase();
  const prepared = Array.from({ length: 512 }, (_, index) =>
    observationOf({ ...GOOD, value: index === 300 ? 'out of range' : 'good' }),
  );
  const outcomes = await storeAll(prepared, model.write);
  expect(outcomes.filter(({ status }) => status === 'stored')).toHaveLength(511);
  expect(outcomes[300]).toMatchObject({ status: 'refused' });
  expect(model.batches).toHaveLength(1 + 2 * Math.log2(512));
});

test('a refused observation does not hide that another one waits for its month', async () => {
  const prepared = [
    observationOf({ ...GOOD, value: 'out of range' }),
    observationOf({ ...GOOD, month: 'never' }),
  ];
  expect(await storeAll(prepared, modelDatabase().write)).toMatchObject([
    { status: 'refused' },
    { status: 'later' },
  ]);
});

test('an error that concerns all of them is thrown at once', async () => {
  const model = modelDatabase([OUT_OF_RANGE, CONNECTION_LOST]);
  const prepared = [GOOD, GOOD, GOOD].map(observationOf);
  await expect(storeAll(prepared, model.write)).rejects.toMatchObject({ code: CONNECTION_LOST });
  expect(model.batches).toHaveLength(2);
});

test('contention is thrown after the last attempt, with longer and longer pauses before', async () => {
  const model = modelDatabase(Array.from({ length: STORE_ATTEMPTS }, () => DEADLOCK));
  await expect(storeAll([observationOf(GOOD)], model.write)).rejects.toMatchObject({ code: DEADLOCK });
  expect(model.batches.map(({ pauseMs }) => pauseMs)).toEqual([0, 20, 40, 80, 160]);
});

test('an empty list is answered without a write', async () => {
  const model = modelDatabase();
  expect(await storeAll([], model.write)).toEqual([]);
  expect(model.batches).toEqual([]);
});

describe('the step that follows an error', () => {
  const one = newBatch([{ index: 0, observation: observationOf(GOOD) }]);
  const two = newBatch([...one.items, { index: 1, observation: observationOf(GOOD) }]);
  const twoMonths = newBatch([
    ...one.items,
    { index: 1, observation: observationOf({ ...GOOD, month: 'creatable' }) },
  ]);
  const rounds = (batch: Batch): Batch => ({ ...batch, monthRounds: 2 });
  const steps: [code: string, what: string, Batch, Step][] = [
    [DEADLOCK, 'first', two, 'retry'],
    [DEADLOCK, 'last attempt', { ...two, retries: STORE_ATTEMPTS - 1 }, 'throw'],
    [MISSING_MONTH, 'first', twoMonths, 'create-months'],
    [MISSING_MONTH, 'created in vain, two months', rounds(twoMonths), 'split'],
    [MISSING_MONTH, 'created in vain, one month', rounds(two), 'delay'],
    [MISSING_TABLE, 'two partitions', twoMonths, 'split'],
    [MISSING_TABLE, 'one partition', two, 'delay'],
    [NUL, 'several', two, 'bisect'],
    [NUL, 'alone', one, 'repair'],
    [NUL, 'repaired in vain', { ...one, isRepaired: true }, 'refuse'],
    [OUT_OF_RANGE, 'several', two, 'bisect'],
    [OUT_OF_RANGE, 'alone', one, 'refuse'],
    ['53100', 'disk full', one, 'throw'],
    ['XX001', 'damaged data', one, 'throw'],
    ['P0001', 'unknown', one, 'throw'],
  ];
  test.each(steps)('%s, %s', (code, _what, batch, step) => {
    expect(afterFailure(batch, failure(code)).step).toBe(step);
  });

  test('a row without location is not inserted again', () => {
    expect(afterFailure(one, failure(UNIQUE)).batches).toMatchObject([{ mayInsert: false }]);
    expect(afterFailure(one, failure(DEADLOCK)).batches).toMatchObject([{ mayInsert: true }]);
  });

  test('the months created are those of the resolved locations, not of the observations', () => {
    const { id } = observationOf(GOOD);
    const { batches } = afterFailure(one, {
      error: databaseError(MISSING_MONTH),
      locations: new Map([[id, '2020-03-31T23:59:59.999999Z']]),
    });
    expect(batches).toMatchObject([{ months: ['2020-03-01'] }]);
  });

  function failure(code: string): Failure {
    return { error: databaseError(code), locations: new Map() };
  }
});
