import { isJsonObject, parseJson } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { isPosted, naturalKey } from '../domain/observation.ts';
import type { Columns } from '../domain/records/definition.ts';
import { recordId } from './identities.ts';

/*
 * What the sources themselves call a record by. A post has no other identity where it brings no id; a resource has one of its own,
 * and is recognised by what both say: the source's own key, and when the execution started. record_alias keeps which record that
 * is, for whoever comes second.
 */

/** How executions of one table are known to their source. */
interface OwnKey {
  /** What was executed. One thing may be executed several times. */
  readonly parts: (columns: Columns) => readonly string[];
  /** When that execution started, which does not change between its start and its end; undefined where it is not said. */
  readonly start: (columns: Columns) => string | undefined;
  /** A resource is created once, so its creation stands for the start of what has not started. */
  readonly isCreationAStart?: true;
  /** Whether the newest one of a key may be called by the key alone. */
  readonly isCalledByKey?: true;
}

/** By table. A rule decides the ids of records that are stored already: changing one makes a second record of the next post. */
const OWN_KEYS: Readonly<Record<string, OwnKey>> = {
  workflow_execution_audit: {
    parts: (columns) => [
      text(columns, 'remediation_id'),
      text(columns, 'workflow_id') || text(columns, 'workflow_name'),
    ],
    start: (columns) => optional(columns, 'started_at'),
  },
  kubernetes_execution_audit: {
    // Go's zero value of a step, which a resource leaves out.
    parts: (columns) => [
      text(columns, 'workflow_ref'),
      text(columns, 'step_index') || '0',
      text(columns, 'execution_id'),
    ],
    start: (columns) => optional(columns, 'start_time'),
    isCreationAStart: true,
  },
  signal_processing_audit: {
    parts: (columns) => [text(columns, 'remediation_id'), text(columns, 'signal_fingerprint')],
    start: (columns) => firstStart(columns, 'processing_phases'),
  },
  ai_analysis_audit: {
    parts: (columns) => [text(columns, 'crd_namespace'), text(columns, 'crd_name')],
    start: (columns) => optional(columns, 'investigation_start'),
    // A completion says the name alone: it is about the newest analysis of that name.
    isCalledByKey: true,
  },
};

/** The source's own key of a post, with the start of the execution; undefined where the post does not say when. */
export function keyOfStart(table: string, columns: Columns, createdAt?: string): string | undefined {
  const own = OWN_KEYS[table];
  const start = own && (own.start(columns) ?? (own.isCreationAStart === true ? createdAt : undefined));
  return own === undefined || start === undefined ? undefined : keyOf(own, columns, start);
}

/** The source's own key alone, for a post that says nothing else; `isEnough` where that names a record. */
export function ownKeyOf(
  table: string,
  columns: Columns,
): { readonly parts: readonly string[]; readonly isEnough: boolean } {
  const own = OWN_KEYS[table];
  return { parts: own?.parts(columns) ?? [], isEnough: own?.isCalledByKey === true };
}

/** The parts of a posted key begin with `post`, so that none equals a key of the watcher. */
function keyOf(own: OwnKey, columns: Columns, ...more: readonly string[]): string {
  return naturalKey('post', ...own.parts(columns), ...more);
}

/** Whether it is about a resource by the key of the watcher: what the watcher says, and posts that name the same. */
export function hasKeyOfResource(observation: Observation): boolean {
  return !isPosted(observation) || !observation.key.startsWith(POSTED_KEY);
}

/** With what the keys begin that no resource has. */
const POSTED_KEY = `${naturalKey('post')}/`;

/** Ids under which a record is found besides its own. */
export interface Aliases {
  /** Of its own key and start. */
  readonly started: string | undefined;
  /** Of its own key alone, which the newest of several records has. */
  readonly named: string | undefined;
  /** With which it was posted, where that is not its identity. */
  readonly client: string | undefined;
  /** How new it is: its start, or where it lives. */
  readonly since: string;
}

/**
 * Undefined for what has no other name than its own; so is what a resource says of the record of another. `ownId` is that of the
 * observation's key, which is often one of them.
 */
export function aliasesOf(observation: Observation, ownId: string): Aliases | undefined {
  const { table, cluster, columns, createdAt, fragment } = observation;
  const own = OWN_KEYS[table];
  if (own === undefined || fragment === true) return undefined;
  const idOf = (key: string | undefined): string | undefined => {
    if (key === undefined) return undefined;
    return key === observation.key ? ownId : recordId(table, cluster, key);
  };
  const started = idOf(startedKeyOf(own, observation));
  const named = idOf(own.isCalledByKey === true ? keyOf(own, columns) : undefined);
  const client = otherIdOf(observation);
  if (started === undefined && named === undefined && client === undefined) return undefined;
  return { started, named, client, since: own.start(columns) ?? createdAt };
}

/** A post with an id is known by that alone, whatever else it says; of a resource everything is worth knowing. */
function startedKeyOf(own: OwnKey, observation: Observation): string | undefined {
  const { table, columns, createdAt, key } = observation;
  if (own.parts(columns).includes('')) return undefined;
  const started = keyOfStart(table, columns, createdAt);
  return isPosted(observation) && started !== key ? undefined : started;
}

/** The id that a post came with, unless it is its identity. */
function otherIdOf(observation: Observation): string | undefined {
  const { extra } = observation.columns;
  if (!isPosted(observation) || typeof extra !== 'string' || !extra.includes('"client_id"')) return undefined;
  // As the intake keeps it.
  const kept = parseJson(extra);
  const id = isJsonObject(kept) ? kept['client_id'] : undefined;
  return typeof id === 'string' && observation.key !== keyOfClientId(id) ? id : undefined;
}

/** Key of a record that was posted with an `id` as its identity, for finding it by that id. Any case gives the same key. */
export function keyOfClientId(id: string): string {
  return naturalKey('post', 'id', id.toLowerCase());
}

function optional(columns: Columns, name: string): string | undefined {
  const value = columns[name];
  return typeof value === 'string' ? value : undefined;
}

/** For keys: what is absent is the empty text, so that each part keeps its place. */
function text(columns: Columns, name: string): string {
  return optional(columns, name) ?? '';
}

/** Start of the first element of a JSON column that has one. */
function firstStart(columns: Columns, name: string): string | undefined {
  const value = columns[name];
  const items = typeof value === 'string' ? parseJson(value) : null;
  const [first] = Array.isArray(items) ? items : [];
  const start = isJsonObject(first) ? first['start_time'] : undefined;
  return typeof start === 'string' ? start : undefined;
}
