import { describe, expect, test } from 'vitest';

import { chooseSeed } from '../support/random.ts';
import { IS_SOAK, sizeOf } from '../support/soak.ts';
import type { ScheduleOptions, Trouble } from '../support/watcher-schedule.ts';
import { playSchedule } from '../support/watcher-schedule.ts';

/** `SCHEDULES=5000 npx vitest run --project cluster test/cluster/watcher-schedules.test.ts` plays thousands. */
const SCHEDULES = sizeOf('SCHEDULES', { usual: 12, soak: 250 });
/** They mostly wait, each for its own server and watcher in this process. */
const AT_A_TIME = 8;
const FEW = 16;
/** Of those that break nothing: each of them is played to its end. */
const UNBROKEN = IS_SOAK ? FEW : 6;
const MS_PER_SCHEDULE = 2_000;

type Broken = Readonly<Record<string, readonly string[]>>;

/** The schedules that broke a guarantee, with how; `SEED` plays one of them again. */
async function play(count: number, options: Omit<ScheduleOptions, 'seed'> = {}): Promise<Broken> {
  const first = chooseSeed();
  const broken: Record<string, readonly string[]> = {};
  let played = 0;
  const worker = async (): Promise<void> => {
    while (played < count && Object.keys(broken).length === 0) {
      const seed = first + played;
      played += 1;
      const found = await playSchedule({ ...options, seed });
      if (found.length > 0) broken[`SEED=${seed} SCHEDULES=1`] = found;
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return broken;
}

test(
  'whatever the server, the way to it, Temporal, the database and the watcher itself go through: every remediation has its verdict, and nothing else has one',
  async () => {
    expect(await play(SCHEDULES)).toEqual({});
  },
  60_000 + SCHEDULES * MS_PER_SCHEDULE,
);

describe('the schedules notice', () => {
  const cases: readonly (readonly [
    name: string,
    troubles: readonly Trouble[],
    enough: ScheduleOptions['without'],
    tooLittle: ScheduleOptions['without'],
  ])[] = [
    ['a watcher that never lists again', ['lost-event'], [], ['reconcile']],
    ['a watcher that concludes no deletion', ['compacted', 'killed', 'gone-event'], [], ['tombstones']],
    [
      'a watcher that waits for ever for a silent stream',
      ['freeze'],
      ['reconcile'],
      ['reconcile', 'inactivity'],
    ],
  ];
  test.each(cases)('%s', async (_name, troubles, enough, tooLittle) => {
    expect(await play(UNBROKEN, { troubles, without: enough ?? [] })).toEqual({});
    expect(await play(FEW, { troubles, without: tooLittle ?? [] })).not.toEqual({});
  });
});
