import { afterAll, beforeAll, expect, test } from 'vitest';

import { createMonth } from '../../src/database/months/partitions.ts';
import { selectHistory } from '../../src/database/reading/record-history.ts';
import { selectTimeline } from '../../src/database/reading/remediation-ledger.ts';
import { createRecordStore, type RecordStore } from '../../src/database/recording/record-store.ts';
import { instantFromSql } from '../../src/domain/instant.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import type { Random } from '../support/random.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { inspectRecords } from '../support/record-checks.ts';
import { until } from '../support/until.ts';

let database: TestDatabase;
let store: RecordStore;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createRecordStore(database.writer);
});
afterAll(() => database.close());

const CREATED = '2026-11-21T10:00:00.000000Z';
const POSTED_FOR = '2026-02-03T00:00:00.000000Z';

/** The same record, as a caller posts it for another time. */
function postOf(watched: Observation, given: Partial<Observation> = {}): Observation {
  const { remediation_id, remediation_uid } = watched.columns;
  return {
    ...watched,
    ...{ sourceVersion: '-1000', createdAt: POSTED_FOR, createdAtSource: 'post', actor: 'poster' },
    ...{ observedAt: '2026-11-21T10:00:01.000000Z', backfill: true as const },
    columns: {
      remediation_id: remediation_id ?? '',
      remediation_uid: remediation_uid ?? '',
      workflow_id: 'w',
    },
    ...given,
  };
}

/** A later post of the same record, by a caller without the right. */
function postWithout(post: Observation): Observation {
  const { backfill, ...rest } = post;
  expect(backfill).toBe(true);
  return { ...rest, sourceVersion: '-999' };
}

async function locationOf(id: string) {
  const { rows } = await database.owner.query<{ created_at: string; created_at_source: string }>(
    'select created_at, created_at_source from workflow_execution_audit where id = $1',
    [id],
  );
  return rows.map((row) => ({ at: instantFromSql(row.created_at), source: row.created_at_source }));
}

async function idOf(observation: Observation): Promise<string> {
  const [outcome] = await store.record([observation]);
  return outcome?.id ?? '';
}

test('an observation of the resource moves a record that a post had put into another month', async () => {
  const watched = executionObservation();
  const id = await idOf(postOf(watched));
  expect(await locationOf(id)).toEqual([{ at: POSTED_FOR, source: 'post' }]);

  expect(await store.record([watched])).toMatchObject([
    { status: 'stored', id, createdAt: CREATED, revision: 2 },
  ]);
  expect(await locationOf(id)).toEqual([{ at: CREATED, source: 'resource' }]);
  const history = await selectHistory(database.owner, { id, createdAt: CREATED }, 10, undefined);
  expect(history.entries.map(({ actor }) => actor)).toEqual(['poster', 'watcher']);
  const timeline = await selectTimeline(database.owner, watched.columns['remediation_uid'] as string, {
    limit: 10,
  });
  expect(timeline.entries).toHaveLength(2);
  expect((await inspectRecords(database.owner)).contradictions).toEqual([]);

  // Nothing was taken out of the ledger: the old entry stays, and the move is on record.
  const { rows } = await database.owner.query(
    `select move.entries, count(entry.record_id)::integer as kept
     from record_move as move
     join audit_ledger as entry on entry.record_id = move.id and entry.created_at = move.from_created_at
     where move.id = $1 group by move.entries`,
    [id],
  );
  expect(rows).toEqual([{ entries: 1, kept: 1 }]);
});

test('a post never moves a record that its resource has put somewhere, and neither does a second observation', async () => {
  const watched = executionObservation();
  const id = await idOf(watched);
  await store.record([postOf(watched)]);
  await store.record([executionObservation({ key: watched.key, createdAt: POSTED_FOR, sourceVersion: '2' })]);
  expect(await locationOf(id)).toEqual([{ at: CREATED, source: 'resource' }]);
});

