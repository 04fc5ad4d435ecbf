import type { Kind } from './kinds.ts';
import { groupVersion } from './kinds.ts';
import type { JsonObject, StoredObject } from './object.ts';
import { isJsonObject } from './object.ts';
import { ApiError, badRequest, conflict, HTTP, invalid, staleVersion } from './status.ts';

/** What an applier says of an object. */
interface AppliedConfiguration {
  readonly metadata: JsonObject;
  readonly finalizers: readonly string[];
}

const APPLICABLE: ReadonlySet<string> = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'finalizers',
  'managedFields',
]);

/** Reads the body of a server-side apply. The sandbox applies finalizers and nothing else, and says so. */
export function readApplied(kind: Kind, body: JsonObject, manager: string): AppliedConfiguration {
  if (manager === '') throw managerRequired();
  const { apiVersion, kind: kindName, metadata: sent, ...content } = body;
  if (apiVersion !== groupVersion(kind) || kindName !== kind.kind) {
    throw badRequest(`invalid object type: ${textOf(apiVersion, '/')}, Kind=${textOf(kindName, '')}`);
  }
  const metadata = isJsonObject(sent) ? sent : {};
  if ((metadata['managedFields'] ?? null) !== null) throw badRequest('metadata.managedFields must be nil');
  const others = [
    ...Object.keys(content),
    ...Object.keys(metadata).filter((field) => !APPLICABLE.has(field)),
  ];
  if (others.length > 0) {
    throw badRequest(
      `the sandbox applies metadata.finalizers only, not ${others.join(', ')}: use a real API server`,
    );
  }
  return { metadata, finalizers: finalizersIn(kind, metadata) };
}

/** Refuses a configuration that speaks of another object than the one it is sent to. */
export function checkApplied(kind: Kind, stored: StoredObject, { metadata }: AppliedConfiguration): void {
  const { name, namespace, uid, resourceVersion } = stored.metadata;
  const differs = (field: string, own: unknown): boolean =>
    typeof metadata[field] === 'string' && metadata[field] !== '' && metadata[field] !== own;
  if (differs('name', name)) {
    throw badRequest(
      `the name of the object (${String(metadata['name'])}) does not match the name on the URL (${name})`,
    );
  }
  if (differs('namespace', namespace)) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (differs('resourceVersion', resourceVersion)) throw staleVersion(kind, name);
  if (differs('uid', uid)) {
    const message = `Invalid value: ${JSON.stringify(metadata['uid'])}: field is immutable`;
    throw invalid(kind, name, { field: 'metadata.uid', reason: 'FieldValueInvalid', message });
  }
}

/** An apply creates what is not there, unless it names the one object that it means. */
export function refuseGone(kind: Kind, name: string, { metadata }: AppliedConfiguration): void {
  const { uid } = metadata;
  if (typeof uid !== 'string' || uid === '') return;
  throw conflict(
    kind,
    name,
    `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
  );
}

function finalizersIn({ group, version, kind }: Kind, metadata: JsonObject): readonly string[] {
  const finalizers = metadata['finalizers'] ?? [];
  if (!Array.isArray(finalizers)) throw badRequest('metadata.finalizers must be a list');
  const list = finalizers.map(String);
  const twice = list.find((finalizer, index) => list.indexOf(finalizer) !== index);
  if (twice === undefined) return list;
  const object = `(/${textOf(metadata['name'], '')}; ${group}/${version}, Kind=${kind})`;
  throw new ApiError(
    HTTP.internalError,
    '',
    `failed to create typed patch object ${object}: .metadata.finalizers: duplicate entries for key [="${twice}"]`,
  );
}

function managerRequired(): ApiError {
  const message = 'Required value: is required for apply patch';
  return new ApiError(
    HTTP.invalid,
    'Invalid',
    `PatchOptions.meta.k8s.io "" is invalid: fieldManager: ${message}`,
    {
      group: 'meta.k8s.io',
      kind: 'PatchOptions',
      causes: [{ reason: 'FieldValueRequired', message, field: 'fieldManager' }],
    },
  );
}

const textOf = (value: unknown, instead: string): string => (typeof value === 'string' ? value : instead);
