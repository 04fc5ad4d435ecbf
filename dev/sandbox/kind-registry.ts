import { kindOf } from './definitions.ts';
import type { Kind } from './kinds.ts';
import { BUILT_IN_KINDS, collectionOf, CUSTOM_RESOURCE_DEFINITION, groupResource } from './kinds.ts';
import type { Change, Store } from './store.ts';

const DEFINITIONS = collectionOf(CUSTOM_RESOURCE_DEFINITION);

/** The kinds served now: the built-in ones and those whose definition is stored. Follows the store by itself. */
export class KindRegistry {
  readonly #kinds = new Map<string, Kind>(BUILT_IN_KINDS.map((kind) => [groupResource(kind), kind]));

  constructor(store: Store) {
    for (const definition of store.snapshot(DEFINITIONS, store.version)) {
      this.#kinds.set(definition.metadata.name, kindOf(definition));
    }
    store.subscribe((change) => {
      if (change.collection !== DEFINITIONS) return;
      if (change.type === 'DELETED') this.#kinds.delete(change.object.metadata.name);
      else this.#kinds.set(change.object.metadata.name, kindOf(change.object));
    });
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    const kind = this.#kinds.get(groupResource({ group, plural }));
    return kind?.version === version ? kind : undefined;
  }

  all(): Kind[] {
    return [...this.#kinds.values()];
  }
}

/** True for the change after which a kind is no longer served. */
export const endsKind = (change: Change, kind: Kind): boolean =>
  change.type === 'DELETED' &&
  change.collection === DEFINITIONS &&
  change.object.metadata.name === groupResource(kind);
