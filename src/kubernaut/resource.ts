import { formatInterval, intervalBetween, parseDuration } from '../domain/duration.ts';
import { parseInstant } from '../domain/instant.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject, numberLexeme } from '../domain/json.ts';
import { MAX_IDENTIFIER_LENGTH } from '../domain/limits.ts';

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

/**
 * The members that are there, by name, from the first of their paths that has a value. 0 and false are values, `""` is
 * absent as everywhere in Go.
 */
export function pickMembers(
  from: JsonValue,
  members: Readonly<Record<string, string | readonly string[]>>,
): JsonObject {
  const picked: JsonObject = {};
  for (const [name, paths] of Object.entries(members)) {
    for (const path of [paths].flat()) {
      const value = at(from, path);
      if (value === undefined || value === '') continue;
      picked[name] = value;
      break;
    }
  }
  return picked;
}

/** The condition of a type in the status; each type stands there once. */
export function conditionAt(resource: JsonObject, type: string): JsonObject | undefined {
  const conditions = at(resource, 'status.conditions');
  if (!Array.isArray(conditions)) return undefined;
  return conditions.filter(isJsonObject).find((condition) => condition['type'] === type);
}

/**
 * The name of a workflow in the catalogue. Remediations show it with the type of the action in front, `ScaleOut:scale-out-v1`;
 * the executions of G3 name it alone. A column has one meaning in all generations.
 */
export function workflowNameOf(shown: JsonValue | undefined): string | undefined {
  if (typeof shown !== 'string') return undefined;
  const name = shown.replace(/^[A-Za-z0-9]+:/, '');
  return name === '' ? shown : name;
}

/** For documentation. */
export const HOW_NAMED =
  'the name in the catalogue, without the type of the action that is shown in front of it';

/** What the sources read before anything else as correlation id. */
const CORRELATION_LABEL = 'kubernaut.ai/correlation-id';

/** By the label, else `found`: the name of the remediation, which is kubernaut's own correlation id. */
export function correlationOf(found: JsonValue | undefined, resource: JsonObject): string | undefined {
  const labels = at(resource, 'metadata.labels');
  const label = isJsonObject(labels) ? labels[CORRELATION_LABEL] : undefined;
  if (typeof label === 'string' && label !== '') return label;
  return typeof found === 'string' ? found : undefined;
}

/** For documentation. */
export const HOW_CORRELATED = `the label \`${CORRELATION_LABEL}\` where there is one; kubernaut never sets it: its own correlation id is the name of the remediation`;

/** The phase of a resource of any kind. An approval request has none; what was decided is as much. */
export function ownPhaseOf(resource: JsonObject): string | undefined {
  return textAt(resource, 'status.overallPhase', 'status.phase', 'status.decision');
}

/**
 * Who wrote the newest state, as the API server notes it: the manager that the watcher leaves of `managedFields`. `watcher` where
 * it notes nobody. A client may give any name, so it is what somebody claims.
 */
export function writerOf(resource: JsonObject): string {
  const entries = at(resource, 'metadata.managedFields');
  const manager = Array.isArray(entries) ? textAt(entries[0], 'manager') : undefined;
  return manager?.slice(0, MAX_IDENTIFIER_LENGTH) ?? NOBODY;
}

/** Only the watcher has seen it, and nothing says who did it. */
export const NOBODY = 'watcher';

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

/** What is acted upon. A cluster-scoped target, such as a node, has no namespace. The kind keeps its case. */
export interface Target {
  readonly namespace?: string;
  readonly kind: string;
  readonly name: string;
}

/** Splits `namespace/Kind/name` or `Kind/name`; undefined for any other text. */
export function splitTarget(text: JsonValue | undefined): Target | undefined {
  if (typeof text !== 'string') return undefined;
  const parts = text.split('/');
  if (parts.some((part) => part === '')) return undefined;
  const [first = '', second = '', third] = parts;
  if (parts.length === 2) return { kind: first, name: second };
  return parts.length === 3 && third !== undefined
    ? { namespace: first, kind: second, name: third }
    : undefined;
}

/** A reference by kind, name and perhaps namespace in the form in which targets are written as text. */
export function targetTextAt(root: JsonValue | undefined, path: string): string | undefined {
  const [kind, name] = [textAt(root, `${path}.kind`), textAt(root, `${path}.name`)];
  if (kind === undefined || name === undefined) return undefined;
  const namespace = textAt(root, `${path}.namespace`);
  return namespace === undefined ? `${kind}/${name}` : `${namespace}/${kind}/${name}`;
}

/**
 * From start to end where both are named, else the duration that the resource names, in the text of an
 * interval. Named durations are Go text or ISO 8601; undefined for any other text.
 */
export function durationOf(
  named: JsonValue | undefined,
  root: JsonValue | undefined,
  [startPath, endPath]: readonly [string, string],
): string | undefined {
  const [start, end] = [startPath, endPath].map((path) => parseInstant(textAt(root, path) ?? ''));
  if (start !== undefined && end !== undefined) return intervalBetween(start, end);
  const nanoseconds = typeof named === 'string' ? parseDuration(named) : undefined;
  return nanoseconds === undefined ? undefined : formatInterval(nanoseconds);
}

/** Of a WorkflowExecution. */
export function executionDuration(named: JsonValue | undefined, resource: JsonObject): string | undefined {
  return durationOf(named, resource, ['status.startTime', 'status.completionTime']);
}

/**
 * Generations of kubernaut's resources, newest first. G2 and G3 share group and version, so an object is recognised by its
 * shape. The shape is a fact of the row (`source_shape`) and gates nothing: fields are read through all generations.
 */
export const SHAPES = ['G3', 'G2', 'G1', 'G0', 'G0a'] as const;
export type KnownShape = (typeof SHAPES)[number];
/** `unknown`: nothing decides yet, as in a fresh object without a status. A later version of it may. */
export type Shape = KnownShape | 'unknown';

/** Which paths identify a generation, newest first: the first shape one of whose paths is there is the shape of the object. */
export type ShapeMarks = readonly (readonly [shape: KnownShape, ...paths: string[]])[];

/** The first generation of which a mark is there. A mark counts by its presence, also when its value is empty. */
export function shapeOf(resource: JsonObject, marks: ShapeMarks): Shape {
  for (const [shape, ...paths] of marks) {
    if (paths.some((path) => at(resource, path) !== undefined)) return shape;
  }
  return 'unknown';
}

/** The group of an `apiVersion`; some generations differ in nothing else before they have a status. */
export function groupOf(resource: JsonObject): string {
  return (textAt(resource, 'apiVersion') ?? '').split('/')[0] ?? '';
}
