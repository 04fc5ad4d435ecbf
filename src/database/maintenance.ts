import pg from 'pg';

/*
 * Maintenance: connections as owner, each for one piece of work. Not from a pool: DETACH CONCURRENTLY and session settings need
 * one connection, and a COPY of a month takes longer than any statement of the service may.
 *
 * Must stay true: what a piece of work leaves in its session (a transaction, a lock, a setting) ends with it; a
 * connection on which work has failed is never used again.
 */

export interface MaintenanceOptions {
  /** PostgreSQL as role audit_owner. */
  readonly connectionString: string;
  /** Longest wait for a lock, in milliseconds. */
  readonly lockTimeoutMs: number;
}

export type RunAsOwner = <T>(work: (client: pg.Client) => Promise<T>) => Promise<T>;

/** What ends a connection that hangs in a half-open state, instead of a limit on how long a COPY may take. */
const KEEP_ALIVE_DELAY_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Longer than the worker takes from one step to the next, and too short to be in anybody's way. */
const KEPT_MS = 2_000;

/** Runs `work` on a connection of its own, as owner. */
export async function withMaintenanceClient<T>(
  options: MaintenanceOptions,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connect(options);
  try {
    return await work(client);
  } finally {
    // A client in the middle of a COPY would wait for its end.
    await client.end();
  }
}

async function connect({ connectionString, lockTimeoutMs }: MaintenanceOptions): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: 'remediation-audit maintenance',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    options: `-c timezone=UTC -c intervalstyle=postgres -c datestyle=ISO -c bytea_output=hex -c work_mem=64MB -c lock_timeout=${lockTimeoutMs}`,
  });
  // A lost connection shows in the query that is under way, or in the next one; unheard, it would end the process.
  client.on('error', ignoreLoss);
  await client.connect();
  return client;
}

function ignoreLoss(): void {
  // Nothing to do: see where it is attached.
}

/**
 * The same for steps that follow each other: the connection of work that went well is kept for a moment, for the next step.
 * A month of retention takes forty pieces of work, and each new connection costs ten milliseconds of a processor before it
 * plans anything.
 */
export function createRunAsOwner(options: MaintenanceOptions): RunAsOwner {
  const kept = new KeptClient();
  return async (work) => {
    const client = kept.take() ?? kept.watch(await connect(options));
    let result;
    try {
      result = await work(client);
    } catch (error: unknown) {
      await client.end();
      throw error;
    }
    if (!(await isCleared(client)) || !kept.keep(client)) await client.end();
    return result;
  };
}

/** Locks, settings and temporary tables go as they would with the session. */
async function isCleared(client: pg.Client): Promise<boolean> {
  try {
    await client.query('discard all');
    return true;
  } catch {
    // The work is done and committed. Whoever comes next gets another connection.
    return false;
  }
}

/** One connection at most, and none that was lost meanwhile. It keeps no process from ending. */
class KeptClient {
  #kept: { readonly client: KeepableClient; readonly timer: NodeJS.Timeout } | undefined;

  /** Of a client that may be kept: forgets it when its connection is lost. An error comes before the end, and after it nothing can be asked. */
  watch(client: pg.Client): KeepableClient {
    const forget = (): void => {
      if (this.#kept?.client === client) this.take();
    };
    return client.once('error', forget).once('end', forget) as KeepableClient;
  }

  take(): KeepableClient | undefined {
    if (this.#kept === undefined) return undefined;
    const { client, timer } = this.#kept;
    this.#kept = undefined;
    clearTimeout(timer);
    client.ref();
    return client;
  }

  /** False when another one is kept already: of steps that run at the same time each has its own. */
  keep(client: KeepableClient): boolean {
    if (this.#kept !== undefined) return false;
    const end = (): void => {
      void this.take()?.end();
    };
    client.unref();
    this.#kept = { client, timer: setTimeout(end, KEPT_MS).unref() };
    return true;
  }
}

/** As pg has it; its declarations leave these out. */
type KeepableClient = pg.Client & { ref(): void; unref(): void };
