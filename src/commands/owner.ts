import { userInfo } from 'node:os';

import pg from 'pg';

import type { Config } from '../config.ts';
import { readProcessConfig } from '../config.ts';
import { raiseEpoch } from '../database/cluster-epoch.ts';
import { migrate } from '../database/migrate.ts';
import { createMonthsAhead } from '../database/partitions.ts';
import { upgradeEmbeddings } from '../database/upgrade-embeddings.ts';
import { instantOf } from '../domain/instant.ts';
import { SettingsError, UsageError } from '../settings.ts';
import { takeNoArguments } from './arguments.ts';

/** `migrate`: the schema up to date, and the months ahead. */
export async function runMigrate(args: readonly string[]): Promise<void> {
  takeNoArguments('migrate', args);
  const config = readProcessConfig();
  const report = await migrateDatabase(config);
  const applied = report.applied.length === 0 ? 'nothing to do' : `applied ${report.applied.join(', ')}`;
  process.stdout.write(`schema version ${report.version}: ${applied}\n`);
}

/** `upgrade-embeddings`: from arrays to pgvector. */
export async function runUpgradeEmbeddings(args: readonly string[]): Promise<void> {
  takeNoArguments('upgrade-embeddings', args);
  const { before, indexBuilt } = await asOwner(readProcessConfig(), 'upgrade-embeddings', upgradeEmbeddings);
  const done = before === 'vector' ? 'they were a vector column already' : 'they are a vector column now';
  process.stdout.write(`${done}; ${indexBuilt ? 'the index was built' : 'the index was there'}\n`);
}

/** `cluster restored NAME`: its versions went back, and an operator knows why. */
export async function runCluster(args: readonly string[]): Promise<void> {
  const [verb, cluster, ...rest] = args;
  if (verb !== 'restored' || cluster === undefined || cluster.startsWith('-') || rest.length > 0) {
    throw new UsageError('say which cluster was restored: remediation-audit cluster restored NAME');
  }
  const epoch = await asOwner(readProcessConfig(), 'cluster restored', (client) =>
    raiseEpoch(client, cluster, userInfo().username),
  );
  process.stdout.write(
    `cluster ${cluster} is in epoch ${epoch}: what is observed from now on is newer than all that is recorded\n`,
  );
}

function migrateDatabase(config: Config) {
  return asOwner(config, 'migrate', async (client) => {
    const report = await migrate(client);
    await createMonthsAhead(client, instantOf(Date.now()), config.database.monthsAhead);
    return report;
  });
}

/** One connection as the role that owns the schema. No statement timeout: a migration takes as long as it takes. */
async function asOwner<T>(
  { database }: Config,
  command: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  if (database.ownerUrl === '') {
    throw new SettingsError([
      `DATABASE_OWNER_URL is not set; \`${command}\` needs PostgreSQL as role audit_owner`,
    ]);
  }
  const client = new pg.Client({ connectionString: database.ownerUrl, connectionTimeoutMillis: 10_000 });
  // A lost connection shows in the query that is under way, or in the next one; unheard, it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
