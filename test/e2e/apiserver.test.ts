import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { until } from '../support/until.ts';
import { callApi, startUp } from '../support/up.ts';

/** Of simulated time it takes minutes until one is finished; how long that is depends on what else the machine does. */
const FINISHED_MS = 180_000;

test('remediations in a real kube-apiserver become rows', { timeout: 2 * FINISHED_MS }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'remediation-audit-apiserver-'));
  const env = { REMEDIATION_AUDIT_SIMULATOR_SPEED: '500', REMEDIATION_AUDIT_SIMULATOR_SEED: '7' };
  const up = await startUp(join(folder, 'data'), ['--cluster', 'apiserver'], { env });
  try {
    expect(up.endpoints.kubernetes).toMatch(/^https:/);
    await until(
      async () => {
        const answer = await callApi(up.endpoints, '/api/v1/audit/workflow-execution');
        const { items } = (await answer.json()) as { items: { outcome: string | null }[] };
        return items.some(({ outcome }) => outcome === 'Success');
      },
      'a finished execution is a row',
      FINISHED_MS,
    );
    expect(await up.stop(), up.output()).toBe(0);
  } finally {
    up.child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});
