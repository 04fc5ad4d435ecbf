import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ClusterClient } from '../dev/simulator/cluster-client.ts';
import { connectTemporal } from '../src/temporal/connection.ts';
import { createRemediationSignals } from '../src/temporal/remediation-signals.ts';
import { playRemediation } from '../test/support/remediations.ts';
import { until } from '../test/support/until.ts';
import { callApi, type RunningUp, startUp } from '../test/support/up.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { elapsedMs, summarise } from './harness.ts';
import { quantile } from './statistics.ts';

const BENCH = 'end-to-end';
const NAMESPACE = 'bench';
const EXECUTIONS = `/apis/kubernaut.ai/v1alpha1/namespaces/${NAMESPACE}/workflowexecutions`;
const WARM_UPS = 5;
const CREATED = 201;

export const endToEndBench: Bench = {
  name: BENCH,
  question:
    'How long from the creation of a resource until the API answers it, against a signal sent by hand?',
  rowsAre: 'resources',
  defaultRows: 200,
  run,
};

/** One change of something that becomes a row; resolves when the API shows it. */
type Change = (version: number) => Promise<void>;

/**
 * The whole product as `up` runs it. The ceiling is the same without the watcher: an observation signalled to the same
 * Temporal, recorded by the same worker, read from the same API. Both alternately, one change at a time.
 */
async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-bench-'));
  const up = await startUp(dataDir, ['--no-simulator', '--cluster', 'sandbox']);
  try {
    const changed = await openResource(up, dataDir);
    const signalled = await openWorkflow(up);
    const samples: number[] = [];
    const ceilings: number[] = [];
    for (let version = 1; version <= rows + WARM_UPS; version += 1) {
      const sample = await elapsedMs(() => changed.change(version));
      const ceiling = await elapsedMs(() => signalled.change(version));
      if (version <= WARM_UPS) continue;
      samples.push(sample);
      ceilings.push(ceiling);
    }
    await Promise.all([changed.close(), signalled.close()]);
    report(`${samples.length} resources`);
    return [0.5, 0.99].map((share) => ({
      ...summarise(
        { bench: BENCH, metric: `creation to answer, p${share * 100}`, unit: 'ms' },
        [quantile(samples, share)],
        [quantile(ceilings, share)],
      ),
      n: samples.length,
    }));
  } finally {
    await up.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

interface Changeable {
  readonly change: Change;
  readonly close: () => Promise<void>;
}

/** Executions in the cluster of `up`, each of a remediation of its own: its first state is stored at once. */
async function openResource(up: RunningUp, dataDir: string): Promise<Changeable> {
  const kubeconfig = await readFile(join(dataDir, 'sandbox', 'kubeconfig'), 'utf8');
  const token = /token: *"?([^"\n]+)/.exec(kubeconfig)?.[1] ?? '';
  const client = new ClusterClient({ url: up.endpoints.kubernetes, token });
  await client.send({
    method: 'POST',
    path: '/api/v1/namespaces',
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
  });
  return {
    change: async (version) => {
      const uid = randomUUID();
      const { status, body } = await client.send({
        method: 'POST',
        path: EXECUTIONS,
        body: executionOf(`rr-bench-${version}`, uid),
      });
      if (status !== CREATED) throw new Error(`cannot create the execution: ${JSON.stringify(body)}`);
      await untilAnswered(up, uid);
    },
    close: () => client[Symbol.asyncDispose](),
  };
}

function executionOf(remediation: string, uid: string) {
  return {
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'WorkflowExecution',
    metadata: { name: `we-${remediation}` },
    spec: {
      remediationRequestRef: { name: remediation, namespace: NAMESPACE, uid },
      workflowRef: {
        workflowId: 'restart',
        version: '1.0.0',
        executionBundle: 'bundle',
        actionType: 'Restart',
      },
      targetResource: 'payments/Deployment/api',
    },
  };
}

async function openWorkflow(up: RunningUp): Promise<Changeable> {
  const access = { connectionOptions: { address: up.endpoints.temporal }, namespace: 'default' };
  const { client, close } = await connectTemporal(access);
  const signals = createRemediationSignals(client, { lateGraceSeconds: 1 });
  return {
    change: async () => {
      const play = playRemediation(signals);
      await play.send(play.execution(1, 'Pending'));
      await untilAnswered(up, play.name.uid);
    },
    close,
  };
}

async function untilAnswered(up: RunningUp, remediationUid: string): Promise<void> {
  const path = `/api/v1/audit/workflow-execution?remediation_uid=${remediationUid}`;
  await until(async () => {
    const answer = await callApi(up.endpoints, path);
    const { items } = (await answer.json()) as { items: unknown[] };
    return items.length === 1;
  }, `the API answers the execution of ${remediationUid}`);
}