test('what a resource says of the record of another one does not make its location final', async () => {
  const watched = executionObservation();
  const partial = executionObservation({ key: watched.key, createdAt: POSTED_FOR, fragment: true });
  const id = await idOf(partial);
  await store.record([{ ...watched, sourceVersion: '2' }]);
  expect(await locationOf(id)).toEqual([{ at: CREATED, source: 'resource' }]);
});

test('a record whose posted month is detached is recorded anew at the time of its resource', async () => {
  const watched = executionObservation();
  const id = await idOf(postOf(watched, { createdAt: '2024-05-05T00:00:00.000000Z' }));
  await database.owner.query(
    'alter table workflow_execution_audit detach partition workflow_execution_audit_2024_05',
  );
  await database.owner.query('alter table audit_ledger detach partition audit_ledger_2024_05');
  await database.owner.query(`update audit_partition set state = 'detached' where month = '2024-05-01'`);

  expect(await store.record([watched])).toMatchObject([{ status: 'stored', id, createdAt: CREATED }]);
  expect(await locationOf(id)).toEqual([{ at: CREATED, source: 'resource' }]);
  const { rows } = await database.owner.query('select state from audit_partition where month = $1', [
    '2024-05-01',
  ]);
  expect(rows).toEqual([{ state: 'detached' }]);
});

async function isLockAwaited(): Promise<boolean> {
  const { rows } = await database.owner.query(
    `select
     from pg_locks
     where locktype = 'advisory'
       and not granted
       and database = (select oid from pg_database where datname = current_database())`,
  );
  return rows.length > 0;
}

test('a move waits for whoever attaches the old month, and then takes the row along', async () => {
  const watched = executionObservation();
  const id = await idOf(postOf(watched, { createdAt: '2024-04-05T00:00:00.000000Z' }));
  for (const table of ['workflow_execution_audit', 'audit_ledger'])
    await database.owner.query(`alter table ${table} detach partition ${table}_2024_04`);
  const attaching = await database.owner.connect();
  let stored: ReturnType<RecordStore['record']>;
  try {
    await attaching.query('begin');
    await attaching.query("select audit_create_month('2024-04-01')");
    stored = store.record([watched]);
    await until(isLockAwaited, 'the move waits for the month', 20_000);
    await attaching.query('commit');
  } finally {
    // Destroyed where the test failed in between: what it holds must not keep the others waiting.
    attaching.release(true);
  }
  expect(await stored).toMatchObject([{ status: 'stored', id, createdAt: CREATED, revision: 2 }]);
  expect(await locationOf(id)).toEqual([{ at: CREATED, source: 'resource' }]);
  const { rows } = await database.owner.query('select entries, left_behind from record_move where id = $1', [
    id,
  ]);
  expect(rows).toEqual([{ entries: 1, left_behind: false }]);
});

test('a post makes no archived month live again, also where its record is there, unless its caller may', async () => {
  const watched = executionObservation();
  const first = postOf(watched, { createdAt: '2024-06-05T00:00:00.000000Z' });
  await store.record([first]);
  await database.owner.query(
    `update audit_partition set state = 'archived', approved_by = 'auditor', approved_at = now() where month = '2024-06-01'`,
  );
  const plain = postWithout(first);
  const other = executionObservation();
  expect(await store.record([plain, other])).toMatchObject([
    { status: 'refused', sqlstate: 'RA001', reason: 'month 2024-06 is archived' },
    { status: 'stored' },
  ]);

  for (const table of ['workflow_execution_audit', 'audit_ledger'])
    await database.owner.query(`alter table ${table} detach partition ${table}_2024_06`);
  expect(await store.record([plain])).toMatchObject([{ status: 'refused', sqlstate: 'RA001' }]);
  const { rows } = await database.owner.query(
    `select state, approved_by from audit_partition where month = '2024-06-01'`,
  );
  expect(rows).toEqual([{ state: 'archived', approved_by: 'auditor' }]);
  expect(await store.record([first])).toMatchObject([{ status: 'stored' }]);
});

