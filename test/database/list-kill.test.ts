import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createPool } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { entryKeyOf, inspectRecords } from '../support/record-checks.ts';

/** Statements of one list at most: it is split until its poison stands alone. Beyond, nothing is killed. */
const STATEMENTS = 80;
const RUNS = Number(process.env['RUNS'] ?? 40);

const logger = createLogger('silent', 'test');
let database: TestDatabase;
let lists = 0;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** A pool as a worker has it, whose session ends with its statement of that number, which may or may not have run. */
function dyingPool(killAt: number, isLate: boolean): pg.Pool {
  const pool = createPool({
    connectionString: database.url('audit_writer'),
    applicationName: 'dying worker',
    statementTimeoutMs: 30_000,
    max: 1,
    logger,
  });
  let statements = 0;
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const dyingQuery = async (...args: unknown[]): Promise<unknown> => {
      statements += 1;
      // Dead for good: what is tried again after that is another worker's.
      if (statements < killAt) return query(...args);
      if (statements === killAt && isLate) await query(...args);
      await endSession(client);
      throw new Error('the worker is dead');
    };
    client.query = dyingQuery as typeof client.query;
  });
  return pool;
}

async function endSession(client: pg.ClientBase): Promise<void> {
  const { processID } = client as pg.ClientBase & { processID: number };
  await database.owner.query(
    `select pg_terminate_backend(pid, 10000) from pg_stat_activity where pid = $1::integer and usename = 'audit_writer'`,
    [processID],
  );
}

type Kind = 'good' | 'poison' | 'nul' | 'other month' | 'missing month' | 'same record' | 'same again';

/** Observations of one list; its records are nobody else's. */
function listOf(kinds: readonly Kind[], name: string): Observation[] {
  const list: Observation[] = [];
  for (const [place, kind] of kinds.entries()) {
    const own = observationOf(kind, `${name}/${place}`);
    const last = list.at(-1);
    if (kind === 'same again' && last !== undefined) list.push(last);
    else if (kind === 'same record' && last !== undefined)
      list.push({ ...last, sourceVersion: String(100 + place) });
    else list.push(own);
  }
  return list;
}

function observationOf(kind: Kind, key: string): Observation {
  const columns = { remediation_id: 'rr-1', remediation_uid: key, phase: 'Running' };
  const observation = executionObservation({ key, columns });
  switch (kind) {
    case 'poison':
      return { ...observation, columns: { ...columns, effectiveness_score: '7' } };
    case 'nul':
      return { ...observation, columns: { ...columns, failure_message: 'a\u0000b' } };
    case 'other month':
      return { ...observation, createdAt: '2026-12-01T00:00:00.000000Z' };
    case 'missing month':
      return { ...observation, createdAt: '2025-02-01T00:00:00.000000Z' };
    default:
      return observation;
  }
}

/** What is there of a list: its outcomes, rows, and entries, without what differs between two lists. */
async function storedOf(list: readonly Observation[], name: string, outcomes: readonly { status: string }[]) {
  const { rows } = await database.owner.query<Record<string, unknown>>(
    `select substr(r.remediation_uid, $2::integer) as key, r.phase, r.failure_message, r.source_version, r.revision, r.created_at,
       array(select l.source_version || ' ' || l.created_at || ' ' || l.canonical::jsonb - 'remediation_uid'::text from audit_ledger l
             where l.record_id = r.id order by l.source_version) as entries
     from workflow_execution_audit r where starts_with(r.remediation_uid, $1::text) order by 1`,
    [`${name}/`, name.length + 1],
  );
  return { statuses: outcomes.map(({ status }) => status), rows, observations: list.length };
}

const kinds = fc.array(
  fc.constantFrom<Kind[]>(
    'good',
    'poison',
    'nul',
    'other month',
    'missing month',
    'same record',
    'same again',
  ),
  { minLength: 1, maxLength: 8 },
);

test('a list that a worker dies over at any statement, stored again, is as if it had been stored once', async () => {
  await fc.assert(
    fc.asyncProperty(
      kinds,
      fc.integer({ min: 1, max: STATEMENTS }),
      fc.boolean(),
      async (chosen, at, isLate) => {
        lists += 1;
        const undisturbed = `undisturbed-${lists}`;
        const disturbed = `disturbed-${lists}`;
        const calm = listOf(chosen, undisturbed);
        const list = listOf(chosen, disturbed);
        const store = createRecordStore(database.writer);
        const expected = await storedOf(calm, undisturbed, await store.record(calm));

        const pool = dyingPool(at, isLate);
        await createRecordStore(pool)
          .record(list)
          .catch(() => undefined);
        await pool.end();
        expect(await storedOf(list, disturbed, await store.record(list))).toEqual(expected);
      },
    ),
    { numRuns: RUNS },
  );
  const { entries, contradictions } = await inspectRecords(database.owner);
  expect(contradictions).toEqual([]);
  expect(new Set(entries).size).toBe(entries.length);
});

test('killed at each statement in turn, a list with poison and two months leaves one entry per observation', async () => {
  const chosen: Kind[] = ['good', 'same record', 'poison', 'other month', 'nul', 'good', 'same again'];
  for (let at = 1; at <= STATEMENTS; at += 3) {
    const list = listOf(chosen, `each-${at}`);
    const pool = dyingPool(at, at % 2 === 0);
    await createRecordStore(pool)
      .record(list)
      .catch(() => undefined);
    await pool.end();
    const outcomes = await createRecordStore(database.writer).record(list);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'stored',
      'stored',
      'refused',
      'stored',
      'stored',
      'stored',
      'stored',
    ]);
  }
  const { entries, contradictions } = await inspectRecords(database.owner);
  expect(contradictions).toEqual([]);
  expect(new Set(entries).size).toBe(entries.length);
  const good = listOf(chosen, 'each-1').filter((_one, place) => place !== 2 && place !== 4);
  expect(entries).toEqual(expect.arrayContaining(good.map(entryKeyOf)));
});
