import type { KindRegistry } from './kind-registry.ts';
import type { Kind } from './kinds.ts';
import type { Subresource } from './object-rules.ts';

/** What a path below /api/v1 or /apis names: a whole kind, one namespace of it, an object, or its status. */
export interface ResourcePath {
  kind: Kind;
  namespace?: string | undefined;
  name?: string | undefined;
  subresource?: Subresource;
}

/** Reads a path of resources; undefined when nothing is served there. */
export function parseResourcePath(
  segments: readonly string[],
  registry: KindRegistry,
): ResourcePath | undefined {
  const [root, ...rest] = segments;
  if (root === 'api') return inVersion('', rest, registry);
  if (root === 'apis' && rest[0] !== undefined) return inVersion(rest[0], rest.slice(1), registry);
  return undefined;
}

function inVersion(
  group: string,
  segments: readonly string[],
  registry: KindRegistry,
): ResourcePath | undefined {
  const [version, first, namespace, plural, ...below] = segments;
  if (version === undefined || first === undefined) return undefined;
  const isNamespaced =
    first === 'namespaces' && plural !== undefined && !(group === '' && plural === 'status');
  if (!isNamespaced) return inKind(registry.find(group, version, first), segments.slice(2));
  const kind = registry.find(group, version, plural);
  if (!kind?.namespaced || namespace === undefined) return undefined;
  return inKind(kind, below, namespace);
}

function inKind(
  kind: Kind | undefined,
  segments: readonly string[],
  namespace?: string,
): ResourcePath | undefined {
  const [name, subresource, ...tooMuch] = segments;
  if (!kind || tooMuch.length > 0) return undefined;
  // Objects of a namespaced kind are addressed in their namespace only.
  if (name !== undefined && kind.namespaced && namespace === undefined) return undefined;
  if (subresource === undefined) return { kind, namespace, name };
  return subresource === 'status' && kind.statusSubresource
    ? { kind, namespace, name, subresource }
    : undefined;
}
