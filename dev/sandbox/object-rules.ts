import { isDeepStrictEqual } from 'node:util';

import type { Kind } from './kinds.ts';
import { BUILT_IN_KINDS, groupVersion, NAMESPACE } from './kinds.ts';
import type { JsonObject, ObjectMetadata, StoredObject } from './object.ts';
import { isJsonObject } from './object.ts';
import { ApiError, badRequest, conflict, HTTP, invalid, staleVersion } from './status.ts';

/** What a write may touch: the object without its status, or the status alone. */
export type Subresource = 'status' | undefined;

/** What the server decides about a new object. */
export interface Birth {
  namespace: string | undefined;
  uid: string;
  time: string;
  /** Ends the name when the client gave only `generateName`. */
  suffix: string;
}

const MAX_NAME_LENGTH = 253;
const NAME_PATTERN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

/** Fields of the metadata that only the server changes. */
const SERVER_OWNED: ReadonlySet<string> = new Set([
  'name',
  'generateName',
  'namespace',
  'uid',
  'creationTimestamp',
  'generation',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'resourceVersion',
  'managedFields',
]);

/** Checks a body and completes it to the object that will be stored. The store sets its version. */
export function newObject(kind: Kind, body: JsonObject, birth: Birth): StoredObject {
  const typed = checkedType(kind, body, metadataOf(body)['name']);
  const sent = metadataOf(typed);
  checkNamespace(sent, birth.namespace);
  if (isSet(sent['resourceVersion'])) {
    throw new ApiError(HTTP.internalError, '', 'resourceVersion should not be set on objects to be created');
  }
  const { generateName } = sent;
  const metadata: ObjectMetadata = {
    ...clientMetadata(sent),
    ...(isSet(generateName) ? { generateName } : {}),
    name: newName(kind, sent, birth.suffix),
    ...(birth.namespace === undefined ? {} : { namespace: birth.namespace }),
    uid: birth.uid,
    resourceVersion: '',
    ...(kind === NAMESPACE ? {} : { generation: 1 }),
    creationTimestamp: birth.time,
  };
  const content = without(typed, kind.statusSubresource ? ['status'] : []);
  const object: StoredObject = { ...content, apiVersion: groupVersion(kind), kind: kind.kind, metadata };
  return kind === NAMESPACE ? activeNamespace(object) : object;
}

/**
 * The object after a PUT or PATCH brought `body`; the very same object when nothing changes.
 * Throws 409 when `body` was made from another version than the stored one.
 */
export function changedObject(
  kind: Kind,
  stored: StoredObject,
  body: JsonObject,
  subresource: Subresource,
): StoredObject {
  const typed = checkedType(kind, body, stored.metadata.name);
  checkIdentity(kind, stored, metadataOf(typed));
  const next = subresource === 'status' ? withStatusOf(stored, typed) : withoutStatusOf(kind, stored, typed);
  if (isDeepStrictEqual(next, stored)) return stored;
  checkFinalizers(kind, stored, next);
  return next;
}

/** RFC 7386: null removes, objects merge, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const result: JsonObject = isJsonObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, field);
    else result[field] = mergePatch(result[field], value);
  }
  return result;
}

/** The object once its deletion was asked for while finalizers hold it; the very same when that was so already. */
export function terminatingObject(stored: StoredObject, time: string): StoredObject {
  if (stored.metadata.deletionTimestamp !== undefined) return stored;
  const { generation } = stored.metadata;
  return {
    ...stored,
    metadata: {
      ...stored.metadata,
      ...(generation === undefined ? {} : { generation: generation + 1 }),
      deletionTimestamp: time,
      deletionGracePeriodSeconds: 0,
    },
  };
}

export const hasFinalizers = (object: StoredObject): boolean => (object.metadata.finalizers ?? []).length > 0;

/** The last finalizer of an object whose deletion was asked for is gone, so the object goes too. */
export const isReleased = (object: StoredObject): boolean =>
  object.metadata.deletionTimestamp !== undefined && !hasFinalizers(object);

function checkedType(kind: Kind, body: JsonObject, name: unknown): JsonObject {
  // Only for its own kinds does the API server fill in what a body leaves out.
  const typed = BUILT_IN_KINDS.includes(kind)
    ? { apiVersion: groupVersion(kind), kind: kind.kind, ...body }
    : body;
  const { apiVersion, kind: kindName } = typed as { apiVersion?: unknown; kind?: unknown };
  if (typeof kindName !== 'string' || kindName === '') {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): Object 'Kind' is missing`,
    );
  }
  if (apiVersion !== groupVersion(kind)) {
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${groupVersion(kind)})`,
    );
  }
  if (kindName !== kind.kind) {
    const message = `Invalid value: "${kindName}": must be ${kind.kind}`;
    throw invalid(kind, isSet(name) ? name : '', { field: 'kind', reason: 'FieldValueInvalid', message });
  }
  return typed;
}

