import type { Kind } from './kinds.ts';
import { collectionOf, groupVersion } from './kinds.ts';
import type { Continuation, ListOptions } from './list-options.ts';
import { decodeContinuation, encodeContinuation } from './list-options.ts';
import type { StoredObject } from './object.ts';
import { keyOf } from './object.ts';
import { ApiError, HTTP } from './status.ts';
import type { Store } from './store.ts';

interface ObjectList {
  apiVersion: string;
  kind: string;
  metadata: { resourceVersion: string; continue: string; remainingItemCount?: number };
  items: readonly StoredObject[];
}

/** One page, or the whole, of a kind in a namespace or in all of them, as of one version. */
export function listObjects(store: Store, kind: Kind, options: ListOptions): ObjectList {
  const continuation =
    options.continueToken === undefined ? undefined : decodeContinuation(options.continueToken);
  const version = continuation?.version ?? versionToRead(store, options);
  const selected = select(store.snapshot(collectionOf(kind), version), options);
  const rest = continuation ? selected.slice(indexAfter(selected, continuation)) : selected;
  const items = rest.slice(0, options.limit);
  const remaining = rest.length - items.length;
  const last = items.at(-1);
  const hasMore = remaining > 0 && last !== undefined;
  return {
    apiVersion: groupVersion(kind),
    kind: kind.listKind,
    metadata: {
      resourceVersion: String(version),
      continue: hasMore ? encodeContinuation({ version, after: keyOfObject(last) }) : '',
      // With a selector the API server does not know how many will match.
      ...(hasMore && options.name === undefined ? { remainingItemCount: remaining } : {}),
    },
    items,
  };
}

/** Refuses to answer from a version that does not exist yet. */
export function refuseFutureVersion(store: Store, version: number): void {
  if (version <= store.version) return;
  const message = `Timeout: Too large resource version: ${version}, current: ${store.version}`;
  throw new ApiError(HTTP.gatewayTimeout, 'Timeout', message, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

export function select(
  objects: readonly StoredObject[],
  { name, namespace }: Pick<ListOptions, 'name' | 'namespace'>,
): readonly StoredObject[] {
  if (name === undefined && namespace === undefined) return objects;
  return objects.filter(
    ({ metadata }) =>
      (name === undefined || metadata.name === name) &&
      (namespace === undefined || metadata.namespace === namespace),
  );
}

function versionToRead(store: Store, { resourceVersion, match, limit }: ListOptions): number {
  if (!resourceVersion) return store.version;
  refuseFutureVersion(store, resourceVersion);
  // Without a match, a limit asks for exactly that version: an old rule of the API server that clients rely on.
  const isExact = match === 'Exact' || (match === undefined && limit !== undefined);
  return isExact ? resourceVersion : store.version;
}

const keyOfObject = ({ metadata }: StoredObject): string => keyOf(metadata.namespace, metadata.name);

function indexAfter(objects: readonly StoredObject[], { after }: Continuation): number {
  const index = objects.findIndex((object) => keyOfObject(object) > after);
  return index === -1 ? objects.length : index;
}
