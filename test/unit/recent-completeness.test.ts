import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Completeness } from '../../src/database/reading/completeness.ts';
import { createRecentCompleteness } from '../../src/page/recent-completeness.ts';

const NOTHING: Completeness = { clusters: [], kinds: [], verdicts: [], gaps: [], has_more_gaps: false };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Counting takes so long; what it found is known by how often it was counted. */
function counting(ms: number) {
  let times = 0;
  const recent = createRecentCompleteness(async () => {
    times += 1;
    const detail = String(times);
    await new Promise((resolve) => setTimeout(resolve, ms));
    const cluster = { cluster: 'c', detail, first_watched_at: null, reported_at: null };
    return { ...NOTHING, clusters: [{ ...cluster, state: 'unknown' as const }] };
  });
  const ask = async () => {
    const { completeness, newerInMs } = await recent();
    return [completeness.clusters[0]?.detail, newerInMs];
  };
  return { ask, after: (passed: number) => vi.advanceTimersByTimeAsync(passed) };
}

test('a count is used again for nine times as long as it took, and says when there is a newer one', async () => {
  const { ask, after } = counting(20);
  const first = ask();
  await after(20);
  expect(await first).toEqual(['1', undefined]);
  await after(80);
  expect(await ask()).toEqual(['1', 100]);
  await after(100);
  const second = ask();
  await after(20);
  expect(await second).toEqual(['2', undefined]);
});

test('those who ask while it is counted share the next count, which is not older than their questions', async () => {
  const { ask, after } = counting(20);
  const first = ask();
  await after(10);
  const later = [ask(), ask()];
  await after(30);
  expect(await first).toEqual(['1', undefined]);
  expect(await Promise.all(later)).toEqual([
    ['2', undefined],
    ['2', undefined],
  ]);
});

test('nobody waits for a count that takes long while there is one of the last minutes', async () => {
  const { ask, after } = counting(3_000);
  const first = ask();
  await after(3_000);
  expect(await first).toEqual(['1', undefined]);
  await after(60_000);
  expect(await ask()).toEqual(['1', 3_000]);
  await after(3_000);
  expect(await ask()).toEqual(['2', 27_000]);
  await after(660_000);
  const waiting = ask();
  await after(3_000);
  expect(await waiting).toEqual(['3', undefined]);
});

test('a count that failed is the error of who waited for it, and nobody else has it', async () => {
  let times = 0;
  const recent = createRecentCompleteness(() => {
    times += 1;
    return times === 1 ? Promise.reject(new Error('away')) : Promise.resolve(NOTHING);
  });
  await expect(recent()).rejects.toThrow('away');
  expect((await recent()).completeness).toBe(NOTHING);
});
