import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { until } from '../support/until.ts';
import type { RunningUp } from '../support/up.ts';
import { callApi, startUp } from '../support/up.ts';

const SPEED = { env: { REMEDIATION_AUDIT_SIMULATOR_SPEED: '500', REMEDIATION_AUDIT_SIMULATOR_SEED: '7' } };
const FLAGS = ['--cluster', 'sandbox', '--temporal', 'server', '--branches', 'remediated'];
const RECORDED_DEADLINE_MS = 90_000;

async function endedIn({ endpoints }: RunningUp): Promise<string[]> {
  const answer = await callApi(endpoints, '/api/v1/audit/workflow-execution?limit=1000');
  expect(answer.status).toBe(200);
  const { items } = (await answer.json()) as { items: { id: string; outcome: string | null }[] };
  return items.filter(({ outcome }) => outcome === 'Success').map(({ id }) => id);
}

test('the product records on temporal-server with PostgreSQL, and goes on after a restart', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-e2e-'));
  try {
    const first = await startUp(dataDir, FLAGS, SPEED);
    let ended: string[] = [];
    await until(
      async () => (ended = await endedIn(first)).length > 0,
      'a remediation is recorded',
      RECORDED_DEADLINE_MS,
    );
    expect(await first.stop(), first.output()).toBe(0);
    const second = await startUp(dataDir, FLAGS, SPEED);
    await until(
      async () => (await endedIn(second)).length > ended.length,
      'another one is recorded',
      RECORDED_DEADLINE_MS,
    );
    expect(await endedIn(second)).toEqual(expect.arrayContaining(ended));
    expect(await second.stop(), second.output()).toBe(0);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
