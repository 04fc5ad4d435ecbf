import { rm } from 'node:fs/promises';

import type { TestProject } from 'vitest/node';

import { startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { createMemoryFolder } from './memory-folder.ts';
import { cacheDir } from './servers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The superuser of the run's PostgreSQL server. */
    postgresUrl: string;
  }
}

export interface TestPostgres extends AsyncDisposable {
  readonly superuserUrl: string;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** Fast rather than durable: the data go with the server. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', scram_iterations: '1' };

export async function startTestPostgres(): Promise<TestPostgres> {
  const dataDir = await createMemoryFolder('remediation-audit-postgres-');
  const report = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  try {
    const postgres = await startPostgres({
      dataDir,
      port: 0,
      cacheDir,
      report,
      settings: SETTINGS,
    });
    const stop = async (): Promise<void> => {
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    };
    return {
      superuserUrl: postgres.superuserUrl(),
      signal: (signal) => {
        postgres.server.signal(signal);
      },
      ...{ stop, [Symbol.asyncDispose]: stop },
    };
  } catch (error: unknown) {
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
}

/** vitest's global setup of a project: one server for all its files, which read its URL by `inject('postgresUrl')`. */
export default async function provideTestPostgres(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startTestPostgres();
  project.provide('postgresUrl', postgres.superuserUrl);
  return () => postgres.stop();
}
