import { reasonOf } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import { textAt } from '../../kubernaut/resource.ts';
import { Backoff } from '../pacing.ts';
import type { ProbeOptions } from '../stream/api-request.ts';
import { probe } from '../stream/api-request.ts';
import { HTTP, KubernetesApiError } from '../stream/failure.ts';
import { listPages } from '../stream/list.ts';
import type { Collection } from '../watched-kind.ts';
import type { FinalizerTarget } from './finalizer-writer.ts';
import { releaseFinalizer } from './finalizer-writer.ts';
import { carriesFinalizer } from './finalizer.ts';

/** Something that was not done, by name, with why. */
export interface NotStripped {
  readonly what: string;
  readonly reason: string;
}

export interface Stripping {
  readonly stripped: readonly FinalizerTarget[];
  readonly left: readonly NotStripped[];
}

const PAGE_SIZE = 500;
const WRITES_AT_A_TIME = 8;
const ATTEMPTS = 5;
const BACKOFF = { firstMs: 200, longestMs: 3_000, random: Math.random };

/** Takes our finalizer off everything in these collections that carries it. */
export async function stripAll(
  collections: readonly Collection[],
  options: ProbeOptions,
): Promise<Stripping> {
  const stripped: FinalizerTarget[] = [];
  const left: NotStripped[] = [];
  for (const collection of collections) {
    try {
      const held = await listHeld(collection, options);
      const result = await stripEach(held, options);
      for (const one of result.stripped) stripped.push(one);
      for (const one of result.left) left.push(one);
    } catch (error: unknown) {
      // A kind that is not installed has no resources.
      if (isNotServed(error)) continue;
      left.push({ what: `all of ${collection.path}`, reason: reasonOf(error) });
    }
  }
  return { stripped, left };
}

/** What of one name carries our finalizer, in any of these collections; undefined when nothing has that name. */
export async function findHeld(
  collections: readonly Collection[],
  resource: { readonly namespace: string; readonly name: string },
  options: ProbeOptions,
): Promise<readonly FinalizerTarget[] | undefined> {
  let isFound = false;
  const held: FinalizerTarget[] = [];
  for (const collection of collections) {
    const answer = await probe(collection, resource, options);
    if (answer === 'missing' || answer === 'not-served') continue;
    if ('unclear' in answer) throw answer.unclear;
    isFound = true;
    if (carriesFinalizer(answer.object)) held.push(targetOf(collection, answer.object));
  }
  return isFound ? held : undefined;
}

export async function stripEach(
  targets: readonly FinalizerTarget[],
  options: ProbeOptions,
): Promise<Stripping> {
  const queue = [...targets];
  const stripped: FinalizerTarget[] = [];
  const left: NotStripped[] = [];
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const reason = await strip(next, options);
      if (reason === undefined) stripped.push(next);
      else left.push({ what: describeTarget(next), reason });
    }
  };
  await Promise.all(Array.from({ length: WRITES_AT_A_TIME }, work));
  return { stripped, left };
}

export function describeTarget({ collection, namespace, name }: FinalizerTarget): string {
  return `${collection.kind} ${namespace}/${name}`;
}

/** Undefined when it is done, else why not. */
async function strip(target: FinalizerTarget, options: ProbeOptions): Promise<string | undefined> {
  const backoff = new Backoff(BACKOFF);
  let reason = 'it still carries the finalizer';
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    try {
      if (!(await releaseFinalizer(target, options)).isHeld) return undefined;
    } catch (error: unknown) {
      reason = reasonOf(error);
      // Whatever was refused: what is gone, or free by now, needs nothing any more.
      if (await isFree(target, options)) return undefined;
      if (error instanceof KubernetesApiError && error.status === HTTP.forbidden) return reason;
    }
    if (attempt < ATTEMPTS) await backoff.pause(undefined, options.signal);
  }
  return reason;
}

async function isFree(target: FinalizerTarget, options: ProbeOptions): Promise<boolean> {
  const answer = await probe(target.collection, target, options);
  if (answer === 'missing') return true;
  if (answer === 'not-served' || 'unclear' in answer) return false;
  return textAt(answer.object, 'metadata.uid') !== target.uid || !carriesFinalizer(answer.object);
}

async function listHeld(collection: Collection, options: ProbeOptions): Promise<readonly FinalizerTarget[]> {
  const held: FinalizerTarget[] = [];
  const pages = listPages({ ...options, path: collection.path, pageSize: PAGE_SIZE });
  for await (const { items } of pages) {
    for (const item of items) if (carriesFinalizer(item)) held.push(targetOf(collection, item));
  }
  return held;
}

function targetOf(collection: Collection, object: JsonObject): FinalizerTarget {
  const text = (path: string): string => textAt(object, path) ?? '';
  return {
    collection,
    namespace: text('metadata.namespace'),
    name: text('metadata.name'),
    uid: text('metadata.uid'),
  };
}

function isNotServed(error: unknown): boolean {
  return error instanceof KubernetesApiError && error.status === HTTP.notFound;
}
