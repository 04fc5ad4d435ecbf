import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { EmbeddedDatabase } from '../../dev/servers/postgres/database.ts';
import { prepareDatabase } from '../../dev/servers/postgres/database.ts';
import type { EmbeddedPostgres } from '../../dev/servers/postgres/postgres.ts';
import { startPostgres } from '../../dev/servers/postgres/postgres.ts';
import type { EmbeddedTemporal } from '../../dev/servers/temporal/development-server.ts';
import { startTemporal } from '../../dev/servers/temporal/development-server.ts';
import { startTemporalOnPostgres } from '../../dev/servers/temporal/server-on-postgres.ts';
import type { Logger } from '../../src/observability/logger.ts';
import { createLogger } from '../../src/observability/logger.ts';
import type { TemporalAccess } from '../../src/temporal/connection.ts';
import { installRuntime } from '../../src/worker/runtime.ts';
import { cacheDir, resolveServer } from './servers.ts';

export interface ServersOptions {
  /** In the log and in the name of the folder. */
  readonly name: string;
  /** `development`: with a SQLite file, as `npm start` runs it. `postgres`: temporal-server, as it is deployed. */
  readonly temporal: 'development' | 'postgres';
  /** Settings of the development server by their name. Default none. */
  readonly dynamicConfig?: Readonly<Record<string, string>>;
  readonly report: (line: string) => void;
}

/** The servers that a program outside vitest works with. They end, and their folder goes, with the work. */
export interface StartedServers {
  readonly folder: string;
  readonly logger: Logger;
  readonly temporal: EmbeddedTemporal;
  readonly access: TemporalAccess;
  readonly postgres: EmbeddedPostgres;
  /** Ours, with its roles and its schema. */
  readonly database: EmbeddedDatabase;
}

export async function withServers<T>(
  options: ServersOptions,
  work: (servers: StartedServers) => Promise<T>,
): Promise<T> {
  const { report } = options;
  return withRuntime(options, async ({ folder, logger }) => {
    await using postgres = await startPostgres({
      dataDir: join(folder, 'postgres'),
      port: 0,
      cacheDir,
      report,
    });
    const database = await prepareDatabase(postgres, 1, logger);
    await using temporal =
      options.temporal === 'postgres'
        ? await onPostgres(options, folder, postgres)
        : await onFile(options, folder);
    return await work({ folder, logger, temporal, access: accessTo(temporal), postgres, database });
  });
}

/** Temporal's development server alone. */
export async function withTemporal<T>(
  options: Omit<ServersOptions, 'temporal'>,
  work: (servers: Pick<StartedServers, 'logger' | 'temporal' | 'access'>) => Promise<T>,
): Promise<T> {
  return withRuntime(options, async ({ folder, logger }) => {
    await using temporal = await onFile(options, folder);
    return await work({ logger, temporal, access: accessTo(temporal) });
  });
}

/** The development server for the tests of one file that need settings of their own. */
export async function startTemporalWith(
  name: string,
  dynamicConfig: Readonly<Record<string, string>>,
): Promise<{ readonly access: TemporalAccess; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), `remediation-audit-${name}-`));
  const server = await onFile({ name, dynamicConfig, report: () => undefined }, folder);
  return {
    access: accessTo(server),
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function withRuntime<T>(
  { name }: Pick<ServersOptions, 'name'>,
  work: (given: Pick<StartedServers, 'folder' | 'logger'>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), `remediation-audit-${name}-`));
  const logger = createLogger('error', name);
  const runtime = installRuntime(logger);
  try {
    return await work({ folder, logger });
  } finally {
    await runtime.shutdown();
    await rm(folder, { recursive: true, force: true });
  }
}

async function onFile(
  { dynamicConfig, report }: Omit<ServersOptions, 'temporal'>,
  folder: string,
): Promise<EmbeddedTemporal> {
  return startTemporal({
    binary: await resolveServer('temporal'),
    dataDir: join(folder, 'temporal'),
    port: 0,
    uiPort: 0,
    headless: true,
    searchAttributes: {},
    ...(dynamicConfig === undefined ? {} : { dynamicConfig }),
    report,
  });
}

async function onPostgres(
  { report }: ServersOptions,
  folder: string,
  postgres: EmbeddedPostgres,
): Promise<EmbeddedTemporal> {
  return startTemporalOnPostgres({
    binaries: {
      server: await resolveServer('temporal-server'),
      sqlTool: await resolveServer('temporal-sql-tool'),
    },
    postgres,
    dataDir: join(folder, 'temporal'),
    port: 0,
    searchAttributes: {},
    report,
  });
}

function accessTo({ address, namespace }: EmbeddedTemporal): TemporalAccess {
  return { connectionOptions: { address }, namespace };
}
