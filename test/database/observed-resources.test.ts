import { createHash, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RecordStore } from '../../src/database/recording/record-store.ts';
import type { Observation, ObservedResource } from '../../src/domain/observation.ts';
import { createRecordedDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { seededRandom } from '../support/random.ts';

let database: TestDatabase;
let store: RecordStore;

beforeAll(async () => {
  ({ database, store } = await createRecordedDatabase());
});
afterAll(() => database.close());

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const at = (second: number): string => `2026-11-21T10:00:${String(second).padStart(2, '0')}.000000Z`;

interface Look {
  readonly version: number;
  readonly phase?: string;
  readonly hash?: string;
  readonly deletedAt?: string;
}

/** One look after another at one resource nobody has met yet. */
function looksAt(...looks: readonly Look[]): Observation[] {
  const base = executionObservation();
  const resource = {
    kind: 'WorkflowExecution',
    namespace: 'kubernaut-system',
    name: 'we-1',
    uid: randomUUID(),
  };
  return looks.map(({ version, hash, phase, deletedAt }) => ({
    ...base,
    sourceVersion: String(version),
    observedAt: at(version),
    resource: {
      ...resource,
      ...(phase === undefined ? {} : { phase }),
      ...(hash === undefined ? {} : { projectionHash: hash }),
      ...(deletedAt === undefined ? {} : { deletedAt }),
    },
  }));
}

async function known(resource: ObservedResource | undefined): Promise<unknown> {
  const { rows } = await database.owner.query(
    `select kind, namespace, name, source_version, encode(projection_hash, 'hex') as hash, phase, phase_version, first_seen,
       last_seen, deleted_at, remediation_uid
     from observed_resource where source_uid = $1::text`,
    [resource?.uid],
  );
  return rows.length > 1 ? rows : rows[0];
}

test('a resource that was seen is remembered with the observation, and again when it is repeated', async () => {
  const [look] = looksAt({ version: 3, phase: 'Running', hash: hashOf('running') });
  if (look === undefined) throw new RangeError('one look was asked for');
  await store.record([look]);
  await store.record([{ ...look, observedAt: at(9) }]);

  expect(await known(look.resource)).toEqual({
    kind: 'WorkflowExecution',
    namespace: 'kubernaut-system',
    name: 'we-1',
    source_version: '3',
    hash: hashOf('running'),
    phase: 'Running',
    phase_version: '3',
    first_seen: '2026-11-21 10:00:03+00',
    last_seen: '2026-11-21 10:00:09+00',
    deleted_at: null,
    remediation_uid: look.columns['remediation_uid'],
  });
});

test('version and hash wait for the last observation of a state, the phase does not', async () => {
  const looks = looksAt(
    { version: 3, phase: 'Running' },
    { version: 4, hash: hashOf('four') },
    { version: 5, phase: 'Done' },
  );
  const expected = [
    { source_version: '0', hash: null, phase: 'Running', phase_version: '3' },
    { source_version: '4', hash: hashOf('four'), phase: 'Running', phase_version: '3' },
    { source_version: '4', hash: hashOf('four'), phase: 'Done', phase_version: '5' },
  ];
  for (const [index, look] of looks.entries()) {
    await store.record([look]);
    expect(await known(look.resource)).toMatchObject(expected[index] ?? {});
  }
});

test('a hash that reads the same version anew replaces the old one', async () => {
  const [first, second] = looksAt({ version: 4, hash: hashOf('old') }, { version: 4, hash: hashOf('new') });
  if (first === undefined || second === undefined) throw new RangeError('two looks were asked for');
  await store.record([first]);
  await store.record([second]);
  expect(await known(first.resource)).toMatchObject({ source_version: '4', hash: hashOf('new') });
  await store.record([first, second]);
  expect(await known(first.resource)).toMatchObject({ source_version: '4', hash: hashOf('new') });
});

test('order, repetition and split do not matter', async () => {
  const random = seededRandom(4711);
  const history: Look[] = [
    { version: 1 },
    { version: 2, phase: 'Pending', hash: hashOf('2') },
    { version: 5, phase: 'Running' },
    { version: 5, hash: hashOf('5') },
    { version: 7, phase: 'Completed' },
    { version: 8, hash: hashOf('8'), deletedAt: at(40) },
    { version: 8, deletedAt: at(30) },
  ];
  for (let round = 0; round < 40; round += 1) {
    const looks = looksAt(...history);
    const arriving = random.shuffled([...looks, ...looks.filter(() => random.below(2) === 0)]);
    const flushes = Map.groupBy(arriving, () => random.below(4));
    await Promise.all([...flushes.values()].map((flush) => store.record(flush)));

    expect(await known(looks[0]?.resource)).toMatchObject({
      source_version: '8',
      hash: hashOf('8'),
      phase: 'Completed',
      phase_version: '7',
      first_seen: '2026-11-21 10:00:01+00',
      last_seen: '2026-11-21 10:00:08+00',
      deleted_at: '2026-11-21 10:00:30+00',
    });
  }
});

test('writers that bring the same resources in opposite orders do not deadlock', async () => {
  const resources = Array.from({ length: 30 }, () =>
    looksAt({ version: 1, phase: 'Running', hash: hashOf('1') }),
  ).flat();
  const before = await deadlocks();
  const batches = Array.from({ length: 16 }, (_, index) =>
    (index % 2 === 0 ? resources : [...resources].reverse()).map((look) => ({
      ...look,
      // Records of their own, so that only the resources are shared.
      key: randomUUID(),
      sourceVersion: String(index + 1),
    })),
  );
  await Promise.all(batches.map((batch) => store.record(batch)));
  const rows = await Promise.all(resources.map(({ resource }) => known(resource)));
  expect(rows).toEqual(rows.map(() => expect.objectContaining({ source_version: '16' }) as unknown));
  expect(await deadlocks()).toBe(before);
});

test('an observation that is refused leaves no trace of its resource', async () => {
  const [look] = looksAt({ version: 1, phase: 'Running' });
  if (look === undefined) throw new RangeError('one look was asked for');
  const [outcome] = await store.record([{ ...look, columns: { ...look.columns, effectiveness_score: '7' } }]);
  expect(outcome?.status).toBe('refused');
  expect(await known(look.resource)).toBeUndefined();
});

async function deadlocks(): Promise<string | undefined> {
  const { rows } = await database.owner.query<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  );
  return rows[0]?.deadlocks;
}
