import { parseInstant } from '../domain/instant.ts';
import type { JsonObject } from '../domain/json.ts';
import { canonicalJson } from '../domain/json.ts';
import type { AuditPhase, Observation } from '../domain/observation.ts';
import { naturalKey } from '../domain/observation.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import type { ColumnReader, Sources } from './column-source.ts';
import { allPaths, createColumnReader } from './column-source.ts';
import type { ReadingContext, RemediationReference, Unread } from './observed-remediation.ts';
import { siblingMark, sourceVersion } from './observed-remediation.ts';
import type { ResourceIdentity, Shape } from './resource.ts';
import { at, identityOf, ownPhaseOf, writerOf } from './resource.ts';
import type { Understood } from './unrecognised.ts';
import { understood, unrecognisedOf } from './unrecognised.ts';

/**
 * What one phase of the audit takes from one kind of resource: the table, the phase, and the source of each
 * column. A kind may fill several phases, and several kinds may fill one.
 */
export interface PhaseSources<D extends RecordDefinition = RecordDefinition> extends Sources<D> {
  readonly definition: D;
  readonly phase: AuditPhase;
  /** Made of the sources by `definePhase`, once. */
  readonly readColumns: ColumnReader;
}

/** Ties columns to the definition of their table, so that the compiler knows their names. */
export function definePhase<const D extends RecordDefinition>(
  sources: Omit<PhaseSources<D>, 'readColumns'>,
): PhaseSources<D> {
  return { ...sources, readColumns: createColumnReader(sources.definition, sources) };
}

/** A resource on its way through its adapter: everything about it that does not depend on a phase. */
export interface Subject {
  readonly resource: JsonObject;
  readonly identity: ResourceIdentity;
  /** Its version with the epoch of its cluster in front, as decimal text (`sourceVersion`). */
  readonly version: string;
  /** By the API server, in the form of all instants here; it decides the month of the record. */
  readonly createdAt: string;
  readonly shape: Shape;
  readonly remediation: RemediationReference;
  readonly context: ReadingContext;
}

interface SubjectParts {
  readonly shape: Shape;
  /** Undefined when the resource belongs to no known remediation. */
  readonly remediation: RemediationReference | undefined;
  readonly context: ReadingContext;
}

/**
 * Checks what every resource must have: an identity, a version that orders its states, and a remediation. Out: the
 * subject, or the reason why the resource cannot be read.
 */
export function subjectOf(
  resource: JsonObject,
  { shape, remediation, context }: SubjectParts,
): Subject | Unread {
  const identity = identityOf(resource);
  const createdAt = identity && parseInstant(identity.creationTimestamp);
  if (identity === undefined || createdAt === undefined) return { unread: 'no-identity' };
  const version = sourceVersion(context, identity.resourceVersion);
  if (version === undefined) return { unread: 'unreadable-version' };
  if (remediation === undefined) return { unread: 'no-remediation' };
  return { resource, identity, version, createdAt, shape, remediation, context };
}

export interface PhaseRead {
  readonly observation: Observation;
  /** Whether the resource says anything of this phase beyond where it comes from. */
  readonly saysSomething: boolean;
  /** Empty unless `known` was given: see `RecordAddress`. */
  readonly unrecognised: readonly string[];
  readonly misshapen: readonly string[];
}

/** Which record the observation is about, where it is not simply the resource's own. */
interface RecordAddress {
  /** Default: the key by remediation and name that a record of this resource has. */
  readonly key?: string;
  /** Whether the record is this resource's own and says so in `source_*`. Default true. */
  readonly own?: boolean;
  /** What is understood of the kind: all else is kept under `extra`. Given for the first record of the resource only. */
  readonly known?: Understood;
  /** Members of `extra` that are put together from several fields. */
  readonly extra?: JsonObject;
}

/**
 * Reads one phase of a resource into an observation. What comes in: the sources, the resource, and where
 * the record differs from the usual, its address. It always returns an observation, also an empty one:
 * whether that is worth recording the caller decides by `saysSomething`.
 */
