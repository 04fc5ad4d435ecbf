import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { TestProject } from 'vitest/node';

import type { Endpoints } from '../../dev/up/endpoints.ts';
import { startUp } from './up.ts';

/** An `up` without a simulator that several files use at once: what it holds is not theirs alone, and none of them ends it. */
export interface SharedUp {
  readonly pid: number;
  readonly dataDir: string;
  readonly endpoints: Endpoints;
  /** What it had written when it was ready. */
  readonly output: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    sharedUp: SharedUp;
  }
}

/** vitest's global setup of a project: one `up` for all its files, which read where it is by `inject('sharedUp')`. */
export default async function provideSharedUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'remediation-audit-shared-'));
  const dataDir = join(folder, 'data');
  const up = await startUp(dataDir, ['--no-simulator']);
  project.provide('sharedUp', { pid: up.pid, dataDir, endpoints: up.endpoints, output: up.output() });
  return async () => {
    const code = await up.stop();
    await rm(folder, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the shared up ended with ${String(code)}:\n${up.output()}`);
  };
}
