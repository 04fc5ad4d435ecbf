import type { FastifyInstance } from 'fastify';

import { createApiServer } from '../../src/api/server.ts';
import { createRecordReader } from '../../src/database/record-reader.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { TestDatabase } from './database.ts';

/** The service's routes on a test database, without a socket. */
export function createTestApi(database: TestDatabase): FastifyInstance {
  return createApiServer({
    host: '127.0.0.1',
    port: 0,
    authMode: 'none',
    allowInsecureBind: false,
    reader: createRecordReader(database.writer),
    metrics: createMetrics(),
    logger: createLogger('silent', 'test'),
  });
}
