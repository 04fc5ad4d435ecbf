import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ProblemType } from '../../src/api/http/problems.ts';
import { PROBLEMS } from '../../src/api/http/problems.ts';
import { createDurability, type Deferral, type Durability } from '../../src/api/intake/durability.ts';
import type { ArchiveReader } from '../../src/archive/reader/archive-reader.ts';
import { createBatcher } from '../../src/database/recording/batcher.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import type { Embedder } from '../../src/embedding/embedder.ts';
import { EmbeddingUnavailableError } from '../../src/embedding/embedder.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const kept = (keep: Durability['keep']): Durability => ({
  keep,
  pending: () => 0,
  drain: () => Promise.resolve(),
});

const broken = kept(() => Promise.reject(new TypeError('a secret of the code')));
const refusing = kept(() =>
  Promise.resolve([
    { status: 'refused', id: 'x', reason: 'kubernetes_execution_audit_step_index_check', sqlstate: '23514' },
  ]),
);
const silentModel: Embedder = {
  model: 'silent',
  dimensions: 1536,
  embed: () => Promise.reject(new EmbeddingUnavailableError('the model is away', undefined)),
};
const post = { method: 'POST', url: '/api/v1/audit/kubernetes-execution' } as const;
const similar = { method: 'GET', url: '/api/v1/investigations/similar?text=anything' } as const;
const restore = { method: 'GET', url: '/api/v1/archives/2026-01/restore' } as const;
const listed = { method: 'GET', url: post.url } as const;
const report = {
  method: 'GET',
  url: '/api/v1/reports/hallucination-trend?include_archive=true',
} as const;
const mistake = () => Promise.reject(new TypeError('a secret of the code'));
const brokenReader: ArchiveReader = { location: 'nowhere', ask: mistake, close: () => Promise.resolve() };
const brokenModel: Embedder = { ...silentModel, embed: mistake };
const brokenRestores = {
  rules: { hotDays: 90, dropGraceHours: 24, requireApproval: true },
  restores: { start: mistake, status: mistake },
  restoredDays: 7,
};
const png = { method: 'GET', url: post.url, headers: { accept: 'image/png' } } as const;

test.each([
  ['internal-error', { durability: broken }, post, 'the request could not be answered'],
  [
    'unstorable-record',
    { durability: refusing },
    post,
    'PostgreSQL refuses the record because of step_index (SQLSTATE 23514)',
  ],
  ['model-unavailable', { embedder: silentModel }, similar, undefined],
  ['not-acceptable', {}, png, 'this address answers application/json, application/x-ndjson, text/csv'],
  ['not-configured', {}, restore, 'REMEDIATION_AUDIT_ARCHIVE_URL is not set for this service'],
] as const)('%s is answered whole, and says nothing of the inside', async (type, given, request, detail) => {
  const api = createTestApi(database, given);
  const answer = await api.inject({
    headers: { 'content-type': 'application/json' },
    ...request,
    ...(request.method === 'POST' ? { payload: '{"execution_id":"e-1","success":true}' } : {}),
  });
  const { status, title } = PROBLEMS[type satisfies ProblemType];
  expect(answer.statusCode).toBe(status);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  const errors = [{ pointer: '/step_index', detail: 'cannot be stored as it is' }];
  expect(answer.json()).toEqual({
    type: `urn:remediation-audit:problem:${type}`,
    title,
    status,
    detail: detail ?? (expect.any(String) as string),
    instance: `urn:remediation-audit:request:${String(answer.headers['x-request-id'])}`,
    ...(type === 'unstorable-record' ? { errors } : {}),
  });
  expect(answer.body).not.toContain('a secret of the code');
  await api.close();
});

describe('a mistake of ours is answered as one, and not as an outage that passes,', () => {
  const durabilityOver = (store: RecordStore, deferral?: Deferral) =>
    createDurability({
      batcher: createBatcher({ store, maxWaitMs: 2_000 }),
      deferral,
      metrics: createMetrics(),
      logger: createLogger('silent', 'test'),
    });
  const brokenDeferral: Deferral = { defer: mistake, ping: mistake };

  test.each([
    ['where records are stored', { durability: durabilityOver({ record: mistake }) }, post],
    [
      'where they wait in Temporal meanwhile',
      { durability: durabilityOver({ record: mistake }, brokenDeferral) },
      post,
    ],
    ['in a list over the archive', { archive: { reader: brokenReader } }, report],
    ['of the embedding model', { embedder: brokenModel }, similar],
    ['of a restore', { retention: brokenRestores }, restore],
  ] as const)('%s', async (_where, given, request) => {
    const api = createTestApi(database, given);
    const answer = await api.inject({
      ...request,
      ...(request.method === 'POST'
        ? {
            headers: { 'content-type': 'application/json' },
            payload: '{"execution_id":"e-1","success":true}',
          }
        : {}),
    });
    await api.close();
    expect(answer.statusCode, answer.body).toBe(500);
    expect(answer.json()).toMatchObject({
      type: 'urn:remediation-audit:problem:internal-error',
      instance: `urn:remediation-audit:request:${String(answer.headers['x-request-id'])}`,
    });
    expect(answer.body).not.toContain('a secret of the code');
  });

  test('in a statement, or of a schema that is another one', async () => {
    const other = await createTestDatabase();
    await other.owner.query('alter table kubernetes_execution_audit rename to elsewhere');
    const api = createTestApi(other);
    const answer = await api.inject(listed);
    await api.close();
    await other.close();
    expect(answer.statusCode, answer.body).toBe(500);
    expect(answer.headers['retry-after']).toBeUndefined();
  });
});
