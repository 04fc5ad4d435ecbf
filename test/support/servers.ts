import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

import { CATALOGUE } from '../../dev/servers/find/catalogue.ts';
import {
  type BinaryResolver,
  createBinaryResolver,
  SERVER_NAMES,
  type ServerName,
} from '../../dev/servers/find/resolver.ts';
import type { PostgresBinaries } from '../../dev/servers/postgres/binaries.ts';

/** Where this machine keeps the real servers: the same folder the product uses. */
export const cacheDir =
  process.env['REMEDIATION_AUDIT_CACHE_DIR'] ?? join(homedir(), '.cache', 'remediation-audit');

const resolver: BinaryResolver = createBinaryResolver({
  cacheDir,
  explicitPaths: explicitPathsFromEnvironment(),
  searchPath: process.env['PATH'] ?? '',
  allowUnpinned: process.env['REMEDIATION_AUDIT_UNPINNED_DOWNLOADS'] === 'true',
  report: (line) => process.stderr.write(`${line}\n`),
});

/** A real server for a test. The first call on a machine may build it; a server that cannot be had fails the test. */
export const resolveServer = (name: ServerName): Promise<string> => resolver.resolve(name);

function explicitPathsFromEnvironment(): Partial<Record<ServerName, string>> {
  return Object.fromEntries(
    SERVER_NAMES.map((name) => [name, process.env[CATALOGUE[name].pathVariable] ?? '']),
  );
}

/** PostgreSQL 18 with pgvector, in the form `startPostgres` takes. */
export async function pgvectorBinaries(): Promise<PostgresBinaries> {
  const folder = await resolveServer('pgvector');
  // The libraries of initdb lie two folders above it.
  return {
    initdb: join(folder, 'bin/initdb'),
    postgres: join(folder, 'bin/postgres'),
    root: dirname(dirname(folder)),
  };
}
