import type { ServerResponse } from 'node:http';

import { endsKind } from './kind-registry.ts';
import type { Kind } from './kinds.ts';
import { collectionOf, groupVersion } from './kinds.ts';
import type { ListOptions } from './list-options.ts';
import { select } from './list.ts';
import { ApiError, HTTP } from './status.ts';
import type { Change, Store } from './store.ts';

export interface WatchSettings {
  /** How often an idle watch is sent the current version. Default 60,000. */
  bookmarkIntervalMs: number;
  /** How long before its deadline a watch gets its last bookmark. Default 2,000. */
  bookmarkBeforeEndMs: number;
  /** A reader this many bytes behind is cut off without a word. Default 16 MiB. */
  maxBufferedBytes: number;
  /** How a watch from a forgotten version is answered; real servers do both. Default `stream`. */
  goneAs: 'stream' | 'status';
}

interface WatchTarget {
  kind: Kind;
  options: ListOptions;
  /** Ends the watch even when the client asked for longer. */
  timeoutMs: number;
}

/**
 * One watch: what happened since the asked version, then every further change as it happens.
 * Replay and subscription happen in one turn of the event loop, so no change falls between them.
 * Ends at its deadline, when the client goes, when the kind is no longer served, or when the server stops.
 */
export class WatchStream {
  readonly #store: Store;
  readonly #target: WatchTarget;
  readonly #settings: WatchSettings;
  readonly #response: ServerResponse;
  readonly #timers: NodeJS.Timeout[] = [];
  #unsubscribe: () => void = () => undefined;
  /** The version this watch began with: what it was asked for, and what it replayed. */
  #beganAt = 0;

  constructor(store: Store, target: WatchTarget, settings: WatchSettings, response: ServerResponse) {
    this.#store = store;
    this.#target = target;
    this.#settings = settings;
    this.#response = response;
  }

  start(): void {
    const missed = this.#missedChanges();
    this.#response.writeHead(HTTP.ok, {
      'content-type': 'application/json',
      'cache-control': 'no-cache, private',
    });
    this.#response.flushHeaders();
    if (missed instanceof ApiError) {
      this.#send('ERROR', missed.status);
      this.#response.end();
      return;
    }
    for (const { type, object } of missed) this.#send(type, object);
    this.#beganAt = this.#versionBegun(missed);
    this.#unsubscribe = this.#store.subscribe((change) => {
      this.#pass(change);
    });
    this.#response.once('close', () => {
      this.#release();
    });
    this.#schedule();
  }

  /** Ends cleanly, as a server does that shuts down. */
  end(): void {
    this.#release();
    this.#response.end();
  }

  #missedChanges(): Pick<Change, 'type' | 'object'>[] | ApiError {
    const { kind, options } = this.#target;
    const collection = collectionOf(kind);
    if (!options.resourceVersion) {
      const present = select(this.#store.snapshot(collection, this.#store.version), options);
      return present.map((object) => ({ type: 'ADDED', object }));
    }
    try {
      return this.#store.changesSince(options.resourceVersion).filter((change) => this.#concerns(change));
    } catch (error: unknown) {
      if (error instanceof ApiError && this.#settings.goneAs === 'stream') return error;
      throw error;
    }
  }

  #versionBegun(replayed: readonly Pick<Change, 'object'>[]): number {
    const { resourceVersion } = this.#target.options;
    if (!resourceVersion) return this.#store.version;
    return Number(replayed.at(-1)?.object.metadata.resourceVersion ?? resourceVersion);
  }

  #concerns({ collection, object, version }: Change): boolean {
    const { kind, options } = this.#target;
    if (collection !== collectionOf(kind)) return false;
    // A client ahead of the server, after the server went back, hears nothing until the versions have caught up.
    if (version <= (options.resourceVersion ?? 0)) return false;
    return select([object], options).length > 0;
  }

  #pass(change: Change): void {
    if (endsKind(change, this.#target.kind)) this.end();
    else if (this.#concerns(change)) this.#send(change.type, change.object);
  }

  #schedule(): void {
    const { timeoutMs, options } = this.#target;
    this.#timers.push(
      setTimeout(() => {
        this.end();
      }, timeoutMs),
    );
    if (!options.bookmarks) return;
    const bookmark = (): void => {
      this.#sendBookmark();
    };
    this.#timers.push(setInterval(bookmark, this.#settings.bookmarkIntervalMs));
    const beforeEndMs = timeoutMs - this.#settings.bookmarkBeforeEndMs;
    if (beforeEndMs > 0) this.#timers.push(setTimeout(bookmark, beforeEndMs));
  }

  /** As a real server does, says nothing while there is nothing newer than what the watch began with. */
  #sendBookmark(): void {
    if (this.#store.version <= this.#beganAt) return;
    const { kind } = this.#target;
    const metadata = { resourceVersion: String(this.#store.version) };
    this.#send('BOOKMARK', { apiVersion: groupVersion(kind), kind: kind.kind, metadata });
  }

  #send(type: Change['type'] | 'BOOKMARK' | 'ERROR', object: unknown): void {
    if (this.#response.destroyed) return;
    this.#response.write(`${JSON.stringify({ type, object })}\n`);
    if (this.#response.writableLength > this.#settings.maxBufferedBytes) this.#response.destroy();
  }

  #release(): void {
    this.#unsubscribe();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.length = 0;
  }
}
