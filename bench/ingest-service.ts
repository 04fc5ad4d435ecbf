import { createOpenGate } from '../src/api/auth/gate.ts';
import { createKubernetesGate } from '../src/api/auth/kubernetes-gate.ts';
import { startApi } from '../src/api/http/server.ts';
import { createDurability } from '../src/api/intake/durability.ts';
import { createPool } from '../src/database/pool.ts';
import { createBatcher } from '../src/database/recording/batcher.ts';
import type { RecordOutcome } from '../src/database/recording/prepared-observation.ts';
import type { RecordStore } from '../src/database/recording/record-store.ts';
import { createRecordStore } from '../src/database/recording/record-store.ts';
import type { Observation } from '../src/domain/observation.ts';
import { recordId } from '../src/identity/identities.ts';
import { connectCluster } from '../src/kubernetes/cluster-connection.ts';
import { createLogger } from '../src/observability/logger.ts';
import { createMetrics } from '../src/observability/metrics.ts';
import { testApiOptions } from '../test/support/api.ts';

/**
 * The service as a process of its own: `node ingest-service.ts URL [stored|nothing] [KUBECONFIG]`. With `nothing` it does
 * everything but store: what HTTP, validation and redaction alone cost. With a kubeconfig that cluster says who may
 * post. Prints its address and ends with its standard input.
 */
const [url = '', kind, kubeconfig] = process.argv.slice(2);
const logger = createLogger('error', 'ingest bench');
const metrics = createMetrics();
const pool = createPool({
  connectionString: url,
  applicationName: 'ingest bench',
  pipeline: true,
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
const gate =
  kubeconfig === undefined
    ? createOpenGate()
    : createKubernetesGate({ reviewer: connectCluster({ kubeconfig, context: '' }), logger });
const api = await startApi(
  testApiOptions(
    { writer: pool },
    { durability: createDurability({ batcher, metrics, logger }), gate, metrics, logger },
  ),
);
process.stdout.write(`${api.url}\n`);
process.stdin.resume().once('end', () => {
  void Promise.all([api.stop(), gate.close()]).then(() => pool.end());
});
