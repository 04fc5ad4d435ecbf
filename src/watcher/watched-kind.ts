import type { KubernautKind } from '../kubernaut/kind.ts';

/** What the watcher has to know of a kind. */
export type WatchedKind = Pick<
  KubernautKind,
  'kind' | 'plural' | 'served' | 'read' | 'readDeletion' | 'terminalPhases'
>;

/** The kind whose resources the others belong to, and whose last phase is its end. */
export const REMEDIATION = 'RemediationRequest';

/** What one path lists: the objects of a kind in one group and version, in one namespace or in all. */
export interface Collection {
  readonly kind: string;
  readonly apiVersion: string;
  /** Empty for all. */
  readonly namespace: string;
  /** `/apis/<group>/<version>/…/<plural>`, as it is listed and watched. */
  readonly path: string;
}

/** Every collection of a kind in these namespaces; an empty list stands for all. */
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
  const scope = `namespaces/${encodeURIComponent(namespace)}`;
  return `/apis/${collection.apiVersion}/${scope}/${pluralOf(collection)}/${encodeURIComponent(name)}`;
}

/** The resource as roles name it. */
export function pluralOf({ path }: Collection): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A collection of all namespaces holds the objects of each. */
export function holdsNamespace(collection: Collection, namespace: string): boolean {
  return collection.namespace === '' || collection.namespace === namespace;
}
