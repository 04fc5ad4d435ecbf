import { checkApplied, readApplied, refuseGone } from './applied-configuration.ts';
import { establishedStatus, kindOf } from './definitions.ts';
import { applyFinalizers, withStatusWriter, withUpdatedOwners } from './field-owners.ts';
import type { Kind } from './kinds.ts';
import { collectionOf, CUSTOM_RESOURCE_DEFINITION, NAMESPACE } from './kinds.ts';
import type { ListOptions } from './list-options.ts';
import { listObjects, refuseFutureVersion } from './list.ts';
import type { Birth } from './object-rules.ts';
import {
  changedObject,
  checkFinalizers,
  hasFinalizers,
  isReleased,
  mergePatch,
  newObject,
  terminatingObject,
} from './object-rules.ts';
import type { JsonObject, StoredObject } from './object.ts';
import { isJsonObject, keyOf } from './object.ts';
import type { ResourcePath } from './paths.ts';
import type { Status } from './status.ts';
import {
  alreadyExists,
  badRequest,
  conflict,
  deletionSuccess,
  invalid,
  methodNotAllowed,
  objectNotFound,
} from './status.ts';
import type { Store } from './store.ts';

/** A path that names an object, or its status. */
export type ObjectPath = ResourcePath & { name: string };

interface ResourcesOptions {
  store: Store;
  /** Milliseconds since the epoch. */
  now: () => number;
  uuid: () => string;
}

const NAME_SUFFIX_LENGTH = 5;
/** Manager of the fields of a writer that sends no name. */
const UNNAMED = 'unknown';

/** The verbs of the API on the store: what a request does once it is understood. */
export class Resources {
  readonly #store: Store;
  readonly #now: () => number;
  readonly #uuid: () => string;

  constructor({ store, now, uuid }: ResourcesOptions) {
    this.#store = store;
    this.#now = now;
    this.#uuid = uuid;
  }

