import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Batcher } from '../../src/database/recording/batcher.ts';
import { BatcherFullError, createBatcher } from '../../src/database/recording/batcher.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { createRecordedDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';

let database: TestDatabase;
let store: RecordStore;

beforeAll(async () => {
  ({ database, store } = await createRecordedDatabase());
});
afterAll(() => database.close());

/** The real store, and how many observations each of its calls brought. */
function counted(real: RecordStore): { store: RecordStore; flushes: number[] } {
  const flushes: number[] = [];
  return {
    flushes,
    store: {
      record(observations) {
        flushes.push(observations.length);
        return real.record(observations);
      },
    },
  };
}

async function storedCount(uids: readonly unknown[]): Promise<number> {
  const { rows } = await database.owner.query<{ count: string }>(
    'select count(*) from workflow_execution_audit where remediation_uid = any($1::text[])',
    [uids],
  );
  return Number(rows[0]?.count);
}

test('observations that come together are stored together, each answered with its own record', async () => {
  const { store: counting, flushes } = counted(store);
  const batcher = createBatcher({ store: counting });
  const observations = Array.from({ length: 300 }, () => executionObservation());
  const outcomes = await Promise.all(observations.map((observation) => batcher.record(observation)));

  expect(new Set(outcomes.map(({ id }) => id)).size).toBe(300);
  expect(flushes.length).toBeLessThan(10);
  expect(await storedCount(observations.map(({ columns }) => columns['remediation_uid']))).toBe(300);
  expect(batcher.pending()).toBe(0);
});

test('a caller is answered only after its row can be read', async () => {
  const batcher = createBatcher({ store });
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      const observation = executionObservation();
      await batcher.record(observation);
      expect(await storedCount([observation.columns['remediation_uid']])).toBe(1);
    }),
  );
});

test('no flush is larger than allowed', async () => {
  const { store: counting, flushes } = counted(store);
  const batcher = createBatcher({ store: counting, maxBatch: 7 });
  await Promise.all(Array.from({ length: 50 }, () => batcher.record(executionObservation())));
  expect(Math.max(...flushes)).toBe(7);
});

test('a full queue turns the next one away and loses none that it took', async () => {
  const batcher = createBatcher({ store, maxWaiting: 20, maxFlushes: 1 });
  const observations = Array.from({ length: 60 }, () => executionObservation());
  const answers = await Promise.allSettled(observations.map((one) => batcher.record(one)));
  const refused = answers.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(40);
  expect(refused.every((answer) => 'reason' in answer && answer.reason instanceof BatcherFullError)).toBe(
    true,
  );
  const uidsOf = (status: 'fulfilled' | 'rejected') =>
    observations
      .filter((_, index) => answers[index]?.status === status)
      .map(({ columns }) => columns['remediation_uid']);
  expect(await storedCount(uidsOf('fulfilled'))).toBe(20);
  expect(await storedCount(uidsOf('rejected'))).toBe(0);
});

describe('one bad observation among good ones', () => {
  const bad = () => {
    const base = executionObservation();
    return { ...base, columns: { ...base.columns, effectiveness_score: '7' } };
  };

  test('is refused with its reason; the good ones are stored', async () => {
    const batcher = createBatcher({ store });
    const good = Array.from({ length: 99 }, () => executionObservation());
    const outcomes = await Promise.all(
      [...good.slice(0, 50), bad(), ...good.slice(50)].map((one) => batcher.record(one)),
    );

    const refused = outcomes.filter(({ status }) => status === 'refused');
    expect(refused).toEqual([
      expect.objectContaining({
        sqlstate: '23514',
        reason: expect.stringContaining('effectiveness_score') as string,
      }),
    ]);
    expect(outcomes[50]?.status).toBe('refused');
    expect(await storedCount(good.map(({ columns }) => columns['remediation_uid']))).toBe(99);
  });
});

test('drain waits for everything that was accepted', async () => {
  const batcher: Batcher = createBatcher({ store });
  const observation = executionObservation();
  const answer = batcher.record(observation);
  await batcher.drain();
  expect(await storedCount([observation.columns['remediation_uid']])).toBe(1);
  await answer;
});

test('an error of the database reaches every caller of that flush, and the next flush works', async () => {
  let broken = true;
  const flaky: RecordStore = {
    record: (observations) =>
      broken ? Promise.reject(new Error('connection lost')) : store.record(observations),
  };
  const batcher = createBatcher({ store: flaky });
  const observation = executionObservation();
  await expect(batcher.record(observation)).rejects.toThrow('connection lost');
  broken = false;
  expect((await batcher.record(observation)).status).toBe('stored');
});

