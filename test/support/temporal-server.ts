import { rm } from 'node:fs/promises';

import type { TestProject } from 'vitest/node';

import { startTemporal } from '../../dev/servers/temporal/development-server.ts';
import { createMemoryFolder } from './memory-folder.ts';
import { resolveServer } from './servers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** host:port of the run's Temporal dev server. */
    temporalAddress: string;
  }
}

/** vitest's global setup of a project: one dev server for all its files, each of which uses a task queue of its own. */
export default async function provideTestTemporal(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await createMemoryFolder('remediation-audit-temporal-');
  const temporal = await startTemporal({
    binary: await resolveServer('temporal'),
    dataDir,
    port: 0,
    uiPort: 0,
    headless: true,
    searchAttributes: {},
    report: (line) => process.stderr.write(`${line}\n`),
  });
  project.provide('temporalAddress', temporal.address);
  return async () => {
    await temporal.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