  get(path: ObjectPath, resourceVersion = 0): StoredObject {
    refuseFutureVersion(this.#store, resourceVersion);
    const object = this.#store.get(collectionOf(path.kind), keyOf(path.namespace, path.name));
    if (!object) throw objectNotFound(path.kind, path.name);
    return object;
  }

  list(kind: Kind, options: ListOptions): unknown {
    return listObjects(this.#store, kind, options);
  }

  create({ kind, namespace }: ResourcePath, body: JsonObject, manager = UNNAMED): StoredObject {
    const owned = (born: StoredObject): StoredObject =>
      withUpdatedOwners(undefined, born, { manager, operation: 'Update', time: this.#time() });
    return this.#create({ kind, namespace }, body, owned);
  }

  /** Server-side apply; creates what is not there. */
  apply(path: ObjectPath, body: JsonObject, manager: string): { object: StoredObject; isNew: boolean } {
    const { kind, namespace, name } = path;
    const applied = readApplied(kind, body, manager);
    const { finalizers } = applied;
    const owned = (object: StoredObject): StoredObject =>
      applyFinalizers(object, finalizers, { manager, operation: 'Apply', time: this.#time() });
    const stored = this.#store.get(collectionOf(kind), keyOf(namespace, name));
    if (!stored) {
      refuseGone(kind, name, applied);
      const { apiVersion, kind: kindName } = body;
      const born = { apiVersion, kind: kindName, metadata: { name } };
      return { object: this.#create(path, born, owned), isNew: true };
    }
    checkApplied(kind, stored, applied);
    const next = owned(stored);
    checkFinalizers(kind, stored, next);
    return { object: this.#replace(path, stored, next), isNew: false };
  }

  #create(
    { kind, namespace }: ResourcePath,
    body: JsonObject,
    owned: (born: StoredObject) => StoredObject,
  ): StoredObject {
    if (namespace !== undefined && !this.#store.get(collectionOf(NAMESPACE), namespace)) {
      throw objectNotFound(NAMESPACE, namespace);
    }
    const born = owned(newObject(kind, body, this.#birth(namespace)));
    const object = kind === CUSTOM_RESOURCE_DEFINITION ? this.#established(born) : born;
    const key = keyOf(namespace, object.metadata.name);
    if (this.#store.get(collectionOf(kind), key)) throw alreadyExists(kind, object.metadata.name);
    return this.#store.commit({ type: 'ADDED', collection: collectionOf(kind), key, object });
  }

  replace(path: ObjectPath, body: JsonObject, manager = UNNAMED): StoredObject {
    const stored = this.get(path);
    const metadata = body['metadata'];
    if (!isJsonObject(metadata) || (metadata['resourceVersion'] ?? '') === '') {
      const message = 'Invalid value: 0: must be specified for an update';
      throw invalid(path.kind, path.name, {
        field: 'metadata.resourceVersion',
        reason: 'FieldValueInvalid',
        message,
      });
    }
    return this.#change(path, stored, body, manager);
  }

  patch(path: ObjectPath, patch: JsonObject, manager = UNNAMED): StoredObject {
    const stored = this.get(path);
    const uid = isJsonObject(patch['metadata']) ? patch['metadata']['uid'] : undefined;
    if (uid !== undefined && uid !== stored.metadata.uid) {
      const message = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
      throw invalid(path.kind, path.name, { field: 'metadata.uid', reason: 'FieldValueInvalid', message });
    }
    return this.#change(path, stored, mergePatch(stored, patch) as JsonObject, manager);
  }

  /** Deletes at once, or marks the object when finalizers hold it: then the answer is the object. */
  delete(path: ObjectPath, options: JsonObject): StoredObject | Status {
    // Nothing here empties a namespace, as nothing would on a real server without a controller manager.
    if (path.kind === NAMESPACE) throw methodNotAllowed(path.kind, 'delete');
    const stored = this.get(path);
    checkDeletion(path, stored, options);
    if (path.kind === CUSTOM_RESOURCE_DEFINITION) this.#deleteAllOf(kindOf(stored));
    if (!hasFinalizers(stored)) {
      this.#remove(path.kind, stored);
      return deletionSuccess(path.kind, path.name, stored.metadata.uid);
    }
    const terminating = terminatingObject(stored, this.#time());
    return terminating === stored ? stored : this.#write(path.kind, terminating);
  }

  #change(path: ObjectPath, stored: StoredObject, body: JsonObject, manager: string): StoredObject {
    const changed = changedObject(path.kind, stored, body, path.subresource);
    if (changed === stored) return stored;
    const writer = { manager, operation: 'Update', time: this.#time() } as const;
    const written = path.subresource === 'status' ? withStatusWriter(changed, writer) : changed;
    return this.#replace(path, stored, withUpdatedOwners(stored, written, writer));
  }

  #replace(path: ObjectPath, stored: StoredObject, next: StoredObject): StoredObject {
    if (next === stored) return stored;
    if (path.kind === CUSTOM_RESOURCE_DEFINITION) kindOf(next);
    if (!isReleased(next)) return this.#write(path.kind, next);
    // The write that takes the last finalizer is itself never stored: watches see the object go as it was before.
    this.#remove(path.kind, stored);
    return next;
  }

  #write(kind: Kind, object: StoredObject): StoredObject {
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    return this.#store.commit({ type: 'MODIFIED', collection: collectionOf(kind), key, object });
  }

  #remove(kind: Kind, object: StoredObject): void {
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    this.#store.commit({ type: 'DELETED', collection: collectionOf(kind), key, object });
  }

  #deleteAllOf(kind: Kind): void {
    const objects = this.#store.snapshot(collectionOf(kind), this.#store.version);
    for (const object of objects) this.#remove(kind, object);
  }

  #established(definition: StoredObject): StoredObject {
    return { ...definition, status: establishedStatus(kindOf(definition), this.#time()) };
  }

  #birth(namespace: string | undefined): Birth {
    const suffix = this.#uuid().slice(0, NAME_SUFFIX_LENGTH);
    return { namespace, uid: this.#uuid(), time: this.#time(), suffix };
  }

  /** The API server keeps whole seconds. */
  #time(): string {
    return new Date(this.#now()).toISOString().replace(/\.\d{3}Z$/, 'Z');
  }
}

function checkDeletion({ kind, name }: ObjectPath, { metadata }: StoredObject, options: JsonObject): void {
  const policy = options['propagationPolicy'];
  if (policy !== undefined && policy !== 'Background') {
    throw badRequest(
      `the sandbox has no garbage collector for propagationPolicy ${JSON.stringify(policy)}: use Background`,
    );
  }
  const preconditions = isJsonObject(options['preconditions']) ? options['preconditions'] : {};
  const { uid, resourceVersion } = preconditions;
  if (uid !== undefined && uid !== metadata.uid) {
    throw conflict(
      kind,
      name,
      `the UID in the precondition (${JSON.stringify(uid)}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw conflict(
      kind,
      name,
      `the ResourceVersion in the precondition (${JSON.stringify(resourceVersion)}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
  }
}
