import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { collectionOf, KUBERNAUT_KINDS } from '../../dev/sandbox/kinds.ts';
import type { StoredObject } from '../../dev/sandbox/object.ts';
import { keyOf } from '../../dev/sandbox/object.ts';
import type { Sandbox } from '../../dev/sandbox/sandbox.ts';
import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import type { Relisted } from '../support/relist-process.ts';
import { repositoryPath } from '../support/repository.ts';
import type { TestFolder } from '../support/test-folder.ts';
import { createTestFolder } from '../support/test-folder.ts';
import { until } from '../support/until.ts';

const REMEDIATIONS = 10_000;
/** Of several lists, those that a remediation has from its beginning to its end. */
const KINDS = [
  ['RemediationRequest', ''],
  ['SignalProcessing', 'sp-'],
  ['AIAnalysis', 'ai-'],
] as const;
const NAMESPACE = 'kubernaut-system';
const MEASURE_MS = 1_000;
const DEADLINE_MS = 150_000;
/** One, but for a few of which one list was read long before another. */
const MOST_SIGNALS_BY_REMEDIATION = 1.05;
/** Some thousand states, not all that were listed. */
const MOST_WAITING_BYTES = 20_000_000;

let folder: TestFolder;
let sandbox: Sandbox;
let watcher: ChildProcess | undefined;

beforeEach(async () => {
  folder = await createTestFolder();
  sandbox = await startSandbox();
});
afterEach(async () => {
  if (watcher !== undefined) {
    const ended = once(watcher, 'exit');
    watcher.kill('SIGKILL');
    await ended;
  }
  await sandbox.stop();
  await folder.remove();
});

/** Their ends, with little in them: what a resource says costs the same however many there are. */
function createRemediations(count: number): void {
  const metadata = { namespace: NAMESPACE, resourceVersion: '', creationTimestamp: '2026-11-21T10:00:00Z' };
  for (let number = 0; number < count; number += 1) {
    const name = `rr-${number}`;
    const uid = `uid-${number}`;
    const apiVersion = 'kubernaut.ai/v1alpha1';
    const remediationRequestRef = { apiVersion, kind: 'RemediationRequest', name, namespace: NAMESPACE, uid };
    for (const [kind, short] of KINDS) {
      const isRequest = kind === 'RemediationRequest';
      commit(kind, {
        ...{ apiVersion, kind },
        metadata: { ...metadata, name: `${short}${name}`, uid: `${short}${uid}` },
        spec: isRequest ? { signalName: 'KubePodCrashLooping' } : { remediationRequestRef },
        status: isRequest ? { overallPhase: 'Completed', outcome: 'Remediated' } : { phase: 'Completed' },
      });
    }
  }
}

function commit(kindName: string, object: StoredObject): void {
  const kind = KUBERNAUT_KINDS.find(({ kind, group }) => kind === kindName && group === 'kubernaut.ai');
  if (kind === undefined) throw new Error(`the sandbox has no ${kindName}`);
  const { name, namespace = '' } = object.metadata;
  sandbox.store.commit({
    type: 'ADDED',
    collection: collectionOf(kind),
    key: keyOf(namespace, name),
    object,
  });
}

async function measured(): Promise<Relisted> {
  watcher?.send('measure');
  const [answer] = (await once(watcher as ChildProcess, 'message')) as [Relisted];
  return answer;
}

test(`${REMEDIATIONS} remediations that are listed are grouped before anything is sent, and what waits stays little`, async () => {
  createRemediations(REMEDIATIONS);
  const kubeconfig = folder.file('kubeconfig');
  await writeFile(kubeconfig, sandbox.kubeconfig);
  watcher = fork(repositoryPath('test/support/relist-process.ts'), [kubeconfig], {
    execArgv: ['--expose-gc'],
  });
  const seen: Relisted[] = [];
  const isSent = async (): Promise<boolean> => {
    const now = await measured();
    seen.push(now);
    if (now.resources === REMEDIATIONS * KINDS.length) return true;
    await delay(MEASURE_MS);
    return false;
  };
  await until(isSent, () => `all resources are sent; so far ${JSON.stringify(seen.at(-1))}`, DEADLINE_MS);
  const last = await measured();
  expect(last.remediations).toBe(REMEDIATIONS);
  expect(last.signals).toBeLessThan(REMEDIATIONS * MOST_SIGNALS_BY_REMEDIATION);
  // Of each resource a little is kept for good; what waits to be sent comes on top while they are read.
  const peak = Math.max(...seen.map(({ heapBytes }) => heapBytes));
  expect(peak - last.heapBytes).toBeLessThan(MOST_WAITING_BYTES);
});
