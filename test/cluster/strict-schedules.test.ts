import { expect, test } from 'vitest';

import { chooseSeed } from '../support/random.ts';
import { sizeOf } from '../support/soak.ts';
import { playStrictSchedule } from '../support/strict-schedule.ts';

/** `SCHEDULES=2000 npx vitest run --project cluster test/cluster/strict-schedules.test.ts` plays thousands. */
const SCHEDULES = sizeOf('SCHEDULES', { usual: 15, soak: 60 });
const AT_A_TIME = 6;
const MS_PER_SCHEDULE = 3_000;

test(
  'what strict mode holds is never let go before Temporal has its last phase and its verdict',
  async () => {
    const first = chooseSeed();
    const broken: Record<string, readonly string[]> = {};
    let played = 0;
    const worker = async (): Promise<void> => {
      while (played < SCHEDULES && Object.keys(broken).length === 0) {
        const seed = first + played;
        played += 1;
        const found = await playStrictSchedule(seed);
        if (found.length > 0) broken[`SEED=${seed} SCHEDULES=1`] = found;
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
    expect(broken).toEqual({});
  },
  60_000 + SCHEDULES * MS_PER_SCHEDULE,
);
