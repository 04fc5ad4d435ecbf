import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import type { RetentionActivities } from '../../src/activities/types.ts';
import type { ArchiveContext, ArchivePoint } from '../../src/archive/archive-context.ts';
import { RETENTION_POINTS } from '../../src/archive/archive-context.ts';
import { verifyArchive } from '../../src/archive/manifest/verify-archive.ts';
import type { RowsDigest } from '../../src/archive/parquet/row-hasher.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { RetentionWorld, type Victim, VICTIMS } from '../support/retention-world.ts';
import { asActivities, recordExecutions, retentionSteps, runActivities } from '../support/retention.ts';
import { someOf } from '../support/soak.ts';

const ROWS = 120;
const PART_ROWS = 50;
const DEADLINE_MS = 60_000;
const random = seededRandom(chooseSeed());

let world: RetentionWorld;
let month = '2016-12-01';
let store: ObjectStore;
let before: Record<string, readonly RowsDigest[]>;
/** How long each activity takes when nothing happens. */
const usualMs = new Map<string, number>();

beforeAll(async () => {
  world = await RetentionWorld.start();
  await nextMonth();
  await runUntilDone(measured(activities()));
  await expectArchivedOnce();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await world.recovered();
  await nextMonth();
});

async function nextMonth(): Promise<void> {
  month = addMonths(month, 1);
  store = world.s3Store(month);
  await recordExecutions(world, month, ROWS);
  before = await world.contents(month, PART_ROWS);
}

const activities = (given: Partial<ArchiveContext> = {}): RetentionActivities =>
  asActivities(retentionSteps(world.setting(store), { partRows: PART_ROWS, ...given }));

type ActivityName = keyof RetentionActivities;
const NAMES: readonly ActivityName[] = [
  'planRetention',
  'freezeMonth',
  'exportMonth',
  'verifyExport',
  'sealMonth',
  'detachMonth',
  'dropMonth',
];

/** Called for every call of an activity before it begins, and after it ended. */
function watched(
  inner: RetentionActivities,
  begins: (name: ActivityName) => void,
  ended: (name: ActivityName) => void = () => undefined,
): RetentionActivities {
  const entries = Object.entries(inner).map(([name, activity]) => [
    name,
    async (...args: readonly never[]) => {
      begins(name as ActivityName);
      const result: unknown = await (activity as (...given: readonly never[]) => Promise<unknown>)(...args);
      ended(name as ActivityName);
      return result;
    },
  ]);
  return Object.fromEntries(entries) as RetentionActivities;
}

function measured(inner: RetentionActivities): RetentionActivities {
  let start = 0;
  return watched(
    inner,
    () => {
      start = performance.now();
    },
    (name) => {
      usualMs.set(name, Math.max(usualMs.get(name) ?? 0, performance.now() - start));
    },
  );
}

/** As Temporal does: a step that failed is done again. After each failure every row is looked for. */
async function runUntilDone(given: RetentionActivities): Promise<number> {
  const failures: unknown[] = [];
  const deadline = Date.now() + DEADLINE_MS;
  while (Date.now() < deadline) {
    try {
      await runActivities(given, month);
      return failures.length;
    } catch (error: unknown) {
      failures.push(error);
      await world.recovered();
      await expectNothingLost();
    }
  }
  throw new AggregateError(failures, `not done after ${failures.length} attempts`);
}

const rowsBefore = (): Record<string, number> =>
  Object.fromEntries(
    Object.entries(before).map(([table, parts]) => [table, parts.reduce((sum, { rows }) => sum + rows, 0)]),
  );

/** In the database, all of them, or dropped, all of them, and then in the archive. */
async function expectNothingLost(): Promise<void> {
  const there = await world.rowsInDatabase(month);
  if (there === undefined) await expectArchivedOnce();
  else expect(there).toEqual(rowsBefore());
}

async function expectArchivedOnce(): Promise<void> {
  expect(await world.rowsInDatabase(month)).toBeUndefined();
  const report = await verifyArchive({ store, trusted: world.trusted(), workFolder: world.folder });
  expect(report).toMatchObject({ faults: [], months: 1 });
  const { parts } = await world.newestManifest(store, month);
  const archived = Object.keys(before).map((table) => [
    table,
    parts.filter((part) => part.table === table).map(({ rows, digest }) => ({ rows, digest })),
  ]);
  expect(Object.fromEntries(archived)).toEqual(before);
}

const AT_POINTS = VICTIMS.flatMap((victim) =>
  RETENTION_POINTS.map((point): [Victim, ArchivePoint] => [victim, point]),
);

test.each(someOf(AT_POINTS, 6))('%s killed when a month is %s only delays it', async (victim, point) => {
  let killed = false;
  await runUntilDone(
    activities({
      reached: async (at) => {
        if (at !== point || killed) return;
        killed = true;
        await world.kill(victim);
      },
    }),
  );
  expect(killed).toBe(true);
  await world.recovered();
  await expectArchivedOnce();
});

const IN_STEPS = VICTIMS.flatMap((victim) => NAMES.map((name): [Victim, ActivityName] => [victim, name]));

test.each(someOf(IN_STEPS, 4))('%s killed in the middle of %s only delays a month', async (victim, name) => {
  let killing: Promise<void> | undefined;
  const laterMs = ((usualMs.get(name) ?? 0) * (10 + random.below(80))) / 100;
  await runUntilDone(
    watched(activities(), (begun) => {
      if (begun !== name || killing !== undefined) return;
      killing = new Promise((resolve, reject) => {
        setTimeout(() => {
          world.kill(victim).then(resolve, reject);
        }, laterMs);
      });
    }),
  );
  await killing;
  await world.recovered();
  await expectArchivedOnce();
});
