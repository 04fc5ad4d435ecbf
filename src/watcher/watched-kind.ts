import type { KubernautKind } from '../kubernaut/kinds.ts';

/** What the watcher has to know of a kind. */
export type WatchedKind = Pick<
  KubernautKind,
  'kind' | 'plural' | 'served' | 'read' | 'readDeletion' | 'terminalPhases'
>;

/** One place where objects of a kind are kept: a group and version of it, in one namespace or in all. */
export interface Collection {
  readonly kind: string;
  readonly apiVersion: string;
  /** Empty for all. */
  readonly namespace: string;
  /** `/apis/<group>/<version>/…/<plural>`, as it is listed and watched. */
  readonly path: string;
}

/** Every place of a kind in the given namespaces; none given stand for all. */
export function collectionsOf(
  { kind, plural, served }: WatchedKind,
  namespaces: readonly string[],
): readonly Collection[] {
  const chosen = namespaces.length === 0 ? [''] : namespaces;
  return served.flatMap(({ group, version }) =>
    chosen.map((namespace) => {
      const scope = namespace === '' ? '' : `namespaces/${encodeURIComponent(namespace)}/`;
      const path = `/apis/${group}/${version}/${scope}${plural}`;
      return { kind, apiVersion: `${group}/${version}`, namespace, path };
    }),
  );
}

/** Path of one object of a collection. */
export function objectPath(collection: Collection, namespace: string, name: string): string {
  const plural = collection.path.slice(collection.path.lastIndexOf('/') + 1);
  const scope = `namespaces/${encodeURIComponent(namespace)}`;
  return `/apis/${collection.apiVersion}/${scope}/${plural}/${encodeURIComponent(name)}`;
}

/** A collection of all namespaces holds the objects of each. */
export function holdsNamespace(collection: Collection, namespace: string): boolean {
  return collection.namespace === '' || collection.namespace === namespace;
}