test('an observation that waits too long is given up, and not stored later unless it was in flight', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<undefined>();
  const slow: RecordStore = {
    record: async (observations) => {
      await released;
      return store.record(observations);
    },
  };
  const batcher = createBatcher({ store: slow, maxWaitMs: 20, maxBatch: 1, maxFlushes: 1 });
  const [inFlight, behind] = [executionObservation(), executionObservation()];
  const answers = await Promise.allSettled([batcher.record(inFlight), batcher.record(behind)]);
  expect(
    answers.map((answer) => (answer.status === 'rejected' ? String(answer.reason) : answer.status)),
  ).toEqual(Array(2).fill('BatcherTimeoutError: the database did not store the observation within 20 ms'));
  expect(batcher.pending()).toBe(1);
  release(undefined);
  await batcher.drain();
  expect(await storedCount([inFlight.columns['remediation_uid']])).toBe(1);
  expect(await storedCount([behind.columns['remediation_uid']])).toBe(0);
});

describe('a list', () => {
  const list = (length: number) => Array.from({ length }, () => executionObservation());

  /** Lists that wait together, while a first one is stored: how they are divided into flushes. */
  async function flushesOf(lists: readonly (readonly ReturnType<typeof executionObservation>[])[]) {
    const { store: counting, flushes } = counted(store);
    const batcher = createBatcher({ store: counting, maxBatch: 10, maxFlushes: 1 });
    await Promise.all(lists.map((one) => batcher.recordAll(one)));
    return flushes;
  }

  test('is stored in one flush: one that does not fit behind others waits for the next', async () => {
    expect(await flushesOf([list(6), list(6), list(6)])).toEqual([6, 6, 6]);
    expect(await flushesOf([list(4), list(6), list(1), list(10), list(2)])).toEqual([10, 1, 10, 2]);
  });

  test('that is more than one flush by itself is divided, and nothing else is', async () => {
    expect(await flushesOf([list(23), list(8), list(2)])).toEqual([10, 10, 3, 10]);
    expect(await flushesOf([list(3), list(23)])).toEqual([3, 10, 10, 3]);
  });

  test('of large observations is divided by their size only when it alone is too large', async () => {
    // Two of them are a flush: it takes eight Mi of characters.
    const large = (length: number) =>
      list(length).map((one) => ({
        ...one,
        columns: { ...one.columns, failure_message: 'x'.repeat(3 * 1024 * 1024) },
      }));
    expect(await flushesOf([large(1), large(2), large(3)])).toEqual([1, 2, 2, 1]);
  });

  test('is one transaction', async () => {
    const batcher = createBatcher({ store });
    const observations = list(200);
    await batcher.recordAll(observations);
    const { rows } = await database.owner.query(
      `select distinct xmin::text from workflow_execution_audit where remediation_uid = any($1::text[])`,
      [observations.map(({ columns }) => columns['remediation_uid'])],
    );
    expect(rows).toHaveLength(1);
  });
});

describe('several at once', () => {
  test('are answered in their order', async () => {
    const batcher = createBatcher({ store, maxBatch: 3 });
    const observations = Array.from({ length: 10 }, () => executionObservation());
    const outcomes = await batcher.recordAll(observations);
    const ids = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.id : undefined));
    expect(new Set(ids).size).toBe(observations.length);
    expect((await Promise.all(observations.map((one) => batcher.record(one)))).map(({ id }) => id)).toEqual(
      ids,
    );
  });

  test('are accepted together or not at all', async () => {
    const batcher = createBatcher({ store, maxWaiting: 5 });
    const first = batcher.recordAll(Array.from({ length: 4 }, () => executionObservation()));
    await expect(batcher.recordAll([executionObservation(), executionObservation()])).rejects.toThrow(
      BatcherFullError,
    );
    expect(batcher.pending()).toBe(4);
    await first;
  });
});

test('what is pending is bounded by its size too', async () => {
  const batcher = createBatcher({ store, maxPendingSize: 1_000 });
  const large = (): ReturnType<typeof executionObservation> => {
    const base = executionObservation();
    return { ...base, columns: { ...base.columns, failure_message: 'x'.repeat(900) } };
  };
  const first = batcher.record(large());
  await expect(batcher.record(large())).rejects.toThrow(BatcherFullError);
  await first;
  expect((await batcher.record(large())).status).toBe('stored');
});
