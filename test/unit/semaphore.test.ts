import { setImmediate as nextRound } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { Semaphore } from '../../src/domain/semaphore.ts';

const never = new AbortController().signal;

test('no more work at once than there are permits, and those that wait come in their order', async () => {
  const semaphore = new Semaphore({ permits: 2 });
  let working = 0;
  let most = 0;
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const release = await semaphore.acquire(never);
      order.push(index);
      working += 1;
      most = Math.max(most, working);
      await nextRound();
      working -= 1;
      release();
    }),
  );
  expect(most).toBe(2);
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('one more than may wait is refused, and the others are not', async () => {
  const refusal = new Error('come again');
  const semaphore = new Semaphore({ permits: 1, waiting: { most: 1, refusal: () => refusal } });
  const release = await semaphore.acquire(never);
  const second = semaphore.acquire(never);
  await expect(semaphore.acquire(never)).rejects.toBe(refusal);
  release();
  (await second)();
});

test('who gives up leaves the line, and takes no permit', async () => {
  const semaphore = new Semaphore({ permits: 1 });
  const release = await semaphore.acquire(never);
  const impatient = new AbortController();
  const gaveUp = semaphore.acquire(impatient.signal);
  const patient = semaphore.acquire(never);
  impatient.abort(new Error('too late'));
  await expect(gaveUp).rejects.toThrow('too late');
  release();
  (await patient)();
  await semaphore.whenIdle();
});