export function readPhase(
  sources: PhaseSources,
  subject: Subject,
  { key, own = true, known, extra: composed = {} }: RecordAddress = {},
): PhaseRead {
  const { resource, identity, remediation } = subject;
  const { columns, extra: read, misshapen, respelled } = sources.readColumns(resource);
  const extra = { ...read, ...composed };
  const unrecognised = known === undefined ? {} : unrecognisedOf(resource, known);
  // Of two kinds under one name, the one that is recorded last would replace the other.
  const prefix = own ? '' : `${snakeCase(identity.kind)}_`;
  const more = { unrecognised, misshapen: valuesAt(resource, misshapen), as_written: respelled };
  const kept: JsonObject = { ...extra, ...filledUnder(prefix, more) };
  return {
    observation: {
      ...commonOf(subject, sources),
      key: key ?? naturalKey(remediation.uid, identity.name),
      columns: {
        remediation_id: remediation.name,
        remediation_uid: remediation.uid,
        ...(own ? aboutSource(subject) : {}),
        ...columns,
        ...(Object.keys(kept).length === 0 ? {} : { extra: canonicalJson(kept) }),
      },
    },
    saysSomething: Object.keys(columns).length > 0 || Object.keys(extra).length > 0,
    unrecognised: Object.keys(unrecognised),
    misshapen,
  };
}

const snakeCase = (kind: string): string => kind.replace(/\B[A-Z]/g, '_$&').toLowerCase();

/** The members that have any content, under their names with a prefix. */
function filledUnder(prefix: string, members: Readonly<Record<string, JsonObject>>): JsonObject {
  const filled = Object.entries(members).filter(([, member]) => Object.keys(member).length > 0);
  return Object.fromEntries(filled.map(([name, member]) => [`${prefix}${name}`, member]));
}

/** Values that no column could take, by path: what cannot be read is kept as it is. */
function valuesAt(resource: JsonObject, paths: readonly string[]): JsonObject {
  return Object.fromEntries(paths.map((path) => [path, at(resource, path) ?? null]));
}

/**
 * What a resource knows of a sibling's record, addressed by the sibling's name and marked to wait for it
 * (`siblingMark`). Undefined when it knows nothing, or not the name. It has no `source_*`: those columns
 * are the sibling's own.
 */
export function fragmentFor(
  sibling: {
    readonly definition: RecordDefinition;
    readonly phase: AuditPhase;
    readonly name: string | undefined;
  },
  columns: Observation['columns'],
  subject: Subject,
): Observation | undefined {
  if (sibling.name === undefined || Object.keys(columns).length === 0) return undefined;
  const { remediation, context, identity } = subject;
  const named = { table: sibling.definition.table, namespace: identity.namespace, name: sibling.name };
  return {
    ...commonOf(subject, sibling),
    key: naturalKey(remediation.uid, sibling.name),
    columns: { remediation_id: remediation.name, remediation_uid: remediation.uid, ...columns },
    ...siblingMark(named, remediation.uid, context),
  };
}

function commonOf(
  { resource, context, version, createdAt, identity }: Subject,
  { definition, phase }: { readonly definition: RecordDefinition; readonly phase: AuditPhase },
): Omit<Observation, 'key' | 'columns'> {
  const ownPhase = ownPhaseOf(resource);
  return {
    table: definition.table,
    cluster: context.cluster,
    phase,
    sourceVersion: version,
    createdAt,
    createdAtSource: 'resource',
    observedAt: context.observedAt,
    actor: writerOf(resource),
    resource: {
      kind: identity.kind,
      namespace: identity.namespace,
      name: identity.name,
      uid: identity.uid,
      ...(ownPhase === undefined ? {} : { phase: ownPhase }),
    },
  };
}

/**
 * The columns that name the resource of a record. Only the resource that the record is about may fill them.
 */
function aboutSource({ identity, shape }: Subject): Observation['columns'] {
  return {
    namespace: identity.namespace,
    source_kind: identity.kind,
    source_uid: identity.uid,
    // A fresh object may look like every generation: nothing is said until its shape decides.
    ...(shape === 'unknown' ? {} : { source_shape: shape }),
  };
}

/**
 * All that the phases of a kind read, with what is known and left out on purpose. A path stands for everything below it, but
 * for those in `byMember`: of them only what is read is understood.
 */
export function understoodBy(
  phases: readonly PhaseSources[],
  others: Iterable<string>,
  byMember: readonly string[] = [],
): Understood {
  const paths = phases.flatMap(({ columns, extra }) => [
    ...Object.values(columns).flatMap((source) => (source === undefined ? [] : allPaths(source.paths))),
    ...Object.values(extra ?? {}).flatMap(allPaths),
  ]);
  return understood([...paths.filter((path) => !byMember.includes(path)), ...others]);
}
