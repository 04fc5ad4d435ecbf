import type { JsonObject } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { textAt } from '../kubernaut/resource.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import { HTTP, KubernetesApiError } from './api-error.ts';
import { getJson } from './json-request.ts';
import type { Collection } from './watched-kind.ts';
import { objectPath } from './watched-kind.ts';

/** `not-served` says nothing of the object: nothing answers at its path, for now or for good. */
type Look = { readonly object: JsonObject } | 'missing' | 'not-served' | { readonly unclear: unknown };

export interface LookOptions {
  readonly connection: ClusterConnection;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks for one object by its name. Without a version this always goes to etcd, whereas lists and watches are served from
 * a cache that has been known to lose events.
 */
export async function lookAt(
  collection: Collection,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  options: LookOptions,
): Promise<Look> {
  const path = objectPath(collection, namespace, name);
  try {
    const { body } = await getJson({ ...options, path, operation: `get ${path}` });
    if (isJsonObject(body) && textAt(body, 'metadata.uid') !== undefined) return { object: body };
    return { unclear: new TypeError(`get ${path}: the answer is no object with a uid`) };
  } catch (error: unknown) {
    if (!(error instanceof KubernetesApiError) || error.status !== HTTP.notFound) return { unclear: error };
    return error.isObjectMissing ? 'missing' : 'not-served';
  }
}
