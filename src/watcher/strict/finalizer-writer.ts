import type { JsonObject } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { textAt } from '../../kubernaut/resource.ts';
import type { ObjectPatch } from '../../kubernetes/cluster-connection.ts';
import { parseApiJson } from '../stream/api-json.ts';
import type { ProbeOptions } from '../stream/api-request.ts';
import { readAnswer } from '../stream/api-request.ts';
import type { Collection } from '../watched-kind.ts';
import { objectPath } from '../watched-kind.ts';
import { carriesFinalizer, FIELD_MANAGER, FINALIZER, finalizersOf } from './finalizer.ts';

/** One object, by its uid too: a name may belong to another one by now. */
export interface FinalizerTarget {
  readonly collection: Collection;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What the API server says of the finalizer after a write. */
interface FinalizerAnswer {
  readonly isHeld: boolean;
  readonly version: bigint;
}

/** Puts our finalizer on an object. A deleted one takes none (422), one that is gone neither (409). */
export async function addFinalizer(target: FinalizerTarget, options: ProbeOptions): Promise<FinalizerAnswer> {
  return answerOf(await applyFinalizers(target, [FINALIZER], options));
}

/** Takes our finalizer off an object: by applying none, since what we own goes with that and nothing else does. */
export async function releaseFinalizer(
  target: FinalizerTarget,
  options: ProbeOptions,
): Promise<FinalizerAnswer> {
  const released = await applyFinalizers(target, [], options);
  if (!carriesFinalizer(released)) return answerOf(released);
  // Somebody else owns it too, as after a restore from a backup. Bound to this version, so that no finalizer is lost.
  const finalizers = finalizersOf(released).filter((one) => one !== FINALIZER);
  const resourceVersion = textAt(released, 'metadata.resourceVersion') ?? '';
  const metadata = { uid: target.uid, resourceVersion, finalizers };
  return answerOf(await patchObject(target, mergePatch({ metadata }), options));
}

function applyFinalizers(
  target: FinalizerTarget,
  finalizers: readonly string[],
  options: ProbeOptions,
): Promise<JsonObject> {
  const { collection, namespace, name, uid } = target;
  const { apiVersion, kind } = collection;
  // Without the uid an apply would create what is gone.
  const metadata = { name, namespace, uid, ...(finalizers.length === 0 ? {} : { finalizers }) };
  const body = JSON.stringify({ apiVersion, kind, metadata });
  return patchObject(target, { type: 'application/apply-patch+yaml', body }, options);
}

function mergePatch(patch: object): ObjectPatch {
  return { type: 'application/merge-patch+json', body: JSON.stringify(patch) };
}

async function patchObject(
  { collection, namespace, name }: FinalizerTarget,
  patch: ObjectPatch,
  { connection, deadlineMs, signal }: ProbeOptions,
): Promise<JsonObject> {
  const path = objectPath(collection, namespace, name);
  const operation = `patch ${path}`;
  const bytes = await readAnswer({ operation, deadlineMs, signal }, (either) =>
    connection.patch(`${path}?fieldManager=${FIELD_MANAGER}`, patch, either),
  );
  const body = parseApiJson(bytes);
  if (isJsonObject(body)) return body;
  throw new TypeError(`${operation}: the answer is not an object`);
}

function answerOf(object: JsonObject): FinalizerAnswer {
  const version = textAt(object, 'metadata.resourceVersion') ?? '';
  return { isHeld: carriesFinalizer(object), version: /^\d+$/.test(version) ? BigInt(version) : -1n };
}
