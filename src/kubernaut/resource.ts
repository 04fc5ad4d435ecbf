import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject, numberLexeme } from '../domain/json.ts';

/** What every custom resource has, as far as it could be read. */
export interface ResourceIdentity {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
}

/** The member at a dotted path; undefined when any part of it is missing. Resources of every shape pass through here. */
export function at(root: JsonValue | undefined, path: string): JsonValue | undefined {
  let current: JsonValue | undefined = root;
  for (const step of stepsOf(path)) {
    if (!isJsonObject(current) || !Object.hasOwn(current, step)) return undefined;
    current = current[step];
  }
  // null means absent in Go.
  return current ?? undefined;
}

/** The paths of all sources are a few hundred; a path that is made up for one resource must not stay for ever. */
const MOST_PATHS = 2_000;
const stepsByPath = new Map<string, readonly string[]>();

function stepsOf(path: string): readonly string[] {
  const known = stepsByPath.get(path);
  if (known !== undefined) return known;
  const steps = path.split('.');
  if (stepsByPath.size < MOST_PATHS) stepsByPath.set(path, steps);
  return steps;
}

/** Non-empty text at the first path that has some: `""` means absent in Go. */
export function textAt(root: JsonValue | undefined, ...paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const value = at(root, path);
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

/** Decimal text of a number at the first path that has one; 0 is a value. */
export function numberAt(root: JsonValue | undefined, ...paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const lexeme = numberLexeme(at(root, path));
    if (lexeme !== undefined) return lexeme;
  }
  return undefined;
}

/** The phase of a resource of any kind. An approval request has none; what was decided is as much. */
export function ownPhaseOf(resource: JsonObject): string | undefined {
  return textAt(resource, 'status.overallPhase', 'status.phase', 'status.decision');
}

/** Undefined when the object lacks what it takes to identify it: such a thing cannot be recorded. */
export function identityOf(resource: JsonObject): ResourceIdentity | undefined {
  const [name, uid] = [textAt(resource, 'metadata.name'), textAt(resource, 'metadata.uid')];
  const resourceVersion = textAt(resource, 'metadata.resourceVersion');
  const creationTimestamp = textAt(resource, 'metadata.creationTimestamp');
  if (name === undefined || uid === undefined) return undefined;
  if (resourceVersion === undefined || creationTimestamp === undefined) return undefined;
  return {
    kind: textAt(resource, 'kind') ?? '',
    namespace: textAt(resource, 'metadata.namespace') ?? '',
    name,
    uid,
    resourceVersion,
    creationTimestamp,
  };
}
