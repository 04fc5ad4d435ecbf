import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';

import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunningApi } from '../../src/api/http/server.ts';
import { startApi } from '../../src/api/http/server.ts';
import { createDurability } from '../../src/api/intake/durability.ts';
import { createBatcher } from '../../src/database/recording/batcher.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

const ACTIONS = '/api/v1/audit/kubernetes-execution';
const MAX_CONNECTIONS = 20;

let database: TestDatabase;
let api: RunningApi;
let port: number;
let logged = '';

beforeAll(async () => {
  database = await createTestDatabase();
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString('utf8');
      done();
    },
  });
  api = await startApi({
    ...testApiOptions(database, { logger: pino({ level: 'info' }, sink) }),
    limits: {
      headersTimeoutMs: 300,
      requestTimeoutMs: 600,
      silenceTimeoutMs: 5_000,
      maxConnections: MAX_CONNECTIONS,
    },
  });
  port = Number(new URL(api.url).port);
});
afterAll(async () => {
  await api.stop();
  await database.close();
});

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

/** Everything the service says until it ends the connection. */
async function untilClosed(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (data: Buffer) => {
    text += data.toString('utf8');
  });
  // A reset is an end too.
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return text;
}

function problemIn(answer: string): unknown {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
}

async function healthy(): Promise<boolean> {
  return fetch(`${api.url}/healthz`, { headers: { connection: 'close' } }).then(
    ({ ok }) => ok,
    () => false,
  );
}

test.each([
  ['what is no HTTP', 'hello\r\n\r\n', 400, 'malformed-request'],
  ['headers beyond 64 KiB', `GET / HTTP/1.1\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`, 431, 'headers-too-large'],
  ['headers that never end', 'GET / HTTP/1.1\r\nhost: localhost\r\n', 408, 'request-timeout'],
  [
    'a body that never ends',
    `POST ${ACTIONS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
    408,
    'request-timeout',
  ],
  ['a connection that says nothing', '', 408, 'request-timeout'],
])('%s: is answered with a problem, closed and logged', async (_name, ...[text, status, problem]) => {
  const socket = await open();
  const closed = untilClosed(socket);
  socket.write(text);
  const answer = await closed;
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(problemIn(answer)).toMatchObject({ type: `urn:remediation-audit:problem:${problem}`, status });
  expect(logged).toContain(
    'a connection was closed: its request was not valid HTTP or did not arrive in time',
  );
});

test('more connections than allowed are refused, counted and logged; the others go on', async () => {
  const sockets = await Promise.all(Array.from({ length: MAX_CONNECTIONS * 3 }, open));
  await until(() => logged.includes('too many are open'), 'a refusal is logged');
  for (const socket of sockets) socket.on('error', () => undefined).destroy();
  await until(healthy, 'the service answers again');
  const metrics = await fetch(`${api.url}/metrics`).then((answer) => answer.text());
  expect(metrics).toMatch(/remediation_audit_api_connections_refused_total [1-9]/);
});

/** The real store, held back until it is let go. */
function heldStore(): { store: RecordStore; release: () => void; asked: Promise<void> } {
  const real = createRecordStore(database.writer);
  const released = Promise.withResolvers<undefined>();
  const asked = Promise.withResolvers<undefined>();
  return {
    asked: asked.promise,
    release: () => {
      released.resolve(undefined);
    },
    store: {
      record: async (observations) => {
        asked.resolve(undefined);
        await released.promise;
        return real.record(observations);
      },
    },
  };
}

async function startHeld(maxWaiting: number, shutdownGraceMs = 10_000) {
  const held = heldStore();
  const logger = createLogger('silent', 'test');
  const metrics = createMetrics();
  const batcher = createBatcher({ store: held.store, maxWaiting, maxFlushes: 1 });
  const durability = createDurability({ batcher, metrics, logger });
  const running = await startApi({
    ...testApiOptions(database, { durability, metrics, logger }),
    shutdownGraceMs,
  });
  const post = (name: string): Promise<Response> =>
    fetch(`${running.url}${ACTIONS}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ execution_id: name, success: true }),
    });
  return { ...held, running, post, durability };
}

async function isStored(name: string): Promise<boolean> {
  const { rowCount } = await database.owner.query(
    'select 1 from kubernetes_execution_audit where execution_id = $1',
    [name],
  );
  return rowCount === 1;
}

test('a full queue turns posts away with 429, and loses none that it took', async () => {
  const { running, post, asked, release, durability } = await startHeld(2);
  const taken = [post('queue-0')];
  await asked;
  taken.push(post('queue-1'), post('queue-2'));
  await until(() => durability.pending() === 3, 'the queue is full');
  const turnedAway = await post('queue-3');
  expect(turnedAway.status).toBe(429);
  expect(turnedAway.headers.get('retry-after')).toBe('1');
  expect(await turnedAway.json()).toMatchObject({ type: 'urn:remediation-audit:problem:queue-full' });
  release();
  expect((await Promise.all(taken)).map(({ status }) => status)).toEqual([201, 201, 201]);
  expect(await isStored('queue-2')).toBe(true);
  expect(await isStored('queue-3')).toBe(false);
  await running.stop();
});

test('a service that ends answers what is in flight after its commit and takes nothing new', async () => {
  const { running, post, asked, release } = await startHeld(10);
  const idle = connect(Number(new URL(running.url).port), '127.0.0.1');
  await once(idle, 'connect');
  const inFlight = post('ending');
  await asked;
  const stopped = running.stop();
  await expect(post('too-late')).rejects.toThrow();
  release();
  expect((await inFlight).status).toBe(201);
  expect(await isStored('ending')).toBe(true);
  await stopped;
  idle.destroy();
});

test('a service that ends cuts off what does not end within its grace', async () => {
  const { running, post, asked, release } = await startHeld(10, 50);
  const inFlight = post('never');
  const outcome = expect(inFlight).rejects.toThrow();
  await asked;
  await running.stop();
  await outcome;
  release();
});
