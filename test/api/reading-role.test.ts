import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createOpenGate } from '../../src/api/auth/gate.ts';
import { createHttpServer } from '../../src/api/http/http-server.ts';
import { isTraced } from '../../src/api/http/route.ts';
import { createAccessTrace } from '../../src/api/routes/api-routes.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { callsOf, isEndless, testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';
import { type RunningProgram, startProgram } from '../support/up.ts';

const STARTED = /"url":"([^"]+)","msg":"started"/;
const ID = '0f3c5bd4-6b6f-4d0f-9a62-2a39a8a1a7f5';

let database: TestDatabase;
let service: RunningProgram;

beforeAll(async () => {
  database = await createTestDatabase();
  service = startProgram(['serve'], {
    env: {
      DATABASE_URL: database.url('audit_writer'),
      DATABASE_READER_URL: database.url('audit_reader'),
      // Nobody: what is read here is in the database.
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      REMEDIATION_AUDIT_API_PORT: '0',
    },
  });
  await until(
    () => STARTED.test(service.output()),
    () => `serve has started; it said ${service.output()}`,
  );
});
afterAll(async () => {
  service.child.kill('SIGKILL');
  await service.exited;
  await database.close();
});

test('every route that reads answers without any connection that may write', async () => {
  // The trace of a read is the one thing that is written for it, and no route has its connection.
  const trace = createAccessTrace(database.writer, createRedactor());
  const closed = new pg.Pool({ connectionString: database.url('audit_writer') });
  await closed.end();
  const options = testApiOptions(
    { writer: closed, reader: database.reader },
    { gate: createOpenGate(), audit: { trace, counts: { count: () => undefined } } },
  );
  const api = createHttpServer(options).fastify;
  const reads = options.routes.filter((route) => isTraced(route) && !isEndless(route));
  expect(reads.length).toBeGreaterThan(15);
  for (const { path } of reads) {
    const url = path.replace(':month', '2026-03').replaceAll(/:\w+/g, ID);
    const { statusCode, body } = await api.inject({ url });
    // 501 names a part that this service does not have, such as an archive.
    expect([200, 400, 404, 501], `${path}: ${body}`).toContain(statusCode);
  }
  const hold = { namespace: 'payments', reason: 'case 17' };
  const { statusCode } = await callsOf({ api }).send('POST', '/api/v1/holds', hold);
  expect(statusCode).toBeGreaterThanOrEqual(500);
  await api.close();
});

test('serve asks as audit_reader, and writes only over the connections for posts and decisions', async () => {
  const url = STARTED.exec(service.output())?.[1] ?? '';
  for (const path of ['holds', 'retention/plan', 'reports/recent-failures', 'audit/kubernetes-execution'])
    expect((await fetch(`${url}/api/v1/${path}`)).status, path).toBe(200);
  const { rows } = await database.owner.query<{ name: string; role: string }>(
    `select distinct application_name as name, usename as role from pg_stat_activity
     where datname = current_database() and application_name like 'remediation-audit serve%' order by 1`,
  );
  expect(rows).toEqual([
    { name: 'remediation-audit serve', role: 'audit_reader' },
    { name: 'remediation-audit serve, decisions', role: 'audit_writer' },
    { name: 'remediation-audit serve, reports', role: 'audit_reader' },
  ]);
});
