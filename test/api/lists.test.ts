import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startApi } from '../../src/api/http/server.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { createTestApi, testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';

const LIST = '/api/v1/audit/workflow-execution';

let database: TestDatabase;
let store: RecordStore;
let api: FastifyInstance;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createRecordStore(database.writer);
  api = createTestApi(database);
});
afterAll(async () => {
  await api.close();
  await database.close();
});

interface Body {
  items: Record<string, unknown>[];
  next_cursor: string | null;
}

async function list(query = ''): Promise<Body> {
  const answer = await api.inject({ method: 'GET', url: `${LIST}${query}` });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
}

test('a record comes back as the sources’ structs read it, digit for digit', async () => {
  const base = executionObservation({ createdAt: '2026-11-20T10:00:00.000001Z' });
  await store.record([
    {
      ...base,
      columns: {
        ...base.columns,
        total_duration: '00:03:30',
        started_at: '2026-11-20T10:00:00.123456Z',
        effectiveness_score: '0.90',
        parameters: '{"id":9007199254740993,"rate":1.10}',
      },
    },
  ]);
  const answer = await api.inject({ method: 'GET', url: `${LIST}?limit=1` });
  expect(answer.headers['content-type']).toContain('application/json');
  expect(answer.json<Body>().items).toHaveLength(1);
  for (const member of [
    '"created_at":"2026-11-20T10:00:00.000001Z"',
    '"total_duration":210000000000',
    '"started_at":"2026-11-20T10:00:00.123456Z"',
    '"effectiveness_score":0.90',
    '"parameters":{"id": 9007199254740993, "rate": 1.10}',
    '"workflow_id":null',
    '"remediation_id":"rr-1"',
  ]) {
    expect(answer.body).toContain(member);
  }
});

test('pages hold every record once, newest first, while writers go on', async () => {
  const written = new Set<string>();
  const write = async (count: number, day: string): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      // Several share one instant, so that the id has to decide.
      const [stored] = await store.record([
        executionObservation({ createdAt: `2026-${day}T10:00:0${index % 3}.000000Z` }),
      ]);
      if (day === '10-01') written.add(stored?.id ?? '');
    }
  };
  await write(25, '10-01');
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Body = await list(`?limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
    seen.push(...page.items.map(({ id }) => String(id)));
    cursor = page.next_cursor;
    await write(2, '11-15');
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect([...written].filter((id) => !seen.includes(id))).toEqual([]);
});

describe('what is not allowed is answered with a problem:', () => {
  const refused: [string, string, string][] = [
    ['?limit=0', '?limit', 'must be a whole number from 1 to 1000'],
    ['?limit=1001', '?limit', 'must be a whole number from 1 to 1000'],
    ['?limit=ten', '?limit', 'must be a whole number from 1 to 1000'],
    ['?limit=1&limit=2', '?limit', 'must be a whole number from 1 to 1000'],
    ['?cursor=nonsense', '?cursor', 'was not issued by this service'],
    ['?offset=5', '?offset', 'is not a parameter of this list'],
  ];
  test.each(refused)('%s', async (query, pointer, detail) => {
    const answer = await api.inject({ method: 'GET', url: `${LIST}${query}` });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({
      type: 'urn:remediation-audit:problem:invalid-parameter',
      status: 400,
      errors: [{ pointer, detail }],
    });
  });

  test('an unknown address', async () => {
    const answer = await api.inject({ method: 'GET', url: '/api/v1/audit/nothing' });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ type: 'urn:remediation-audit:problem:not-found', status: 404 });
  });
});

test('probes and metrics answer', async () => {
  expect((await api.inject({ url: '/healthz' })).statusCode).toBe(200);
  expect((await api.inject({ url: '/readyz' })).statusCode).toBe(200);
  expect((await api.inject({ url: '/metrics' })).body).toContain('process_cpu_seconds_total');
});

test('with the database away reads and readiness say so, and liveness stays', async () => {
  const gone = await createTestDatabase();
  const orphan = createTestApi(gone);
  await gone.close();
  for (const [url, problem] of [
    [LIST, 'database-unavailable'],
    ['/readyz', 'storage-unavailable'],
  ]) {
    const answer = await orphan.inject({ url: url ?? '' });
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ type: `urn:remediation-audit:problem:${problem ?? ''}` });
  }
  expect((await orphan.inject({ url: '/healthz' })).statusCode).toBe(200);
});

test('without authentication the service refuses to listen beyond loopback', async () => {
  const options = { ...testApiOptions(database), host: '0.0.0.0' };
  await expect(startApi(options)).rejects.toThrow('let anybody in');
  const allowed = await startApi({ ...options, allowInsecureBind: true });
  await allowed.stop();
});
