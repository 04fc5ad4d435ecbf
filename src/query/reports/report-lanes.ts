import type pg from 'pg';

import { SQLSTATE, sqlStateOf } from '../../database/sqlstate.ts';
import { Semaphore } from '../../domain/semaphore.ts';

/** Connections for reports, and the queue for them. */
interface ReportLane {
  readonly pool: pg.Pool;
  readonly queue: Semaphore;
}

/**
 * A report that takes its time would keep the connections from all others. So every one begins on a `quick` connection, whose
 * statements have little time, and only what was broken off there is tried again on a `slow` one, where it waits for others like it.
 */
export interface ReportLanes {
  readonly quick: ReportLane;
  readonly slow: ReportLane;
}

/** Too many reports wait already, or one has waited too long. */
export class ReportsBusyError extends Error {
  constructor() {
    super('too many reports are running; try again');
    this.name = 'ReportsBusyError';
  }
}

const WAITING_PER_CONNECTION = 16;
const LONGEST_WAIT_MS = 30_000;

/** Both may be one pool: then nothing is tried again. */
export function createReportLanes(quick: pg.Pool, slow: pg.Pool = quick): ReportLanes {
  const lane = createLane(quick);
  return { quick: lane, slow: slow === quick ? lane : createLane(slow) };
}

function createLane(pool: pg.Pool): ReportLane {
  const permits = pool.options.max;
  const waiting = { most: permits * WAITING_PER_CONNECTION, refusal: () => new ReportsBusyError() };
  return { pool, queue: new Semaphore({ permits, waiting }) };
}

/** Asks on a quick connection, and once more on a slow one when the time there was too short. */
export async function quickOrSlow<T>(
  { quick, slow }: ReportLanes,
  ask: (lane: ReportLane) => Promise<T>,
): Promise<T> {
  try {
    return await ask(quick);
  } catch (error: unknown) {
    if (slow === quick || sqlStateOf(error) !== SQLSTATE.query_canceled) throw error;
    return ask(slow);
  }
}

/** Runs work on a connection of the lane. The signal says that nobody waits for the answer any more. */
export async function onReportConnection<T>(
  { pool, queue }: ReportLane,
  signal: AbortSignal,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const end = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_WAIT_MS)]);
  const release = await queue.acquire(end).catch((error: unknown) => {
    throw end.aborted ? new ReportsBusyError() : error;
  });
  try {
    return await onConnection(pool, work);
  } finally {
    release();
  }
}

async function onConnection<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // Its loss shows in the query that is under way; unheard, it would end the process.
  client.on('error', ignoreLoss);
  let broken = true;
  try {
    const answer = await work(client);
    // With its temporary tables, which nobody else may see.
    broken = await discardTemporary(client);
    return answer;
  } finally {
    client.release(broken);
    client.off('error', ignoreLoss);
  }
}

function ignoreLoss(): void {
  // See where it is attached.
}

/** Whether the connection is better given up. */
async function discardTemporary(client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query('discard temp');
    return false;
  } catch {
    // Given up with all it holds.
    return true;
  }
}
