import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import { ClusterClient } from '../../dev/simulator/cluster-client.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { startWatcher } from '../../src/watcher/start-watcher.ts';
import { until } from '../support/until.ts';
import { FAST } from '../support/watcher-timing.ts';

test('a secret in a resource does not leave the watcher', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'remediation-audit-redaction-'));
  await using sandbox = await startSandbox();
  await using client = new ClusterClient({ url: sandbox.url, token: sandbox.token });
  const secret = ['correct', 'horse', 'battery'].join('-');
  await client.send({
    method: 'POST',
    path: '/apis/kubernaut.ai/v1alpha1/namespaces/default/workflowexecutions',
    body: {
      apiVersion: 'kubernaut.ai/v1alpha1',
      kind: 'WorkflowExecution',
      metadata: { name: 'we-1' },
      spec: {
        remediationRequestRef: { name: 'rr-1', uid: 'rr-uid' },
        parameters: { DB_PASSWORD: secret, REPLICAS: '3' },
      },
    },
  });
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.kubeconfig);
  const connection = connectCluster({ kubeconfig, context: '' });
  const sent: Observation[] = [];
  const watcher = startWatcher({
    cluster: 'test',
    namespaces: [],
    connection,
    signals: {
      send: ({ observations }) => {
        sent.push(...observations);
        return Promise.resolve('run');
      },
    },
    redactor: createRedactor(),
    listPageSize: 10,
    signalConcurrency: 4,
    timing: FAST,
    logger: createLogger('silent', 'test'),
    metrics: createMetrics().watcher,
  });
  try {
    await until(() => sent.length > 0, 'the execution is sent');
    expect(JSON.stringify(sent)).not.toContain(secret);
    expect(sent[0]?.columns['parameters']).toBe('{"DB_PASSWORD":"[REDACTED:password]","REPLICAS":"3"}');
  } finally {
    await watcher.stop();
    await connection.close();
    await rm(folder, { recursive: true, force: true });
  }
});