/** A body must speak of the object it is sent to: its name, its namespace, and, where given, its uid and version. */
function checkIdentity(kind: Kind, stored: StoredObject, sent: JsonObject): void {
  const { name, namespace, uid, resourceVersion } = stored.metadata;
  if (sent['name'] !== name) {
    throw badRequest(
      `the name of the object (${String(sent['name'])}) does not match the name on the URL (${name})`,
    );
  }
  checkNamespace(sent, namespace);
  if (isSet(sent['resourceVersion']) && sent['resourceVersion'] !== resourceVersion)
    throw staleVersion(kind, name);
  const sentUid = sent['uid'];
  if (isSet(sentUid) && sentUid !== uid) {
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${sentUid}, UID in object meta: ${uid}`,
    );
  }
}

function checkNamespace(sent: JsonObject, namespace: string | undefined): void {
  if (isSet(sent['namespace']) && sent['namespace'] !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

function newName(kind: Kind, { name, generateName }: JsonObject, suffix: string): string {
  const generated = isSet(generateName) ? `${generateName}${suffix}` : '';
  const chosen = isSet(name) ? name : generated;
  if (chosen === '') {
    const message = 'Required value: name or generateName is required';
    throw invalid(kind, '', { field: 'metadata.name', reason: 'FieldValueRequired', message });
  }
  if (chosen.length > MAX_NAME_LENGTH || !NAME_PATTERN.test(chosen)) {
    const message = `Invalid value: "${chosen}": ${NAME_RULE}`;
    throw invalid(kind, chosen, { field: 'metadata.name', reason: 'FieldValueInvalid', message });
  }
  return chosen;
}

/** A write of the status changes nothing else, whatever else its body says. */
function withStatusOf(stored: StoredObject, body: JsonObject): StoredObject {
  const rest = without(stored, ['status']) as unknown as StoredObject;
  return 'status' in body ? { ...rest, status: body['status'] } : rest;
}

function withoutStatusOf(kind: Kind, stored: StoredObject, body: JsonObject): StoredObject {
  const metadata = keptMetadata(stored, metadataOf(body));
  const content = kind.statusSubresource ? without(body, ['status']) : body;
  const status = kind.statusSubresource && 'status' in stored ? { status: stored['status'] } : {};
  const next: StoredObject = {
    ...content,
    apiVersion: stored.apiVersion,
    kind: stored.kind,
    ...status,
    metadata,
  };
  const { generation } = stored.metadata;
  if (generation === undefined || isDeepStrictEqual(specOf(next), specOf(stored))) return next;
  return { ...next, metadata: { ...metadata, generation: generation + 1 } };
}

/** What the client sent, with the server's own fields as they were. */
function keptMetadata(stored: StoredObject, sent: JsonObject): ObjectMetadata {
  const owned = Object.entries(stored.metadata).filter(([field]) => SERVER_OWNED.has(field));
  return { ...clientMetadata(sent), ...Object.fromEntries(owned) } as ObjectMetadata;
}

function clientMetadata(sent: JsonObject): JsonObject {
  const { finalizers, ...rest } = without(sent, SERVER_OWNED);
  // No finalizers and an empty list of them are one thing.
  return Array.isArray(finalizers) && finalizers.length > 0 ? { ...rest, finalizers } : rest;
}

/** What counts as a new generation: everything but the metadata and, where it is a subresource, the status (equal here). */
const specOf = (object: StoredObject): JsonObject => without(object, ['metadata']);

/** What is being deleted takes no new finalizers. */
export function checkFinalizers(kind: Kind, stored: StoredObject, next: StoredObject): void {
  if (stored.metadata.deletionTimestamp === undefined) return;
  const before = stored.metadata.finalizers ?? [];
  const added = (next.metadata.finalizers ?? []).filter((finalizer) => !before.includes(finalizer));
  if (added.length === 0) return;
  const list = added.map((finalizer) => `"${finalizer}"`).join(', ');
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
  throw invalid(kind, stored.metadata.name, {
    field: 'metadata.finalizers',
    reason: 'FieldValueForbidden',
    message,
  });
}

function activeNamespace(object: StoredObject): StoredObject {
  const { metadata } = object;
  const labels = isJsonObject(metadata['labels']) ? metadata['labels'] : {};
  return {
    ...object,
    metadata: { ...metadata, labels: { ...labels, 'kubernetes.io/metadata.name': metadata.name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
}

const metadataOf = (body: JsonObject): JsonObject => (isJsonObject(body['metadata']) ? body['metadata'] : {});

/** To the API server an empty text is no text. */
const isSet = (value: unknown): value is string => typeof value === 'string' && value !== '';

function without(object: object, fields: Iterable<string>): JsonObject {
  const unwanted = new Set(fields);
  return Object.fromEntries(Object.entries(object).filter(([field]) => !unwanted.has(field)));
}
