import { setImmediate as yieldToLoop } from 'node:timers/promises';

import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { TimeSlice } from '../../domain/time-slice.ts';
import { at, textAt } from '../../kubernaut/resource.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import type { KindObserver } from '../state/kind-observer.ts';
import type { Tracked } from '../state/tracked.ts';
import type { Collection } from '../watched-kind.ts';
import type { WatcherEvents } from '../watcher-options.ts';
import type { JsonAnswer } from './api-request.ts';
import { getJson } from './api-request.ts';
import { OlderListError, UnusableListError } from './failure.ts';

/** A page is parsed in one piece, and so long nothing else happens in this process: about 5 ms for this much. */
const PAGE_BYTES = 512 * 1_024;
/** Nothing is known yet of how large the objects are. */
const FIRST_PAGE_SIZE = 100;
const LEAST_PAGE_SIZE = 20;

interface ListRequest {
  readonly connection: ClusterConnection;
  readonly path: string;
  /** Most objects of one page; large objects make it smaller. */
  readonly pageSize: number;
  /** For each page. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

interface ListPage {
  readonly items: readonly JsonObject[];
  /** Version of the whole list, on every page: where a watch starts. */
  readonly resourceVersion: string;
}

/**
 * All pages of one consistent list, of the newest state there is. Throws 410 when the state it is cut from is forgotten
 * before the last page: then only a new list helps.
 */
export async function* listPages(request: ListRequest): AsyncGenerator<ListPage> {
  let next: Promise<JsonAnswer> | undefined = askForPage(
    request,
    Math.min(FIRST_PAGE_SIZE, request.pageSize),
  );
  while (next !== undefined) {
    const { body, sizeBytes } = await next;
    const page = readPage(request.path, body);
    const token = textAt(body, 'metadata.continue');
    const limit = nextLimit(page.items.length, sizeBytes, request.pageSize);
    // Already on its way while this one is worked on.
    next = token === undefined ? undefined : askForPage(request, limit, token);
    // Whoever stops in the middle never awaits it; whoever goes on meets its failure above.
    next?.catch(() => undefined);
    // Without this the request would leave only after this page is worked on, and then be waited for.
    await yieldToLoop();
    yield page;
  }
}

function askForPage(request: ListRequest, limit: number, token?: string): Promise<JsonAnswer> {
  const query = new URLSearchParams({
    limit: String(limit),
    ...(token === undefined ? {} : { continue: token }),
  });
  const path = `${request.path}?${query.toString()}`;
  return getJson({ ...request, path, operation: `list ${request.path}` });
}

function readPage(path: string, body: JsonValue): ListPage {
  const items = at(body, 'items') ?? [];
  const resourceVersion = textAt(body, 'metadata.resourceVersion') ?? '';
  if (!Array.isArray(items) || !items.every(isJsonObject) || !/^\d+$/.test(resourceVersion)) {
    throw new UnusableListError(path, 'the answer is not a list of objects with a version');
  }
  return { items, resourceVersion };
}

function nextLimit(items: number, sizeBytes: number, most: number): number {
  if (items === 0) return most;
  const fitting = Math.floor(PAGE_BYTES / (sizeBytes / items));
  return Math.min(most, Math.max(LEAST_PAGE_SIZE, fitting));
}

interface CompleteListOptions {
  readonly connection: ClusterConnection;
  readonly collection: Collection;
  readonly observer: KindObserver;
  readonly pageSize: number;
  readonly deadlineMs: number;
  /** No list may be older than what was seen already. */
  readonly notOlderThan: bigint;
  /** Pauses the list between pages while too much waits for Temporal. */
  readonly dispatcher: { waitForRoom(): Promise<void> };
  /** Takes each resource at a version that is news and answers whether it defers it. Default: it is observed at once. */
  readonly defer?: ((resource: JsonObject) => boolean) | undefined;
  readonly events: Pick<WatcherEvents, 'answered'>;
}

export interface CompleteList {
  readonly version: bigint;
  /** uids of all that are there. */
  readonly listed: ReadonlySet<string>;
  /** Resources that it shows at an older version than one that was seen and that it must know. */
  readonly regressed: ReadonlySet<Tracked>;
}

interface ListSoFar extends CompleteList {
  readonly listed: Set<string>;
  readonly regressed: Set<Tracked>;
}

/** Reads all pages into the observer. Throws when the list is cut short, refused or an older one. */
export async function readCompleteList(
  options: CompleteListOptions,
  signal: AbortSignal,
): Promise<CompleteList> {
  const { collection, notOlderThan } = options;
  const [listed, regressed] = [new Set<string>(), new Set<Tracked>()];
  let version = 0n;
  for await (const page of listPages({ ...options, path: collection.path, signal })) {
    version = BigInt(page.resourceVersion);
    if (version < notOlderThan) {
      throw new OlderListError(collection.path, version, notOlderThan);
    }
    options.events.answered();
    await takeIn(page.items, options, { version, listed, regressed });
    await options.dispatcher.waitForRoom();
    signal.throwIfAborted();
  }
  return { version, listed, regressed };
}

async function takeIn(
  items: readonly JsonObject[],
  { observer, collection, defer }: CompleteListOptions,
  { version, listed, regressed }: ListSoFar,
): Promise<void> {
  const slice = new TimeSlice();
  for (const item of items) {
    listed.add(textAt(item, 'metadata.uid') ?? '');
    const ahead = observer.seenAheadOf(item, version);
    if (ahead !== undefined) regressed.add(ahead);
    const isDeferred = defer !== undefined && observer.isNews(item) && defer(item);
    if (!isDeferred) observer.observe(item, collection);
    if (slice.isUsedUp()) await slice.yield();
  }
}
