import pg from 'pg';

import type { ProcessName } from '../config/process-variables.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import type { DependedServer } from '../observability/outages.ts';

/** Processes that go on while a server is away. */
export type ServiceName = Exclude<ProcessName, 'migrate'>;

/** What becomes of the data while a server is away, by process. */
const WITHOUT_DATABASE = {
  watch: 'states go on to Temporal; which of them are recorded is unknown until it answers',
  work: 'what is to be recorded waits in Temporal and is stored once it answers; nothing is lost',
  serve: 'posts are kept in Temporal and acknowledged, questions are answered 503',
} satisfies Record<ServiceName, string>;

const WITHOUT_TEMPORAL = {
  watch: 'states wait in memory and are sent once it answers; of a resource with more than 20 the newest',
  work: 'nothing is recorded; workflows go on where they were once it answers',
  serve: 'posts are stored as long as the database answers; restores from the archive are refused',
} satisfies Record<ServiceName, string>;

export function databaseOf(process: ServiceName, pool: pg.Pool): DependedServer {
  return {
    called: 'the database',
    meanwhile: WITHOUT_DATABASE[process],
    remedy: 'start PostgreSQL, or check DATABASE_URL',
    probe: (signal) => requireConnection(pool, signal),
  };
}

/**
 * A new connection: one of the pool may still answer while the server already ends the others, and in a pool whose
 * connections are all busy a query waits for one of them.
 */
async function requireConnection({ options }: pg.Pool, signal: AbortSignal): Promise<void> {
  const client = new pg.Client({ ...options, pipeline: false });
  const end = () => client.end();
  // Ended while it answers, or lost behind the answer: the next probe says what becomes of the server.
  client.on('error', () => undefined);
  signal.addEventListener('abort', () => void end(), { once: true });
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    await end();
  }
}

export function temporalOf(process: ServiceName, probe: () => Promise<void>): DependedServer {
  return {
    called: 'Temporal',
    meanwhile: WITHOUT_TEMPORAL[process],
    remedy: 'start Temporal, or check TEMPORAL_ADDRESS',
    probe,
  };
}

/** For `watch`. */
export function watchedServer(cluster: string, connection: ClusterConnection): DependedServer {
  return {
    called: `the API server of cluster ${cluster}`,
    meanwhile:
      'what changes there is read once it answers; states in between, and what is made and deleted meanwhile, are not seen',
    remedy: `see why ${connection.server} does not answer`,
    probe: (signal) => requireAnswer(connection, signal),
  };
}

/** For `serve` in auth mode `kubernetes`. */
export function judgingServer(connection: ClusterConnection): DependedServer {
  return {
    called: 'the API server that judges tokens',
    meanwhile:
      'callers it judged go on, for posts an hour and for all else five minutes; others are answered 503',
    remedy: `see why ${connection.server} does not answer`,
    probe: (signal) => requireAnswer(connection, signal),
  };
}

const SERVER_ERROR = 500;

/** That it refuses to say how it is, is an answer, too. */
export async function requireAnswer(connection: ClusterConnection, signal: AbortSignal): Promise<void> {
  const { statusCode, body } = await connection.get('/readyz', signal);
  await body.dump();
  if (statusCode >= SERVER_ERROR) throw new Error(`/readyz answers ${statusCode}`);
}
