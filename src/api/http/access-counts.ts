import type { AccessNote } from '../../database/reading/access-notes.ts';
import { MINUTE_MS } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';

/** A request that is counted and not noted by itself: one that was refused, or one that must not wait for the database. */
interface CountedAccess {
  /** `unknown` where nobody knows. */
  readonly caller: string;
  readonly address: string;
  readonly route: string;
  readonly status: number;
}

interface AccessCountsOptions {
  /** Stores one note; may reject, and is tried again at the next flush. */
  readonly note: (note: AccessNote) => Promise<void>;
  readonly logger: Pick<Logger, 'warn'>;
  /** Default: a minute. */
  readonly intervalMs?: number;
}

/**
 * Notes per minute. A flood from more callers and addresses than these goes into one more note without either: the table
 * grows by at most so many rows a minute, whatever is sent.
 */
const MAX_NOTES = 100;
/** Stands for several routes, and for callers and addresses beyond the limit. */
const SEVERAL = '*';

interface Count {
  readonly caller: string;
  readonly address: string;
  readonly status: number;
  route: string;
  times: number;
}

/**
 * Counts refusals by caller, address and status, and notes each count once a minute in the audit of reads. Counting never
 * waits and never fails, so that a flood of refusals holds up nobody; what a process that is killed has counted within its
 * last minute is in the log alone.
 */
export class AccessCounts {
  readonly #options: AccessCountsOptions;
  readonly #timer: NodeJS.Timeout;
  #counts = new Map<string, Count>();
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: AccessCountsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), options.intervalMs ?? MINUTE_MS).unref();
  }

  count(access: CountedAccess): void {
    this.#add({ ...access, times: 1 });
  }

  /** Notes what was counted until now. Never rejects: what could not be noted stays counted. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#noteAll());
    return this.#flushing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  #add({ route, times, ...access }: Count): void {
    const known = this.#countOf(access);
    known.route = known.times === 0 || known.route === route ? route : SEVERAL;
    known.times += times;
  }

  #countOf(access: Pick<Count, 'caller' | 'address' | 'status'>): Count {
    const known = this.#counts.get(keyOf(access));
    if (known !== undefined) return known;
    const counted = this.#counts.size < MAX_NOTES ? access : { ...access, caller: SEVERAL, address: SEVERAL };
    const count = this.#counts.get(keyOf(counted)) ?? { ...counted, route: '', times: 0 };
    this.#counts.set(keyOf(count), count);
    return count;
  }

  async #noteAll(): Promise<void> {
    const counted = [...this.#counts.values()];
    this.#counts = new Map();
    for (const [index, count] of counted.entries()) {
      try {
        await this.#options.note(count);
      } catch (error: unknown) {
        const waiting = counted.slice(index);
        for (const one of waiting) this.#add(one);
        this.#options.logger.warn(
          { server: 'database', err: error, notes: waiting.length },
          'refusals could not be noted in audit_access; they stay counted and are noted when the database answers',
        );
        return;
      }
    }
  }
}

function keyOf({ status, caller, address }: Pick<Count, 'caller' | 'address' | 'status'>): string {
  return `${status} ${caller} ${address}`;
}
