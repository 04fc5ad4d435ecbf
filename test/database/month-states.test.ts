import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { MonthEvent } from '../../src/database/months/month-states.ts';
import {
  canChange,
  changeMonth,
  MONTH_TRANSITIONS,
  MonthMovedError,
  reopenMonth,
  revokeApproval,
  selectMonth,
  underMonthLock,
} from '../../src/database/months/month-states.ts';
import { PARTITION_STATES, type PartitionState } from '../../src/domain/records/service-tables.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

type From = PartitionState | 'none';
const EVENTS = Object.keys(MONTH_TRANSITIONS) as MonthEvent[];
const STATES: readonly From[] = ['none', ...PARTITION_STATES];
/** None of its tables exists, and no other test uses it. */
const MONTH = '2015-01-01';
const SETTLED = [null, 'manifests/0000000001.json'] as const;
const SHA = 'ab'.repeat(32);
const MANIFEST = ['manifests/0000000002.json', SHA];

/** What each event brings, in the order of its placeholders. */
const VALUES: Partial<Record<MonthEvent, readonly string[]>> = {
  freeze: ['run'],
  seal: [...MANIFEST, '{"audit_ledger": 1}'],
  restore: [...MANIFEST, '2030-01-01T00:00:00Z', 'alice'],
  keep: [...MANIFEST, '2030-01-01T00:00:00Z', 'alice'],
  certify: MANIFEST,
};

/** As the steps do it; nothing of it stays. */
async function inTransaction(work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await database.owner.connect();
  try {
    await client.query('begin');
    await work(client);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

async function put(client: pg.ClientBase, state: From, settledManifest: string | null): Promise<void> {
  if (state === 'none') return;
  await client.query({
    text: `
      insert into audit_partition (month, state, manifest, manifest_sha256, settled_manifest, restored_until)
      values ($1, $2, 'manifests/0000000001.json', '\\x00', $3, case when $2 = 'restored' then timestamptz '2040-01-01' end)`,
    values: [MONTH, state, settledManifest],
  });
}

/** Sends the event and answers the state that follows, or that it was refused. */
async function send(
  client: pg.ClientBase,
  event: MonthEvent,
): Promise<PartitionState | 'refused' | undefined> {
  if (event === 'reopen') await reopenMonth(client, MONTH);
  else {
    const refusal = await changeMonth(client, MONTH, event, VALUES[event]).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refusal instanceof MonthMovedError) return 'refused';
    expect(refusal).toBeUndefined();
  }
  return (await selectMonth(client, MONTH))?.state;
}

const cases = EVENTS.flatMap((event) =>
  STATES.flatMap((state) => SETTLED.map((settledManifest) => ({ event, state, settledManifest }))),
);

test.each(cases.filter(({ event }) => event !== 'reopen'))(
  '$event in the state $state, settled manifest $settledManifest: the table decides, and a refusal changes nothing',
  async ({ event, state, settledManifest }) => {
    await inTransaction(async (client) => {
      await put(client, state, settledManifest);
      const before = await selectMonth(client, MONTH);
      const expected = canChange(before, event) ? MONTH_TRANSITIONS[event].to : 'refused';
      expect(await send(client, event)).toBe(expected);
      if (expected === 'refused') expect(await selectMonth(client, MONTH)).toEqual(before);
    });
  },
);

test.each(STATES)('a late record makes a month live from the states of the table, here %s', async (state) => {
  await inTransaction(async (client) => {
    await put(client, state, null);
    const row = await selectMonth(client, MONTH);
    // A month that is not there, live or being exported only gets its tables.
    const expected = canChange(row, 'reopen') || row === undefined ? 'live' : row.state;
    expect(await send(client, 'reopen')).toBe(expected);
  });
});

test('rows leave the database in one way only: archived, compared while detached, dropped', () => {
  const before = (state: PartitionState): unknown =>
    EVENTS.filter(
      (event) => MONTH_TRANSITIONS[event].to === state && event !== 'certify' && event !== 'remove',
    ).map((event) => [event, MONTH_TRANSITIONS[event].from]);
  expect(before('dropped')).toEqual([['drop', ['detached']]]);
  expect(before('detached')).toEqual([['detach', ['archived', 'restored']]]);
  expect(before('archived')).toEqual([['seal', ['archiving']]]);
  expect(before('expired')).toEqual([['expire', ['dropped']]]);
});

test('every state leads back to live by a record that comes late, but for an export, which finds it', () => {
  const leaves = STATES.filter((state) =>
    (MONTH_TRANSITIONS.reopen.from as readonly string[]).includes(state),
  );
  expect(leaves).toEqual(PARTITION_STATES.filter((state) => state !== 'live' && state !== 'archiving'));
});

test('a restore of a restored month never shortens its stay', async () => {
  await inTransaction(async (client) => {
    await put(client, 'restored', null);
    await changeMonth(client, MONTH, 'keep', VALUES.keep);
    expect((await selectMonth(client, MONTH))?.restoredUntil).toMatch(/^2040-01-01/);
  });
});

test('a revocation waits for the step that has the month, and is refused when that has dropped it', async () => {
  const month = '2014-01-01';
  await database.owner.query({
    text: "insert into audit_partition (month, state, approved_by, approved_at) values ($1, 'detached', 'counsel', now())",
    values: [month],
  });
  const step = await database.owner.connect();
  const waiting = "select from pg_locks where locktype = 'advisory' and not granted and database = $1::oid";
  const { rows } = await step.query<{ oid: string }>(
    'select oid::text from pg_database where datname = current_database()',
  );
  let revoked: Promise<boolean> | undefined;
  try {
    await underMonthLock(step, month, async () => {
      revoked = revokeApproval(database.writer, month, 'auditor');
      await until(
        async () => (await database.owner.query(waiting, [rows[0]?.oid])).rowCount === 1,
        'the revocation waits for the lock of the month',
        10_000,
      );
      await step.query({
        text: "update audit_partition set state = 'dropped' where month = $1",
        values: [month],
      });
    });
  } finally {
    step.release();
  }
  expect(await revoked).toBe(false);
  expect(await selectMonth(database.owner, month)).toMatchObject({ approvedBy: 'counsel' });
  // Where archives end, too, the approval of that can be revoked.
  expect(await revokeApproval(database.writer, month, 'auditor', { archiveDays: 1 })).toBe(true);
});
