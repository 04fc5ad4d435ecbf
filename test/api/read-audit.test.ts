import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Gate } from '../../src/api/auth/gate.ts';
import { createTokenGate } from '../../src/api/auth/token-gate.ts';
import { AccessCounts } from '../../src/api/http/access-counts.ts';
import { isTraced } from '../../src/api/http/route.ts';
import { createAccessCounts, createAccessTrace } from '../../src/api/routes/api-routes.ts';
import type { AccessNote } from '../../src/database/reading/access-notes.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createTestApi, isEndless, testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const silent = createLogger('silent', 'test');
const tokenOf = (name: string): string => `${name}-${randomBytes(16).toString('hex')}`;
const [ADMIN, WRITER] = [tokenOf('admin'), tokenOf('writer')];

let folder: string;
let database: TestDatabase;
let gate: Gate;
let counts: AccessCounts;
let api: FastifyInstance;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-read-audit-'));
  const entries = [
    { name: 'the-admin', role: 'admin', token: ADMIN },
    { name: 'the-writer', role: 'writer', token: WRITER },
  ].map(({ token, ...entry }) => ({ ...entry, sha256: createHash('sha256').update(token).digest('hex') }));
  await writeFile(join(folder, 'tokens.json'), JSON.stringify(entries));
  database = await createTestDatabase();
  gate = await createTokenGate(join(folder, 'tokens.json'), silent);
  counts = createAccessCounts(database.writer, silent);
  const audit = { trace: createAccessTrace(database.writer, createRedactor()), counts };
  api = createTestApi(database, { gate, audit });
});
afterAll(async () => {
  await api.close();
  await counts.close();
  await gate.close();
  await database.close();
  await rm(folder, { recursive: true });
});

interface Noted {
  readonly caller: string;
  readonly route: string;
  readonly status: number | null;
  readonly rows_returned: string | null;
  readonly address: string | null;
  readonly times: number;
  readonly noted_as: string;
}

async function noted(condition: string, values: readonly unknown[]): Promise<Noted[]> {
  const { rows } = await database.owner.query<Noted>(
    `select caller, route, status, rows_returned, address, times, noted_as from audit_access where ${condition} order by id`,
    [...values],
  );
  return rows;
}

describe('every route that is read', () => {
  test('leaves a trace when it answers, and when what was asked for is not there', async () => {
    const { routes } = testApiOptions(database);
    const reads = routes.filter((route) => isTraced(route) && !isEndless(route));
    expect(reads.length).toBeGreaterThan(15);
    for (const { path } of reads) {
      const url = path
        .replace(':month', '2026-03')
        .replaceAll(/:\w+/g, '0f3c5bd4-6b6f-4d0f-9a62-2a39a8a1a7f5');
      const answer = await api.inject({ url, headers: { authorization: `Bearer ${ADMIN}` } });
      if (answer.statusCode !== 200 && answer.statusCode !== 404) continue;
      const traces = await noted('request_id = $1', [answer.headers['x-request-id']]);
      expect(traces, path).toMatchObject([
        { caller: 'the-admin', route: `GET ${path}`, status: answer.statusCode, noted_as: 'audit_writer' },
      ]);
    }
    const routesRead = (await noted('true', [])).map(({ route }) => route);
    for (const path of ['holds', 'retention/plan', 'partitions', 'reports', 'quarantine', 'completeness'])
      expect(routesRead).toContain(`GET /api/v1/${path}`);
  });

  test('an id that is tried and not there is noted with 404 and without rows', async () => {
    const answer = await api.inject({
      url: '/api/v1/audit/kubernetes-execution/0f3c5bd4-6b6f-4d0f-9a62-2a39a8a1a7f5',
      headers: { authorization: `Bearer ${ADMIN}` },
    });
    expect(answer.statusCode).toBe(404);
    expect(await noted('request_id = $1', [answer.headers['x-request-id']])).toMatchObject([
      { caller: 'the-admin', status: 404, rows_returned: '0' },
    ]);
  });

  test('a name that PostgreSQL cannot store is noted with the character replaced', async () => {
    const answer = await api.inject({
      url: '/api/v1/remediations/%00/payments/x',
      headers: { authorization: `Bearer ${ADMIN}` },
    });
    expect(answer.statusCode).toBe(404);
    const { rows } = await database.owner.query('select filter from audit_access where request_id = $1', [
      answer.headers['x-request-id'],
    ]);
    expect(rows).toEqual([{ filter: '{"name": "x", "cluster": "\ufffd", "namespace": "payments"}' }]);
  });

  test('payloads that are decoded are noted with their number', async () => {
    const answer = await api.inject({
      method: 'POST',
      url: '/codec/decode',
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
      payload: { payloads: [{ data: 'MQ==' }, { data: 'Mg==' }] },
    });
    expect(answer.statusCode).toBe(200);
    expect(await noted('request_id = $1', [answer.headers['x-request-id']])).toMatchObject([
      { caller: 'the-admin', route: 'POST /codec/decode', rows_returned: '2' },
    ]);
  });
});

