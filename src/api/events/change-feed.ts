/*
 * Reports to listeners that something was recorded, within a second of the commit.
 *
 * In: one short question to the database every 250 ms for all listeners together, and only while there are any. Out: for each
 * listener the text that stands for the state of what it listens to, whenever that is another one, and whether the database
 * answers. A listener holds no connection.
 *
 * What must stay true: no commit is missed. The position of the ledger moves before the commit, so transactions that were under
 * way when it moved are remembered, and the end of each of them counts as a change (ADR 62). A state is compared by its text
 * alone, so one that another process gave out is as good.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import type pg from 'pg';

import { type ChangeMoment, selectChangeMoment, selectExtents } from '../../database/reading/changes.ts';
import type { RemediationAddress } from '../../database/reading/remediation-reader.ts';
import { isOutage } from '../../database/sqlstate.ts';
import { SECOND_MS } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';

/** What somebody listens to: one name of remediations, or everything. */
export type Subject = RemediationAddress | 'everything';

export interface Listener {
  readonly subject: Subject;
  /** The state that the listener knows; it hears of others only. */
  readonly known: string;
  readonly changed: (state: string) => void;
  /** Once when the database stops to answer, and once when it does so again. */
  readonly away: () => void;
  readonly back: () => void;
}

interface ChangeFeedOptions {
  /** As a role that may only read. */
  readonly pool: pg.Pool;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
}

/** Leaves most of the second to the page that fetches what changed. */
const INTERVAL_MS = 250;
/** A question that takes long is asked less often: what all listeners cost the database is at most a quarter of one connection. */
const LEAST_PAUSE = 3;
const AWAY_INTERVAL_MS = SECOND_MS;
/** Of the digest that stands in a state. */
const DIGEST_CHARACTERS = 12;

interface Listening {
  readonly listener: Listener;
  known: string;
  /** Its remediation has to be looked at, because something was recorded since, or it is new. */
  isDue: boolean;
  /** That the database is back is sent only to those who learnt that it is away. */
  isAway: boolean;
}

export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  readonly #listeners = new Set<Listening>();
  /** Ends the pause between two questions when nobody listens any more. */
  #stop: AbortController | undefined;

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
  }

  /** The state of now; rejects while the database does not answer. */
  async stateOf(subject: Subject): Promise<string> {
    const { pool } = this.#options;
    if (subject === 'everything') return totalOf(await selectChangeMoment(pool), undefined).text;
    const [extent = ''] = await selectExtents(pool, [subject]);
    return extent;
  }

  /** Until the function that it returns is called. */
  listen(listener: Listener): () => void {
    const listening: Listening = { listener, known: listener.known, isDue: true, isAway: false };
    this.#listeners.add(listening);
    if (this.#stop === undefined) {
      this.#stop = new AbortController();
      void this.#follow(this.#stop.signal);
    }
    return () => {
      this.#listeners.delete(listening);
      if (this.#listeners.size > 0) return;
      this.#stop?.abort();
      this.#stop = undefined;
    };
  }

  /** Never rejects: what keeps the database from answering is sent to the listeners, and it is asked again. */
  async #follow(signal: AbortSignal): Promise<void> {
    let last: Total | undefined;
    while (!signal.aborted) {
      let pauseMs = AWAY_INTERVAL_MS;
      const begunAt = performance.now();
      try {
        last = await this.#look(last, signal);
        pauseMs = Math.max(INTERVAL_MS, LEAST_PAUSE * (performance.now() - begunAt));
      } catch (error: unknown) {
        this.#sendAway(error);
      }
      await delay(pauseMs, undefined, { signal }).catch(ignoreAbort);
    }
  }

  async #look(last: Total | undefined, signal: AbortSignal): Promise<Total> {
    const total = totalOf(await selectChangeMoment(this.#options.pool), last);
    if (total.text !== last?.text) for (const listening of this.#listeners) listening.isDue = true;
    const due = [...this.#listeners].filter(({ isDue }) => isDue);
    const states = await this.#statesOf(due, total.text);
    // Whoever listens by now has a loop of its own.
    if (signal.aborted) return total;
    for (const listening of this.#listeners) sendBack(listening);
    for (const [listening, state] of states) {
      listening.isDue = false;
      if (listening.known === state) continue;
      listening.known = state;
      listening.listener.changed(state);
    }
    return total;
  }

  /** Remediations that several listen to are looked at once. */
  async #statesOf(due: readonly Listening[], total: string): Promise<ReadonlyMap<Listening, string>> {
    const addresses = new Map(
      due.flatMap(({ listener: { subject } }) =>
        subject === 'everything' ? [] : [[keyOf(subject), subject] as const],
      ),
    );
    const extents =
      addresses.size === 0 ? [] : await selectExtents(this.#options.pool, [...addresses.values()]);
    const known = new Map([...addresses.keys()].map((key, index) => [key, extents[index] ?? '']));
    return new Map(
      due.map((listening) => {
        const { subject } = listening.listener;
        return [listening, subject === 'everything' ? total : (known.get(keyOf(subject)) ?? '')];
      }),
    );
  }

  #sendAway(error: unknown): void {
    const { logger } = this.#options;
    if (error instanceof Error && isOutage(error))
      logger.warn(
        { server: 'database', err: error },
        'changes cannot be reported until the database answers',
      );
    else logger.error({ err: error }, 'changes cannot be reported; the database is asked again');
    for (const listening of this.#listeners) {
      if (listening.isAway) continue;
      listening.isAway = true;
      listening.listener.away();
    }
  }
}

function sendBack(listening: Listening): void {
  if (!listening.isAway) return;
  listening.isAway = false;
  listening.listener.back();
}

function keyOf({ cluster, namespace, name }: RemediationAddress): string {
  return JSON.stringify([cluster, namespace, name]);
}

function ignoreAbort(): void {
  // Nobody listens any more; the loop sees it by the same signal.
}

/** The state of everything. */
interface Total {
  readonly text: string;
  readonly position: string;
  readonly hasMoved: boolean;
  /** Transactions that may have moved the position and had not ended. */
  readonly pending: readonly string[];
}

/**
 * Also those transactions count that run one look after the move: one of them may have drawn its number before it had an id by
 * which it is known to run.
 */
function totalOf({ position, reports, running }: ChangeMoment, last: Total | undefined): Total {
  const hasMoved = position !== last?.position;
  const pending =
    last === undefined || hasMoved || last.hasMoved
      ? running
      : last.pending.filter((transaction) => running.includes(transaction));
  const digest = createHash('sha256')
    .update(JSON.stringify([reports, pending]))
    .digest('hex');
  return { text: `${position}.${digest.slice(0, DIGEST_CHARACTERS)}`, position, hasMoved, pending };
}
