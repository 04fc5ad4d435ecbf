/*
 * One stream of server-sent events. It says that something changed, never what: whoever listens asks for it.
 *
 * The events: `ready` when it begins, `change`, `reset` when the reader continues from where nobody knows, `away` and `back` of the
 * database, `end` before it ends by itself. Between them `alive` says that the connection lives; `ready` says how often, so that
 * a reader that hears nothing for longer knows that it is cut off. A comment would not do: browsers show none to a script.
 *
 * What must stay true: a reader that does not read costs a kilobyte. What it has not taken is not queued: of changes the last one
 * is kept, and of the words about the database the last one.
 */
import { Readable } from 'node:stream';

import { MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import type { ChangeFeed, Subject } from './change-feed.ts';

export interface EventStreamOptions {
  readonly feed: Pick<ChangeFeed, 'listen'>;
  readonly subject: Subject;
  /** The state when the stream was asked for. */
  readonly state: string;
  /** The state that the reader knows; undefined where it begins. */
  readonly resumedFrom: string | undefined;
  /** Aborted when the process is to end. */
  readonly ending: AbortSignal;
  readonly onClose: () => void;
  /** Default 15,000: below the usual minute of proxies, and of the service itself. */
  readonly heartbeatMs?: number | undefined;
  /** Default ten minutes: then the reader shows again who it is. */
  readonly lifetimeMs?: number | undefined;
}

const HEARTBEAT_MS = 15 * SECOND_MS;
const LIFETIME_MS = 10 * MINUTE_MS;
/** How long a browser waits until it connects again. */
const RETRY_MS = SECOND_MS;
const MOST_WAITING_BYTES = 1_024;

/** What this service gives out as the id of an event. */
const STATE = /^\d+(?:\.[0-9a-f]+){1,2}$/;

export class EventStream extends Readable {
  readonly #options: EventStreamOptions;
  readonly #endsWithProcess = (): void => {
    this.#end('the process is ending');
  };
  readonly #timers: readonly NodeJS.Timeout[];
  #stopListening: (() => void) | undefined;
  #hasRoom = true;
  /** What waits for room: a change, and what was said last of the database. */
  #change: string | undefined;
  #database: string | undefined;

  constructor(options: EventStreamOptions) {
    super({ highWaterMark: MOST_WAITING_BYTES });
    this.#options = options;
    const { feed, subject, state, resumedFrom, ending } = options;
    const ready = eventText('ready', { alive_every_ms: options.heartbeatMs ?? HEARTBEAT_MS }, state);
    this.#hasRoom = this.push(`retry: ${RETRY_MS}\n${ready}`);
    if (resumedFrom !== undefined && resumedFrom !== state)
      this.#say({ change: eventText(STATE.test(resumedFrom) ? 'change' : 'reset', {}, state) });
    this.#stopListening = feed.listen({
      subject,
      known: state,
      changed: (now) => {
        this.#say({ change: eventText('change', {}, now) });
      },
      away: () => {
        this.#say({ database: eventText('away', { reason: 'the database does not answer' }) });
      },
      back: () => {
        this.#say({ database: eventText('back', {}) });
      },
    });
    this.#timers = this.#startTimers();
    ending.addEventListener('abort', this.#endsWithProcess, { once: true });
    if (ending.aborted) this.#endsWithProcess();
  }

  override _read(): void {
    this.#hasRoom = true;
    this.#say({});
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#close();
    done(error);
  }

  /** The change comes before what is said of the database: it was seen while that answered. */
  #say({ change = this.#change, database = this.#database }: { change?: string; database?: string }): void {
    [this.#change, this.#database] = [change, database];
    if (!this.#hasRoom || (change ?? database) === undefined) return;
    [this.#change, this.#database] = [undefined, undefined];
    this.#hasRoom = this.push(`${change ?? ''}${database ?? ''}`);
  }

  #startTimers(): readonly NodeJS.Timeout[] {
    const { heartbeatMs = HEARTBEAT_MS, lifetimeMs = LIFETIME_MS } = this.#options;
    const beat = setInterval(() => {
      if (this.#hasRoom) this.#hasRoom = this.push(eventText('alive', {}));
    }, heartbeatMs);
    const end = setTimeout(() => {
      this.#end('connect again');
    }, lifetimeMs);
    return [beat, end];
  }

  #end(reason: string): void {
    if (this.destroyed || this.readableEnded) return;
    this.#close();
    this.push(eventText('end', { reason }));
    this.push(null);
  }

  #close(): void {
    if (this.#stopListening === undefined) return;
    this.#stopListening();
    this.#stopListening = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#options.ending.removeEventListener('abort', this.#endsWithProcess);
    this.#options.onClose();
  }
}

/** Without an id the reader keeps the one that it has. */
function eventText(event: string, data: Readonly<Record<string, string | number>>, id?: string): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
