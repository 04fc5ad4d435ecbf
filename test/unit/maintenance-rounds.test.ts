import { afterEach, expect, test, vi } from 'vitest';

import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { MaintenanceRounds } from '../../src/services/maintenance-rounds.ts';

const MINUTE_MS = 60_000;

afterEach(() => {
  vi.useRealTimers();
});

test('a round that takes longer than a minute is followed by one round, not by all that came due', async () => {
  vi.useFakeTimers();
  const ends: (() => void)[] = [];
  const rounds = new MaintenanceRounds({
    keepMonthsAhead: () => new Promise((resolve) => ends.push(resolve)),
    schedules: [],
    connect: () => Promise.reject(new Error('Temporal is away')),
    metrics: createMetrics().maintenance,
    logger: createLogger('silent', 'test'),
  });
  rounds.start();
  await vi.advanceTimersByTimeAsync(5 * MINUTE_MS);
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  expect(ends).toHaveLength(2);
  ends[1]?.();
  await rounds.stop();
});
