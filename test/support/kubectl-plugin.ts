import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

import type { Branch } from '../../dev/simulator/stories.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import type { TestDatabase } from './database.ts';
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
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
  });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: await stdout, stderr: await stderr };
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
