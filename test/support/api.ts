import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, expect } from 'vitest';

import { createOpenGate } from '../../src/api/auth/gate.ts';
import { createHttpServer } from '../../src/api/http/http-server.ts';
import type { Route } from '../../src/api/http/route.ts';
import type { ApiOptions } from '../../src/api/http/server.ts';
import { createDurability } from '../../src/api/intake/durability.ts';
import type { ApiServices } from '../../src/api/routes/api-routes.ts';
import { createAccessCounts, createAccessTrace } from '../../src/api/routes/api-routes.ts';
import { createBatcher } from '../../src/database/recording/batcher.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { createOfflineEmbedder } from '../../src/embedding/offline-embedder.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createServiceRoutes } from '../../src/page/page-routes.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createCodecEndpoint } from '../../src/temporal/codec-endpoint.ts';
import { PLAIN_PAYLOADS } from '../../src/temporal/connection.ts';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

/** Without a reader the writer answers questions too: for tests about the loss of one connection. */
type ServedDatabase = Pick<TestDatabase, 'writer'> & Partial<Pick<TestDatabase, 'reader'>>;

/** What the service on a test database is made of; whatever a test cares about it says itself. */
export function testApiOptions(
  database: ServedDatabase,
  given: Partial<ApiServices> & Partial<ApiOptions> = {},
): ApiOptions {
  const metrics = given.metrics ?? createMetrics();
  const logger = given.logger ?? createLogger('silent', 'test');
  const { deferral } = given;
  const { reader = database.writer } = database;
  const services: ApiServices = {
    asksWhoCalls: true,
    pool: reader,
    writer: database.writer,
    reports: reader,
    archive: { missing: 'REMEDIATION_AUDIT_ARCHIVE_URL is not set for this service' },
    retention: {
      rules: { hotDays: 90, dropGraceHours: 24, requireApproval: true },
      restores: { missing: 'REMEDIATION_AUDIT_ARCHIVE_URL is not set for this service' },
      restoredDays: 7,
    },
    embedder: createOfflineEmbedder(),
    durability: createDurability({
      batcher: createBatcher({ store: createRecordStore(database.writer), maxWaitMs: 2_000 }),
      deferral,
      metrics,
      logger,
    }),
    redactor: createRedactor(),
    codec: { endpoint: createCodecEndpoint(createPayloadCodec(PLAIN_PAYLOADS)), origins: [] },
    quotas: { similarPerMinute: 600, embeddingsPerMinute: 600, restoresPerHour: 600 },
    cluster: 'test',
    deferredStatusCode: 202,
    ...given,
    metrics,
    logger,
  };
  return {
    host: '127.0.0.1',
    port: 0,
    authMode: 'none',
    allowInsecureBind: false,
    allowedHosts: [],
    routes: createServiceRoutes(services),
    gate: createOpenGate(),
    audit: {
      trace: createAccessTrace(services.writer, services.redactor),
      counts: createAccessCounts(services.writer, logger),
    },
    ...given,
    metrics,
    logger,
  };
}

/** A database and the service on it, for the tests of a file. */
export function serveTests(): { readonly database: TestDatabase; readonly api: FastifyInstance } {
  const served = {} as { database: TestDatabase; api: FastifyInstance };
  beforeAll(async () => {
    served.database = await createTestDatabase();
    served.api = createTestApi(served.database);
  });
  afterAll(async () => {
    await served.api.close();
    await served.database.close();
  });
  return served;
}

/** A stream of events has no end for an injected request to wait for; api/events.test.ts asks it. */
export function isEndless({ path }: Pick<Route, 'path'>): boolean {
  return path.endsWith('/events');
}

export const ACTIONS = '/api/v1/audit/kubernetes-execution';

/** Calls of a served API that fail the test where the status is another one. */
export function callsOf(served: { readonly api: FastifyInstance }) {
  const send = (method: 'POST' | 'DELETE', url: string, body?: object): Promise<LightMyRequestResponse> =>
    served.api.inject({
      method,
      url,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, payload: JSON.stringify(body) }),
    });
  return {
    send,
    get: async <T = Record<string, unknown>>(url: string, status = 200): Promise<T> => {
      const answer = await served.api.inject({ url });
      expect(answer.statusCode, answer.body).toBe(status);
      return answer.json();
    },
    postAction: async (record: object): Promise<{ id: string; client_id: string; created_at: string }> => {
      const answer = await send('POST', ACTIONS, record);
      expect(answer.statusCode, answer.body).toBe(201);
      return answer.json();
    },
  };
}

/** The service's routes on a test database, without a socket. */
export function createTestApi(
  database: ServedDatabase,
  given: Partial<ApiServices> & Partial<ApiOptions> = {},
): FastifyInstance {
  return createHttpServer(testApiOptions(database, given)).fastify;
}
