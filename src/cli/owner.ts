import { userInfo } from 'node:os';

import pg from 'pg';

import type { Config } from '../config/config.ts';
import { readProcessConfig } from '../config/config.ts';
import { UsageError } from '../config/settings.ts';
import { upgradeEmbeddings } from '../database/embeddings/embedding-store.ts';
import { migrate } from '../database/migrate.ts';
import { createMonthsAhead } from '../database/months/partitions.ts';
import { forgetIdentity, raiseEpoch } from '../database/reading/watched-cluster.ts';
import { SQLSTATE, sqlStateOf } from '../database/sqlstate.ts';
import { instantOf } from '../domain/instant.ts';
import { jsonDocument } from '../terminal/json-document.ts';
import { readFlags, readVerb, takeNoArguments } from './arguments.ts';
import { withOperatorProgress } from './operator-view.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * `migrate`: brings the schema up to date, makes the months ahead, and prints the version it ended at. Safe
 * to repeat: a second run applies nothing.
 */
export async function runMigrate(args: readonly string[]): Promise<void> {
  takeNoArguments('migrate', args);
  const report = await asOwner('migrate', migrateDatabase);
  const applied = report.applied.length === 0 ? 'nothing to do' : `applied ${report.applied.join(', ')}`;
  process.stdout.write(`schema version ${report.version}: ${applied}\n`);
}

/**
 * `upgrade-embeddings`: turns the column of embeddings from arrays into vectors of pgvector and builds its
 * index. The extension must be there. Safe to repeat: what is done already is reported as done.
 */
export async function runUpgradeEmbeddings(args: readonly string[]): Promise<void> {
  takeNoArguments('upgrade-embeddings', args);
  const { before, indexBuilt } = await asOwner('upgrade-embeddings', upgradeEmbeddings);
  const done = before === 'vector' ? 'they were a vector column already' : 'they are a vector column now';
  process.stdout.write(`${done}; ${indexBuilt ? 'the index was built' : 'the index was there'}\n`);
}

/**
 * `cluster restored NAME`: its versions went back, and an operator knows why. `cluster replaced NAME`:
 * another cluster has the name now, whose versions have nothing to do with those of the first. Both raise the
 * epoch, so that what is observed from now on is newer than all that is recorded. `replaced` also forgets the
 * identity, without which a watcher of the new cluster refuses to go on (ADR 27).
 */
export async function runCluster(args: readonly string[]): Promise<void> {
  const { values, positionals } = readFlags(args, { json: { type: 'boolean' } });
  const [word, cluster = '', ...rest] = positionals;
  if (word === undefined || cluster === '' || rest.length > 0) {
    throw new UsageError(
      'say which cluster was restored or replaced: remediation-audit cluster restored NAME, or cluster replaced NAME',
    );
  }
  const verb = readVerb('cluster', word, ['restored', 'replaced']);
  const epoch = await asOwner(`cluster ${verb}`, async (client) => {
    if (verb === 'replaced') await forgetIdentity(client, cluster);
    return raiseEpoch(client, cluster, userInfo().username);
  });
  process.stdout.write(
    values.json === true
      ? jsonDocument('ClusterEpoch', JSON.stringify({ cluster, epoch: Number(epoch) }))
      : `cluster ${cluster} is in epoch ${epoch}: what is observed from now on is newer than all that is recorded\n`,
  );
}

/** The months need the newest schema, so they come second. */
async function migrateDatabase(client: pg.Client, { database }: Config) {
  const report = await migrate(client);
  await createMonthsAhead(client, instantOf(Date.now()), database.monthsAhead);
  return report;
}

/** One connection as the role that owns the schema. No statement timeout: a migration takes as long as it takes. */
async function asOwner<T>(
  command: string,
  work: (client: pg.Client, config: Config) => Promise<T>,
): Promise<T> {
  const config = readProcessConfig(({ database: { ownerUrl } }) =>
    ownerUrl === ''
      ? [`DATABASE_OWNER_URL is not set; \`${command}\` needs PostgreSQL as role audit_owner`]
      : [],
  );
  const client = new pg.Client({
    connectionString: config.database.ownerUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // A lost connection shows in the query that is under way, or in the next one; unheard, it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await withOperatorProgress(command, () => work(client, config));
  } catch (error: unknown) {
    throw withContext(command, error);
  } finally {
    await client.end();
  }
}

/**
 * A refusal by the operating system (`connect ECONNREFUSED 127.0.0.1:1`) does not say what it was for, and one by a full
 * disk (`could not extend file "base/16387/2606"`) not whose disk that is.
 */
function withContext(command: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if ([error, error.cause].some((cause) => sqlStateOf(cause) === SQLSTATE.disk_full)) {
    return new Error(
      `the disk of the database server is full; free some space there and run \`${command}\` again: ${error.message}`,
      { cause: error },
    );
  }
  // An error of the operating system has a `syscall`; what PostgreSQL itself says is clear enough as it is.
  if ((error as NodeJS.ErrnoException).syscall === undefined) return error;
  const reason = error instanceof AggregateError ? error.errors.map(String).join(', ') : error.message;
  return new Error(
    `cannot reach PostgreSQL for \`${command}\`: ${reason}; check host and port in DATABASE_OWNER_URL`,
    { cause: error },
  );
}
