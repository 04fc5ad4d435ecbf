import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

import type { Branch } from '../../dev/simulator/stories.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { naturalKey, type Observation } from '../../src/domain/observation.ts';
import type { TestDatabase } from './database.ts';
import { executionObservation } from './observations.ts';
import { COMPILE_CACHE } from './processes.ts';
import { repositoryPath } from './repository.ts';
import { observationsOf } from './simulated-states.ts';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const PLUGIN = repositoryPath('src/kubectl-remediation.ts');

/** `kubectl remediation …` as a user starts it, without the kubeconfig, the server and the terminal of whoever runs the tests. */
export async function runPlugin(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [PLUGIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...COMPILE_CACHE, PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
  });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: await stdout, stderr: await stderr };
}

/** The remediation `rr-in-the-way`, whose execution is the one that a block of a recorded story names. */
export async function inTheWay({ owner }: Pick<TestDatabase, 'owner'>): Promise<readonly Observation[]> {
  const { rows } = await owner.query<{ cluster: string; execution: string; target: string }>(`
    select cluster, conflicting_wfe as execution, target_resource as target
    from workflow_execution_audit
    where skip_reason = 'ResourceBusy'`);
  const [block] = rows;
  if (block === undefined) throw new Error('no story that was recorded has such a block');
  const uid = '00000000-0000-4000-8000-00000000000b';
  const common = { remediation_id: 'rr-in-the-way', remediation_uid: uid, namespace: 'kubernaut-system' };
  const at = { cluster: block.cluster, createdAt: '2026-09-01T08:59:00.000000Z' };
  return [
    executionObservation({
      ...{ ...at, table: 'remediation_audit', key: naturalKey(uid), phase: 'closure' },
      columns: { ...common, overall_phase: 'Completed', verdict: 'terminal' },
    }),
    executionObservation({
      ...{ ...at, key: naturalKey(uid, 'we') },
      columns: {
        ...common,
        execution_name: block.execution.split('/').at(-1) ?? '',
        target_resource: block.target,
        phase: 'Completed',
      },
    }),
  ];
}

/** Stories of the simulator in the database, as the workflow would store them: what is said of a sibling follows the sibling. */
export async function recordStories(
  { writer }: Pick<TestDatabase, 'writer'>,
  stories: readonly (readonly [branch: Branch, seed: number])[],
): Promise<readonly string[]> {
  const store = createRecordStore(writer);
  const names: string[] = [];
  for (const [branch, seed] of stories) {
    const { observations } = observationsOf(branch, 'G3', seed);
    await store.record(observations.filter(({ fragment }) => fragment !== true));
    await store.record(observations.filter(({ fragment }) => fragment === true));
    names.push(String(observations[0]?.columns['remediation_id']));
  }
  return names;
}

const STUCK_UID = '00000000-0000-4000-8000-000000000001';
/** A remediation that has been open since long ago. */
export const STUCK = executionObservation({
  table: 'remediation_audit',
  key: naturalKey(STUCK_UID),
  phase: 'progress',
  cluster: 'G3',
  createdAt: '2026-09-01T10:00:00.000000Z',
  columns: {
    remediation_id: 'rr-stuck',
    remediation_uid: STUCK_UID,
    namespace: 'kubernaut-system',
    target_namespace: 'checkout',
    target_kind: 'Deployment',
    target_name: 'cart',
    overall_phase: 'Executing',
    verdict: 'open',
    started_at: '2026-09-01T10:00:00.000000Z',
  },
});
