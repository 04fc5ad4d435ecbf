import { randomUUID } from 'node:crypto';

import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Gate } from '../../src/api/auth/gate.ts';
import type { ApiServices } from '../../src/api/routes/api-routes.ts';
import { createOfflineEmbedder } from '../../src/embedding/offline-embedder.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const MINUTE_MS = 60_000;
const SIMILAR = '/api/v1/investigations/similar?text=memory';
const ANALYSES = '/api/v1/audit/ai-analysis';

let database: TestDatabase;
const opened: FastifyInstance[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await Promise.all(opened.map((api) => api.close()));
  await database.close();
});

/** Whoever calls says who it is. */
const gate: Gate = {
  admit: (authorization) => ({ name: authorization ?? 'nobody' }),
  close: () => Promise.resolve(),
};

function open(given: Partial<ApiServices>): FastifyInstance {
  const api = createTestApi(database, { gate, ...given });
  opened.push(api);
  return api;
}

describe('questions that call the embedding model', () => {
  test('are limited for each caller, who learns when the next one is taken', async () => {
    let now = Date.now();
    let embedded = 0;
    const offline = createOfflineEmbedder();
    const embedder = {
      ...offline,
      embed: (texts: readonly string[]) => {
        embedded += 1;
        return offline.embed(texts);
      },
    };
    const api = open({
      embedder,
      nowMs: () => now,
      quotas: { similarPerMinute: 3, embeddingsPerMinute: 1, restoresPerHour: 1 },
    });
    const ask = (authorization: string) => api.inject({ url: SIMILAR, headers: { authorization } });
    for (let count = 0; count < 3; count += 1) expect((await ask('alice')).statusCode).toBe(200);
    const refused = await ask('alice');
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['retry-after']).toBe('20');
    expect(refused.json()).toMatchObject({
      type: 'urn:remediation-audit:problem:too-many-requests',
      detail:
        'questions about similar investigations are limited to 3 a minute for each caller; the next one is taken in 20 s',
    });
    expect(embedded).toBe(3);
    expect((await ask('bob')).statusCode).toBe(200);
    now += MINUTE_MS / 3;
    expect((await ask('alice')).statusCode).toBe(200);
    expect((await ask('alice')).statusCode).toBe(429);
    // A clock that is set back neither gives nor takes.
    now -= MINUTE_MS;
    expect((await ask('alice')).headers['retry-after']).toBe('20');
  });
});

test('restores are limited for each caller before Temporal is asked', async () => {
  const started: string[] = [];
  const api = open({
    quotas: { similarPerMinute: 1, embeddingsPerMinute: 1, restoresPerHour: 2 },
    retention: {
      rules: { hotDays: 90, dropGraceHours: 24, requireApproval: true },
      restores: {
        start: ({ month }) => {
          started.push(month);
          return Promise.resolve(`restore/${month}`);
        },
        status: () => Promise.resolve(undefined),
      },
      restoredDays: 7,
    },
  });
  const restore = (authorization: string) =>
    api.inject({ method: 'POST', url: '/api/v1/archives/2020-03/restore', headers: { authorization } });
  expect((await restore('alice')).statusCode).toBe(202);
  expect((await restore('alice')).statusCode).toBe(202);
  const refused = await restore('alice');
  expect(refused.statusCode).toBe(429);
  expect(refused.headers['retry-after']).toBe('1800');
  expect((await restore('bob')).statusCode).toBe(202);
  expect(started).toHaveLength(3);
});

test('texts of posts beyond the quota of their caller are stored and not embedded, and counted', async () => {
  const metrics = createMetrics();
  const embedded: string[] = [];
  const api = open({
    metrics,
    quotas: { similarPerMinute: 1, embeddingsPerMinute: 5, restoresPerHour: 1 },
    deferral: {
      defer: ({ key }) => {
        embedded.push(key);
        return Promise.resolve();
      },
      ping: () => Promise.resolve(),
    },
  });
  const batch = Array.from({ length: 8 }, () => ({
    crd_name: randomUUID(),
    crd_namespace: 'audited',
    investigation_report: 'the limit is too low',
  }));
  const post = (authorization: string, payload: unknown) =>
    api.inject({
      method: 'POST',
      url: `${ANALYSES}/batch`,
      headers: { authorization, 'content-type': 'application/json' },
      payload: JSON.stringify(payload),
    });
  const answer = await post('alice', batch);
  expect(answer.statusCode, answer.body).toBe(201);
  expect(embedded).toHaveLength(5);
  await post('bob', batch.slice(0, 2));
  expect(embedded).toHaveLength(7);
  expect(
    await metrics.registry.getSingleMetricAsString('remediation_audit_api_investigations_left_total'),
  ).toMatch(/_total 3$/m);
});

describe('readiness', () => {
  test('is looked up once for all who ask within a second', async () => {
    let asked = 0;
    const writer = new Proxy(database.writer, {
      get: (pool, name, receiver) => {
        if (name !== 'query') return Reflect.get(pool, name, receiver) as unknown;
        asked += 1;
        return pool.query.bind(pool);
      },
    });
    const api = open({ writer });
    const answers = await Promise.all(Array.from({ length: 200 }, () => api.inject({ url: '/readyz' })));
    expect(new Set(answers.map(({ statusCode, body }) => `${statusCode} ${body}`))).toEqual(
      new Set(['200 ok\n']),
    );
    expect(asked).toBe(1);
  });

  test('says that PostgreSQL is away while Temporal takes the posts, and not where either of them is', async () => {
    const gone = await createTestDatabase();
    await gone.close();
    const deferral = { defer: () => Promise.resolve(), ping: () => Promise.resolve() };
    const api = createTestApi(gone, { deferral });
    const answer = await api.inject({ url: '/readyz' });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toMatch(/^ok: PostgreSQL does not answer; posts are accepted by Temporal/);
    expect(answer.body).not.toMatch(/127\.0\.0\.1|localhost|\d{4}|audit_writer/);
    await api.close();
  });
});
