import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createPool } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { isOutage, SQLSTATE } from '../../src/database/sqlstate.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';
import { accept } from '../unit/fixtures/intake/posting.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const START = '2026-11-21T10:00:00Z';

const posted = (remediation: string, more: object = {}): Observation =>
  accept(
    workflowExecutionAudit,
    JSON.stringify({ remediation_id: remediation, workflow_id: 'w', started_at: START, ...more }),
  ).observation;

async function count(table: string): Promise<number> {
  const { rows } = await database.owner.query<{ count: string }>(`select count(*) from ${table}`);
  return Number(rows[0]?.count);
}

interface LateAnswers extends AsyncDisposable {
  readonly url: string;
  /** From now on the client gets no answer before it has sent its commit. */
  keepBack(): void;
}

/** A way to the database on which answers can be kept back. */
async function startLateAnswers(): Promise<LateAnswers> {
  const url = new URL(database.url('audit_writer'));
  const { hostname, port } = url;
  let isKeptBack = false;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let [hasCommitted, answers] = [false, [] as Buffer[]];
    client.on('data', (data) => {
      upstream.write(data);
      hasCommitted ||= data.includes('commit');
      if (hasCommitted) for (const answer of answers.splice(0)) client.write(answer);
    });
    upstream.on('data', (data) => {
      if (isKeptBack && !hasCommitted) answers = [...answers, data];
      else client.write(data);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one.on('close', () => other.destroy()).on('error', () => other.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  url.port = String(typeof address === 'object' ? address?.port : '');
  return {
    url: url.href,
    keepBack: () => (isKeptBack = true),
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

describe('posts of records that nobody has seen', () => {
  test('are stored without an answer of the server before the commit is sent', async () => {
    await using way = await startLateAnswers();
    const pool = createPool({
      connectionString: way.url,
      applicationName: 'late answers',
      max: 1,
      statementTimeoutMs: 20_000,
      pipeline: true,
      logger: createLogger('silent', 'test'),
    });
    try {
      // The connection is there, and knows no statement of the store.
      await pool.query('select 1');
      way.keepBack();
      const outcomes = await createRecordStore(pool).record([posted('first'), posted('second')]);
      expect(outcomes).toMatchObject([
        { status: 'stored', revision: 1, createdAt: '2026-11-21T10:00:00.000000Z' },
        { status: 'stored', revision: 1 },
      ]);
    } finally {
      await pool.end();
    }
  });

  test('are merged as soon as one of them is known, and none is there twice', async () => {
    const store = createRecordStore(database.writer);
    const [known] = await store.record([posted('known', { phase: 'Running' })]);
    const outcomes = await store.record([posted('known', { phase: 'Completed' }), posted('unknown')]);
    expect(outcomes).toMatchObject([
      { id: known?.id, status: 'stored', revision: 2 },
      { status: 'stored', revision: 1 },
    ]);
    const { rows } = await database.owner.query(
      `select remediation_id, revision from workflow_execution_audit where remediation_id like '%known' order by 1`,
    );
    expect(rows).toEqual([
      { remediation_id: 'known', revision: 2 },
      { remediation_id: 'unknown', revision: 1 },
    ]);
  });

  test('of eight writers at once become one row and one entry', async () => {
    const stores = Array.from({ length: 8 }, () => createRecordStore(database.writer));
    const outcomes = await Promise.all(stores.map((store) => store.record([posted('at once')])));
    expect(new Set(outcomes.flat().map(({ id }) => id)).size).toBe(1);
    expect(outcomes.flat().map((outcome) => outcome.status === 'stored' && outcome.revision)).toEqual(
      stores.map(() => 1),
    );
    const entries = `audit_ledger where record_id = '${outcomes[0]?.[0]?.id ?? ''}'`;
    expect(await count(entries)).toBe(1);
  });
});

test('a claim of a known record is refused, and leaves nothing of the others', async () => {
  const store = createRecordStore(database.writer);
  const [known] = await store.record([posted('claimed')]);
  const other = '6d4bde2a-6f5c-5c6f-9f4e-0d7f0a5b6c7d';
  const before = [await count('record_alias'), await count('record_home')];
  const claim = database.writer.query(
    `select audit_claim_records($1, $2::uuid[], $2::uuid[], $3::uuid[], $3::uuid[], $4::timestamptz[], $5::boolean[],
       $5::boolean[], $2::uuid[], $1, $4::timestamptz[], $5::boolean[])`,
    [
      ['workflow_execution_audit', 'workflow_execution_audit'],
      [other, known?.id],
      [null, null],
      [START, START],
      [false, false],
    ],
  );
  await expect(claim).rejects.toMatchObject({ code: SQLSTATE.record_known });
  expect([await count('record_alias'), await count('record_home')]).toEqual(before);
});

test('a name that another transaction gives meanwhile lets the flush be repeated, as what passes by itself', async () => {
  const note = `select * from audit_resolve_records(array['workflow_execution_audit'], array[$1::uuid], array[$2::uuid],
    array[null]::uuid[], array[null]::uuid[], array[$3::timestamptz], array[false], array[false])`;
  const name = randomUUID();
  const first = await database.writer.connect();
  try {
    await first.query('begin');
    await first.query(note, [randomUUID(), name, START]);
    const second = database.writer.query(note, [randomUUID(), name, START]);
    second.catch(() => undefined);
    await until(
      async () => (await count('pg_locks where not granted')) > 0,
      'the second waits for the first',
    );
    await first.query('commit');
    await expect(second).rejects.toMatchObject({ code: '40001' });
    await expect(second).rejects.toSatisfy(isOutage);
  } finally {
    first.release();
  }
});
