import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { DuckDb } from './duckdb.ts';
import { openDuckDb } from './duckdb.ts';

/** A folder of its own for one piece of work, with an engine that spills into it. */
export interface Workspace {
  readonly folder: string;
  readonly duckdb: DuckDb;
}

/**
 * Runs `work` with a new folder under `parent` and an engine that is closed afterwards. The folder goes with
 * the work, whether it succeeds or not.
 */
export async function withWorkspace<T>(
  parent: string,
  work: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'remediation-audit-archive-'));
  try {
    const duckdb = await openDuckDb({ folder });
    try {
      return await work({ folder, duckdb });
    } finally {
      duckdb.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