test('the posts of one caller make a limited number of months in a day; those of a resource do not count', async () => {
  const limited = createRecordStore(database.writer, { postedMonthsPerDay: 2 });
  const postFor = (month: string, actor: string) =>
    postOf(executionObservation(), { createdAt: `${month}-01T00:00:00.000000Z`, actor });
  for (const month of ['2019-01', '2019-02'])
    expect(await limited.record([postFor(month, 'many-months')])).toMatchObject([{ status: 'stored' }]);
  const outcomes = await limited.record([
    postFor('2019-03', 'many-months'),
    postFor('2019-02', 'many-months'),
  ]);
  expect(outcomes).toMatchObject([{ status: 'refused', sqlstate: 'RA002' }, { status: 'stored' }]);
  expect(await limited.record([postFor('2019-05', 'another')])).toMatchObject([{ status: 'stored' }]);
  const watched = executionObservation({ createdAt: '2019-06-01T00:00:00.000000Z' });
  expect(await limited.record([watched])).toMatchObject([{ status: 'stored' }]);
});

const RECORDS = Number(process.env['CASES'] ?? 60);

interface Story {
  readonly observations: readonly Observation[];
  /** Undefined where only posts speak of the record. */
  readonly createdAt: string | undefined;
}

function randomStory(random: Random): Story {
  const watched = executionObservation({ key: naturalKey(`uid-${random.below(1_000_000_000)}`, 'we') });
  const posts = Array.from({ length: 1 + random.below(3) }, (_, index) =>
    postOf(watched, {
      sourceVersion: String(-1000 - index),
      createdAt: `2026-0${1 + random.below(6)}-1${random.below(9)}T00:00:00.000000Z`,
      columns: { ...watched.columns, workflow_id: `w-${index}`, phase: 'Completed' },
    }),
  );
  const states = Array.from({ length: random.below(4) }, (_, index) => ({
    ...watched,
    sourceVersion: String(index + 1),
    columns: { ...watched.columns, phase: ['Pending', 'Running', 'Failed'][index] ?? '' },
  }));
  return {
    observations: [...posts, ...states],
    createdAt: states.length > 0 ? watched.createdAt : undefined,
  };
}

test('any order, repetition and interleaving of posts and observations ends in one row, location and history', async () => {
  const own = await createTestDatabase();
  try {
    const random = seededRandom(chooseSeed());
    const stories = Array.from({ length: RECORDS }, () => randomStory(random));
    const deliveries = stories
      .flatMap(({ observations }) => [...observations, ...observations.filter(() => random.below(3) === 0)])
      .map((observation) => ({ observation, at: random.below(1_000_000) }))
      .sort((left, right) => left.at - right.at)
      .map(({ observation }) => observation);
    await createMonth(own.owner, '2026-03-01');
    const writer = async (): Promise<void> => {
      const ownStore = createRecordStore(own.writer);
      while (deliveries.length > 0) {
        const outcomes = await ownStore.record(deliveries.splice(0, 1 + random.below(6)));
        expect(outcomes.filter(({ status }) => status !== 'stored')).toEqual([]);
      }
    };
    await Promise.all([writer(), writer(), writer(), writer()]);

    const { contradictions, entries } = await inspectRecords(own.owner);
    expect(contradictions).toEqual([]);
    expect(entries).toHaveLength(stories.reduce((sum, { observations }) => sum + observations.length, 0));
    const { rows } = await own.owner.query<{ created_at: string; uid: string; source: string }>(
      `select created_at, columns.canonical::jsonb ->> 'remediation_uid' as uid, created_at_source as source
       from workflow_execution_audit as record
       cross join lateral (select canonical from audit_ledger where record_id = record.id limit 1) as columns`,
    );
    for (const { observations, createdAt } of stories) {
      const uid = observations[0]?.columns['remediation_uid'];
      const row = rows.find((candidate) => candidate.uid === uid);
      if (createdAt === undefined) expect(row?.source).toBe('post');
      else expect([instantFromSql(row?.created_at ?? ''), row?.source]).toEqual([createdAt, 'resource']);
    }
  } finally {
    await own.close();
  }
});
