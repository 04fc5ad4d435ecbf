import { createRedactor } from '../domain/redaction.ts';
import { connectCluster } from '../kubernetes/cluster-connection.ts';
import { startHealthServer } from '../observability/health-server.ts';
import { createMetrics } from '../observability/metrics.ts';
import { connectTemporal } from '../temporal/connection.ts';
import { createRemediationSignals } from '../temporal/remediation-signals.ts';
import { prepareSearchAttributes } from '../temporal/search-attributes.ts';
import { startWatcher } from '../watcher/start-watcher.ts';
import { createClosing } from './closing.ts';
import type { RunningService, ServiceContext } from './running-service.ts';

/** From the cluster to Temporal. */
export async function startWatchService({ config, logger }: ServiceContext): Promise<RunningService> {
  const closing = createClosing();
  try {
    const metrics = createMetrics();
    const connection = connectCluster(config.kubernetes);
    closing.push(() => connection.close());
    const temporal = await connectTemporal(config.temporal);
    closing.push(() => temporal.close());
    const { namespace } = config.temporal;
    const searchAttributes = await prepareSearchAttributes(temporal.connection, namespace, logger);
    const signals = createRemediationSignals(temporal.client, { ...config.workflow, searchAttributes, logger });
    const redactor = createRedactor(config.redaction);
    const watcher = startWatcher({ ...config.watcher, connection, signals, redactor, logger, metrics });
    closing.push(() => watcher.stop());
    const health = await startHealthServer({
      host: config.metricsHost,
      port: config.watcher.metricsPort,
      registry: metrics.registry,
      notReady: () => (watcher.isSynced() ? undefined : 'the first list of the cluster is not complete'),
    });
    closing.push(() => health.stop());
    return { url: `http://${config.metricsHost}:${health.port}`, ended: watcher.ended, stop: closing.run };
  } catch (error: unknown) {
    await closing.run();
    throw error;
  }
}
