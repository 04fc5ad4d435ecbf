import { createAccessTrace, createApiRoutes } from '../src/api/api-routes.ts';
import { createOpenGate } from '../src/api/auth/gate.ts';
import { createDurability } from '../src/api/durability.ts';
import { startApi } from '../src/api/server.ts';
import { createBatcher } from '../src/database/batcher.ts';
import { createPool } from '../src/database/pool.ts';
import type { RecordOutcome, RecordStore } from '../src/database/record-store.ts';
import { createRecordStore } from '../src/database/record-store.ts';
import type { Observation } from '../src/domain/observation.ts';
import { createRedactor } from '../src/domain/redaction.ts';
import { createOfflineEmbedder } from '../src/embedding/offline-embedder.ts';
import { recordId } from '../src/identity/record-id.ts';
import { createLogger } from '../src/observability/logger.ts';
import { createMetrics } from '../src/observability/metrics.ts';

/**
 * The service as a process of its own: `node ingest-service.ts URL [nothing]`. With `nothing` it does everything but
 * store: what HTTP, validation and redaction alone cost. Prints its address and ends with its standard input.
 */
const [url = '', kind] = process.argv.slice(2);
const logger = createLogger('error', 'ingest bench');
const metrics = createMetrics();
const pool = createPool({
  connectionString: url,
  applicationName: 'ingest bench',
  statementTimeoutMs: 60_000,
  logger,
});

const storeNothing: RecordStore = {
  record: (observations) => Promise.resolve(observations.map(outcomeOf)),
};

function outcomeOf({ table, cluster, key, createdAt }: Observation): RecordOutcome {
  return { status: 'stored', id: recordId(table, cluster, key), createdAt, revision: 1, repaired: [] };
}

const batcher = createBatcher({
  store: kind === 'nothing' ? storeNothing : createRecordStore(pool),
  maxWaitMs: 60_000,
});
const api = await startApi({
  host: '127.0.0.1',
  port: 0,
  authMode: 'none',
  allowInsecureBind: false,
  routes: createApiRoutes({
    pool,
    reports: pool,
    embedder: createOfflineEmbedder(),
    durability: createDurability({ batcher, metrics, logger }),
    redactor: createRedactor(),
    cluster: 'bench',
    archive: { missing: 'the bench has none' },
    deferredStatusCode: 202,
    metrics,
  }),
  gate: createOpenGate(),
  trace: createAccessTrace(pool),
  metrics,
  logger,
});
process.stdout.write(`${api.url}\n`);
process.stdin.resume().once('end', () => {
  void api.stop().then(() => pool.end());
});
