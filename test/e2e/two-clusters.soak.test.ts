import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Sandbox } from '../../dev/sandbox/sandbox.ts';
import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import { until } from '../support/until.ts';
import type { RunningUp } from '../support/up.ts';
import { startProgram, startUp } from '../support/up.ts';

const EXIT_CONFIGURATION = 3;
const FAST = { REMEDIATION_AUDIT_SIMULATOR_SPEED: '500', REMEDIATION_AUDIT_SIMULATOR_SEED: '7' };
const REMEDIATIONS = 'apis/kubernaut.ai/v1alpha1/namespaces/default/remediationrequests';

let folder: string;
let kubeconfig: string;
let other: Sandbox;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-clusters-'));
  other = await startSandbox();
  kubeconfig = join(folder, 'kubeconfig');
  // As k3s calls its context, and as the product calls its own sandbox.
  await writeFile(kubeconfig, other.kubeconfig.replaceAll('sandbox', 'default'));
});
afterAll(async () => {
  await other.stop();
  await rm(folder, { recursive: true, force: true });
});

async function createRemediation(name: string): Promise<void> {
  const answer = await fetch(`${other.url}/${REMEDIATIONS}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${other.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      apiVersion: 'kubernaut.ai/v1alpha1',
      kind: 'RemediationRequest',
      metadata: { name },
      spec: { signalName: 'KubePodCrashLooping' },
    }),
  });
  expect(answer.status, await answer.text()).toBe(201);
}

interface Resource {
  readonly cluster: string;
  readonly name: string;
  readonly isDeleted: boolean;
}

async function resourcesOf({ endpoints }: RunningUp): Promise<readonly Resource[]> {
  const database = new pg.Client({ connectionString: endpoints.postgres });
  await database.connect();
  const { rows } = await database.query<Resource>(
    `select cluster, name, deleted_at is not null as "isDeleted"
     from observed_resource where kind = 'RemediationRequest'`,
  );
  await database.end();
  return rows;
}

const presentIn = (resources: readonly Resource[], cluster: string): number =>
  resources.filter((resource) => resource.cluster === cluster && !resource.isDeleted).length;

test(
  'the sandbox and a cluster of the user in one data directory are two clusters',
  { timeout: 240_000 },
  async () => {
    const dataDir = join(folder, 'data');
    let before: readonly Resource[] = [];
    {
      // KUBECONFIG alone is not used: it is exported for other tools.
      const up = await startUp(dataDir, [], { env: { ...FAST, KUBECONFIG: kubeconfig } });
      try {
        expect(up.output()).toContain('KUBECONFIG is set and not used: --kubeconfig watches that cluster');
        expect(up.endpoints.kubernetes).not.toBe(other.url);
        // The ports of all three, for scripts, and where kubectl finds the sandbox.
        for (const url of [up.endpoints.api, up.endpoints.worker, up.endpoints.watcher])
          expect((await fetch(`${url}/metrics`)).status).toBe(200);
        expect(up.output()).toContain(`kubectl --kubeconfig ${join(dataDir, 'sandbox/kubeconfig')} get`);
        await until(async () => presentIn(await resourcesOf(up), 'default') >= 3, 'three are recorded');
      } finally {
        await up.stop();
      }
    }
    await createRemediation('rr-other');
    const up = await startUp(dataDir, ['--kubeconfig', kubeconfig]);
    try {
      before = await resourcesOf(up);
      await until(
        async () => presentIn(await resourcesOf(up), 'kubeconfig-default') === 1,
        'the other cluster is recorded under a name of its own',
      );
      await until(async () => (await fetch(`${up.endpoints.watcher}/readyz`)).ok, 'every list is complete');
      // What the first run had sent may be recorded only now, so there may be more; none may be taken for deleted.
      const after = await resourcesOf(up);
      expect(after).toEqual(
        expect.arrayContaining(
          before.filter(({ cluster, isDeleted }) => cluster === 'default' && !isDeleted),
        ),
      );
      await refuses(up);
    } finally {
      await up.stop();
    }
  },
);

/** A watcher of its own, with the name of the sandbox and the kubeconfig of the other cluster. */
async function refuses(up: RunningUp): Promise<void> {
  const env = {
    DATABASE_URL: up.endpoints.postgres,
    DATABASE_OWNER_URL: up.endpoints.postgres,
    TEMPORAL_ADDRESS: up.endpoints.temporal,
    KUBECONFIG: kubeconfig,
    REMEDIATION_AUDIT_CLUSTER: 'default',
    REMEDIATION_AUDIT_WATCHER_METRICS_PORT: '0',
  };
  const before = presentIn(await resourcesOf(up), 'default');
  const watch = startProgram(['watch'], { env });
  try {
    await until(() => watch.child.exitCode !== null, 'watch has ended by itself');
  } finally {
    watch.child.kill('SIGKILL');
  }
  expect(watch.child.exitCode, watch.output()).toBe(EXIT_CONFIGURATION);
  expect(watch.output()).toContain(
    `the cluster at ${other.url} is not the one that was recorded as "default" so far`,
  );
  expect(watch.output()).toContain('REMEDIATION_AUDIT_CLUSTER');
  expect(watch.output()).toContain('remediation-audit cluster replaced default');
  expect(presentIn(await resourcesOf(up), 'default')).toBe(before);

  const replaced = startProgram(['cluster', 'replaced', 'default', '--json'], { env });
  expect(await replaced.exited, replaced.output()).toBe(0);
  expect(JSON.parse(replaced.output())).toEqual({
    ...{ apiVersion: 'remediation-audit/v1', kind: 'ClusterEpoch', cluster: 'default' },
    epoch: expect.any(Number) as number,
  });
  const again = startProgram(['watch'], { env });
  try {
    await until(
      async () =>
        (await resourcesOf(up)).some(({ cluster, name }) => cluster === 'default' && name === 'rr-other'),
      'what replaced it is recorded under its name',
    );
  } finally {
    again.child.kill('SIGTERM');
    await again.exited;
  }
}
