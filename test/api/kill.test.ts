import { afterAll, beforeAll, expect, test } from 'vitest';

import { Posters } from '../support/posters.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { inspectRecords } from '../support/record-checks.ts';
import { ServedWorld } from '../support/served-world.ts';
import { until } from '../support/until.ts';

const POSTERS = 1_000;
const KILLS = 4;
const DEADLINE_MS = 240_000;
const MEBI = 1024 * 1024;
const MAX_RESIDENT_BYTES = 700 * MEBI;
/** Nobody is there: what the database does not take has to be sent again. */
const NO_TEMPORAL = '127.0.0.1:1';

let world: ServedWorld;

beforeAll(async () => {
  world = await ServedWorld.create(NO_TEMPORAL);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const isReady = (): Promise<boolean> => world.answers('/readyz');

async function killPostgres(): Promise<void> {
  await world.killPostgres();
  await world.startPostgres();
}

async function killService(): Promise<void> {
  await world.restartService();
  await until(isReady, 'the service is ready again');
}

const untilAcknowledged = (posters: Posters, wanted: number): Promise<void> =>
  until(
    () => posters.acknowledged.size >= wanted,
    () => `${wanted} records are acknowledged (${posters.describe()})`,
  );

test(
  'of 1,000 posters at once, while database and service are killed, each record that was acknowledged is there once',
  async () => {
    const random = seededRandom(chooseSeed());
    const posters = new Posters(world.address('/api/v1/audit/kubernetes-execution'));
    const { acknowledged } = posters;
    const names = Array.from({ length: POSTERS }, (_, index) => `poster-${index}`);
    const posting = Promise.all(names.map((name) => posters.postUntilKept(name)));
    for (let kill = 0; kill < KILLS; kill += 1) {
      const wanted = Math.floor(((kill + 1) * POSTERS) / (KILLS + 2));
      await untilAcknowledged(posters, wanted);
      await (random.below(2) === 0 ? killPostgres() : killService());
    }
    await untilAcknowledged(posters, POSTERS);
    await posting;
    await until(isReady, 'the service is ready in the end');
    expect(posters.surprises).toEqual([]);

    const pool = world.writerPool();
    const { rows } = await pool.query<{ execution_id: string; id: string }>(
      'select execution_id, id from kubernetes_execution_audit order by execution_id',
    );
    expect(new Map(rows.map((row) => [row.execution_id, row.id]))).toEqual(acknowledged);
    expect(rows).toHaveLength(POSTERS);
    const { contradictions, entries } = await inspectRecords(pool);
    expect(contradictions).toEqual([]);
    expect(entries).toHaveLength(POSTERS);
    await pool.end();
    expect(await world.residentBytes()).toBeLessThan(MAX_RESIDENT_BYTES);
  },
  DEADLINE_MS,
);
