import type { KubernautKind } from '../kubernaut/kinds.ts';
import { KUBERNAUT_KINDS } from '../kubernaut/kinds.ts';

/** A kind of resource that is followed, and how it is read. */
export interface WatchedKind {
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly read: KubernautKind['read'];
}

export const WATCHED_KINDS: readonly WatchedKind[] = KUBERNAUT_KINDS.flatMap(({ served, ...kind }) =>
  served.slice(0, 1).map((place) => ({ ...kind, ...place })),
);

/** Path of the collection; an empty namespace stands for all of them. */
export function collectionPath({ group, version, plural }: WatchedKind, namespace: string): string {
  const scope = namespace === '' ? '' : `namespaces/${encodeURIComponent(namespace)}/`;
  return `/apis/${group}/${version}/${scope}${plural}`;
}
