import type { JsonObject, StoredObject } from './object.ts';
import { isJsonObject } from './object.ts';

/** Who writes, as `metadata.managedFields` names it. */
interface FieldWriter {
  manager: string;
  operation: 'Apply' | 'Update';
  time: string;
}

/** One entry of `metadata.managedFields`. The sandbox knows who owns finalizers, and who wrote the status last. */
interface OwnerEntry {
  manager: string;
  operation: string;
  apiVersion: string;
  time: string;
  fieldsType: 'FieldsV1';
  fieldsV1: JsonObject;
  subresource?: 'status';
}

/**
 * The owners after a create, PUT or merge patch: whoever adds a finalizer owns it, and one that is gone is owned by
 * nobody. What a write leaves as it was keeps its owners.
 */
export function withUpdatedOwners(
  before: StoredObject | undefined,
  next: StoredObject,
  writer: FieldWriter,
): StoredObject {
  const [had, has] = [finalizersOf(before), finalizersOf(next)];
  const added = has.filter((finalizer) => !had.includes(finalizer));
  if (added.length === 0 && had.every((finalizer) => has.includes(finalizer))) return next;
  const kept = entriesOf(next).map((entry) =>
    ownerOf(
      entry,
      owned(entry).filter((one) => has.includes(one)),
    ),
  );
  const own = kept.find((entry) => isSameWriter(entry, writer));
  const others = kept.filter((entry) => entry !== own);
  return withEntries(next, [...others, entryOf(next, writer, [...(own ? owned(own) : []), ...added])]);
}

/**
 * Server-side apply of the finalizers: what is wanted is there and owned by the applier; what the applier owned and wants
 * no more goes, unless somebody else owns it too.
 */
export function applyFinalizers(
  stored: StoredObject,
  wanted: readonly string[],
  writer: FieldWriter,
): StoredObject {
  const entries = entriesOf(stored);
  const own = entries.find((entry) => isSameWriter(entry, writer));
  const others = entries.filter((entry) => entry !== own);
  const ofOthers = new Set(others.flatMap(owned));
  const before = own ? owned(own) : [];
  const released = before.filter((one) => !wanted.includes(one) && !ofOthers.has(one));
  const had = finalizersOf(stored).filter((finalizer) => !released.includes(finalizer));
  const finalizers = [...had, ...wanted.filter((finalizer) => !had.includes(finalizer))];
  const isSame = before.length === wanted.length && before.every((one) => wanted.includes(one));
  // An apply that changes nothing writes nothing, not even its time.
  if (isSame && finalizers.length === finalizersOf(stored).length) return stored;
  return withEntries(withFinalizers(stored, finalizers), [...others, entryOf(stored, writer, wanted)]);
}

/** The status with all its fields is one here: whoever writes it is noted, and others keep their entry. */
export function withStatusWriter(next: StoredObject, writer: FieldWriter): StoredObject {
  const others = entriesOf(next).filter((entry) => !(isOfStatus(entry) && entry.manager === writer.manager));
  const entry = {
    ...entryOf(next, writer, []),
    fieldsV1: { 'f:status': {} },
    subresource: 'status',
  } as const;
  return withEntries(next, [...others, entry]);
}

const isOfStatus = ({ subresource }: OwnerEntry): boolean => subresource === 'status';

function withFinalizers(object: StoredObject, finalizers: readonly string[]): StoredObject {
  return withMetadata(object, 'finalizers', finalizers);
}

function withEntries(object: StoredObject, entries: readonly OwnerEntry[]): StoredObject {
  return withMetadata(
    object,
    'managedFields',
    entries.filter((entry) => isOfStatus(entry) || owned(entry).length > 0),
  );
}

/** An empty list and none are one thing. */
function withMetadata(object: StoredObject, field: string, list: readonly unknown[]): StoredObject {
  const metadata: Record<string, unknown> = { ...object.metadata, [field]: list };
  if (list.length === 0) Reflect.deleteProperty(metadata, field);
  return { ...object, metadata: metadata as StoredObject['metadata'] };
}

const finalizersOf = (object: StoredObject | undefined): readonly string[] =>
  object?.metadata.finalizers ?? [];

const entriesOf = (object: StoredObject): readonly OwnerEntry[] =>
  (object.metadata['managedFields'] as OwnerEntry[] | undefined) ?? [];

const isSameWriter = (entry: OwnerEntry, { manager, operation }: FieldWriter): boolean =>
  entry.manager === manager && entry.operation === operation && !isOfStatus(entry);

function owned({ fieldsV1 }: OwnerEntry): string[] {
  const metadata = fieldsV1['f:metadata'];
  const finalizers = isJsonObject(metadata) ? metadata['f:finalizers'] : undefined;
  if (!isJsonObject(finalizers)) return [];
  return Object.keys(finalizers).map((key) => JSON.parse(key.slice('v:'.length)) as string);
}

function entryOf(
  { apiVersion }: StoredObject,
  { manager, operation, time }: FieldWriter,
  finalizers: readonly string[],
): OwnerEntry {
  return { manager, operation, apiVersion, time, fieldsType: 'FieldsV1', fieldsV1: fieldsOf(finalizers) };
}

const ownerOf = (entry: OwnerEntry, finalizers: readonly string[]): OwnerEntry =>
  isOfStatus(entry) ? entry : { ...entry, fieldsV1: fieldsOf(finalizers) };

const fieldsOf = (finalizers: readonly string[]): JsonObject => ({
  'f:metadata': {
    'f:finalizers': Object.fromEntries(finalizers.map((one) => [`v:${JSON.stringify(one)}`, {}])),
  },
});