describe('refusals', () => {
  test('a flood of invented tokens and of a caller without the right becomes two rows', async () => {
    for (let index = 0; index < 50; index += 1) {
      const invented = { authorization: `Bearer ${tokenOf('invented')}` };
      expect((await api.inject({ url: '/api/v1/holds', headers: invented })).statusCode).toBe(401);
      const known = { authorization: `Bearer ${WRITER}` };
      expect((await api.inject({ url: '/api/v1/partitions', headers: known })).statusCode).toBe(403);
    }
    await counts.flush();
    expect(await noted('status in (401, 403)', [])).toMatchObject([
      { caller: 'unknown', route: 'GET /api/v1/holds', status: 401, address: '127.0.0.1', times: 50 },
      { caller: 'the-writer', route: 'GET /api/v1/partitions', status: 403, address: '127.0.0.1', times: 50 },
    ]);
  });

  test('from ten thousand addresses in a minute they are counted in a hundred and one rows', async () => {
    const notes: AccessNote[] = [];
    const flooded = new AccessCounts({
      note: (note) => {
        notes.push(note);
        return Promise.resolve();
      },
      logger: silent,
    });
    for (let index = 0; index < 10_000; index += 1)
      flooded.count({
        caller: 'unknown',
        address: `10.0.${index >> 8}.${index & 255}`,
        route: 'GET /',
        status: 401,
      });
    await flooded.close();
    expect(notes).toHaveLength(101);
    expect(notes.reduce((sum, { times = 1 }) => sum + times, 0)).toBe(10_000);
    expect(notes.at(-1)).toMatchObject({ caller: '*', address: '*', times: 9_900 });
  });

  test('what could not be noted is noted later, once', async () => {
    const notes: AccessNote[] = [];
    let isAway = true;
    const counted = new AccessCounts({
      note: (note) => {
        if (isAway) return Promise.reject(new Error('the database is away'));
        notes.push(note);
        return Promise.resolve();
      },
      logger: silent,
    });
    const refused = { caller: 'unknown', address: '10.0.0.1', status: 401 };
    counted.count({ ...refused, route: 'GET /api/v1/holds' });
    await counted.flush();
    counted.count({ ...refused, route: 'GET /api/v1/partitions' });
    isAway = false;
    await counted.close();
    await counted.flush();
    expect(notes).toEqual([{ ...refused, route: '*', times: 2 }]);
  });
});

describe('the trace', () => {
  const FORGERIES: readonly (readonly [what: string, statement: string])[] = [
    [
      'write a read of its own',
      `insert into audit_access (created_at, caller, route, times, noted_as)
      values (now(), 'somebody', 'GET /', 1, 'audit_writer')`,
    ],
    ['change one', `update audit_access set caller = 'somebody'`],
    ['delete one', 'delete from audit_access'],
    ['empty the table', 'truncate audit_access'],
    ['read it', 'select from audit_access'],
  ];
  test.each(FORGERIES)('is closed to the service, which may not %s', async (_what, statement) => {
    await expect(database.writer.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test.each(FORGERIES.slice(1, 4))('is append-only: the owner cannot %s either', async (_what, statement) => {
    await api.inject({ url: '/api/v1/holds', headers: { authorization: `Bearer ${ADMIN}` } });
    await expect(database.owner.query(statement)).rejects.toThrow('is append-only');
  });

  test('cannot be emptied month by month, not even by the owner', async () => {
    const { rows } = await database.owner.query<{ relation: string }>(
      `select inhrelid::regclass::text as relation from pg_inherits where inhparent = 'audit_access'::regclass`,
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { relation } of rows)
      await expect(database.owner.query(`truncate ${relation}`)).rejects.toThrow('is append-only');
  });

  test('gets its month when the first read of a month finds none', async () => {
    const { rows } = await database.owner.query<{ relation: string }>(
      `select inhrelid::regclass::text as relation from pg_inherits where inhparent = 'audit_access'::regclass`,
    );
    for (const { relation } of rows)
      await database.owner.query(
        `alter table audit_access detach partition ${relation}; drop table ${relation}`,
      );
    const answer = await api.inject({
      url: '/api/v1/holds',
      headers: { authorization: `Bearer ${ADMIN}` },
    });
    expect(answer.statusCode).toBe(200);
    expect(await noted('true', [])).toHaveLength(1);
  });
});
