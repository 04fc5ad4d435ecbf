import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createHttpServer } from '../../src/api/http/http-server.ts';
import type { ProblemType } from '../../src/api/http/problems.ts';
import { PROBLEMS } from '../../src/api/http/problems.ts';
import { createDurability } from '../../src/api/intake/durability.ts';
import { createPool } from '../../src/database/pool.ts';
import { createBatcher } from '../../src/database/recording/batcher.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createTestApi, testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const ACTIONS = '/api/v1/audit/kubernetes-execution';
const GRACE_MS = 10_000;
const logger = createLogger('silent', 'test');

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** The whole body of a problem. */
function problem(type: ProblemType, requestId: unknown, detail: string) {
  const { status, title } = PROBLEMS[type];
  const instance = `urn:remediation-audit:request:${String(requestId)}`;
  return { type: `urn:remediation-audit:problem:${type}`, title, status, detail, instance };
}

test('query-too-slow: a list that waits longer than its statement may run is given up', async () => {
  const pool = createPool({
    connectionString: database.url('audit_writer'),
    applicationName: 'impatient',
    statementTimeoutMs: 200,
    logger,
  });
  const api = createTestApi({ writer: pool });
  const blocker = await database.owner.connect();
  try {
    await blocker.query('begin');
    await blocker.query('lock table kubernetes_execution_audit in access exclusive mode');
    const answer = await api.inject({ url: ACTIONS });
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.json()).toEqual(
      problem(
        'query-too-slow',
        answer.headers['x-request-id'],
        'the query took too long; narrow it with since, until or a filter',
      ),
    );
    // The same question would be too slow again, so nobody is asked to repeat it.
    expect(answer.headers['retry-after']).toBeUndefined();
  } finally {
    await blocker.query('rollback');
    blocker.release();
    await api.close();
    await pool.end();
  }
});

test('report-too-large: a report of more rows than an answer may hold is refused', async () => {
  await database.owner.query(`
    insert into kubernetes_execution_audit
      (id, created_at, created_at_source, cluster, source_version, revision, target_namespace)
    select gen_random_uuid(), now(), 'post', 'test', 1, 1, 'many-rows'
    from generate_series(1, 100001)`);
  const api = createTestApi(database);
  const answer = await api.inject({ url: '/api/v1/reports/namespace-actions?namespace=many-rows' });
  expect(answer.statusCode).toBe(413);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(answer.json()).toEqual(
    problem(
      'report-too-large',
      answer.headers['x-request-id'],
      'namespace-actions has more than 100000 rows: ask for a shorter time with since',
    ),
  );
  await api.close();
});

test('report-too-large: a report of more bytes is refused, and the rest of it is not read', async () => {
  // 96 MiB in all.
  await database.owner.query(`
    insert into kubernetes_execution_audit
      (id, created_at, created_at_source, cluster, source_version, revision, success, completed_at, error)
    select gen_random_uuid(), now(), 'post', 'test', 1, 1, false, now(), repeat('x', 262144)
    from generate_series(1, 384)`);
  const reports = createPool({
    connectionString: database.url('audit_writer'),
    applicationName: 'large reports',
    max: 1,
    statementTimeoutMs: 30_000,
    logger,
  });
  let received = 0;
  reports.on('connect', (client) => {
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    stream.on('data', (chunk: Buffer) => (received += chunk.length));
  });
  const api = createTestApi(database, { reports });
  const answer = await api.inject({ url: '/api/v1/reports/failed-executions?since=1d' });
  expect(answer.statusCode).toBe(413);
  expect(answer.json()).toEqual(
    problem(
      'report-too-large',
      answer.headers['x-request-id'],
      'failed-executions has more than 33554432 bytes: ask for a shorter time with since',
    ),
  );
  expect(received).toBeLessThan(48 * 1024 * 1024);
  // The pool has one connection.
  const next = await api.inject({ url: '/api/v1/reports/lock-effectiveness' });
  expect(next.statusCode, next.body).toBe(200);
  await api.close();
  await reports.end();
});

/** The real store, which waits until it is let go. */
function heldStore() {
  const asked = Promise.withResolvers<undefined>();
  const released = Promise.withResolvers<null>();
  const real = createRecordStore(database.writer);
  const store: RecordStore = {
    record: async (observations) => {
      asked.resolve(undefined);
      await released.promise;
      return real.record(observations);
    },
  };
  return { store, asked: asked.promise, release: released.resolve };
}

test('shutting-down: a request that arrives while another is finished is sent elsewhere', async () => {
  const { store, asked, release } = heldStore();
  const metrics = createMetrics();
  const durability = createDurability({ batcher: createBatcher({ store }), metrics, logger });
  const http = createHttpServer(testApiOptions(database, { durability, metrics, logger }));
  const { server } = http.fastify;
  const socket = connect(Number(new URL(await http.fastify.listen({ port: 0 })).port), '127.0.0.1');
  let answers = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    answers += text;
  });
  const closed = once(socket, 'close');
  const body = '{"execution_id":"in-flight","success":true}';
  socket.write(
    `POST ${ACTIONS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await asked;
  const stopped = http.close(GRACE_MS);
  const lateArrived = once(server, 'request');
  // Behind the one in flight on the same connection, so that its answer comes behind the other's.
  socket.write(`GET ${ACTIONS} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  await lateArrived;
  release(null);
  await Promise.all([closed, stopped]);
  expect(answers).toMatch(/^HTTP\/1.1 201 /);
  const [head = '', text = ''] = answers.slice(answers.indexOf('HTTP/1.1 503')).split('\r\n\r\n');
  expect(head).toMatch(/\r\nretry-after: 1(?:\r\n|$)/i);
  expect(head).toMatch(/\r\nconnection: close(?:\r\n|$)/i);
  expect(head).toMatch(/\r\ncontent-type: application\/problem\+json; charset=utf-8(?:\r\n|$)/i);
  const [, requestId] = /\r\nx-request-id: (\S+)/i.exec(head) ?? [];
  expect(JSON.parse(text)).toEqual(
    problem('shutting-down', requestId, 'this process is ending; send the request again'),
  );
});
