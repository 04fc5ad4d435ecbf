import { canonicalJson } from '../domain/json.ts';
import type { AuditPhase, Observation } from '../domain/observation.ts';
import { naturalKey } from '../domain/observation.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import { columnsByName } from '../domain/records/definition.ts';
import type { GoneResource, KubernautKind } from './kind.ts';
import type { ReadingContext, RemediationReference, ResourceReading } from './observed-remediation.ts';
import { remediationOf, siblingMark } from './observed-remediation.ts';
import { NOBODY } from './resource.ts';

/** The record in which a deletion is said: which phase of which table, under which key, with which columns. */
interface DeletionRecord {
  /** The kind of the resource that is gone, which need not be the one that the record is about. */
  readonly kind: string;
  readonly definition: RecordDefinition;
  readonly phase: AuditPhase;
  readonly key: string;
  readonly columns: Observation['columns'];
}

/**
 * That a resource is gone, said of one record. The version is that of the deletion where the watch
 * delivered it, so it is newer than every state; `resource.deletedAt` marks the observation as a deletion.
 */
export function observeDeletion(
  { namespace, name, uid, phase, sourceVersion, createdAt, deletedAt }: GoneResource,
  { cluster, observedAt }: ReadingContext,
  { kind, definition, phase: auditPhase, key, columns }: DeletionRecord,
): Observation {
  return {
    table: definition.table,
    cluster,
    key,
    phase: auditPhase,
    sourceVersion,
    createdAt,
    createdAtSource: 'resource',
    observedAt,
    // Who deleted it nothing says: whoever wrote its last state, or took the last finalizer, need not be the one.
    actor: NOBODY,
    columns,
    resource: { kind, namespace, name, uid, deletedAt, ...(phase === undefined ? {} : { phase }) },
  };
}

type ReadDeletion = NonNullable<KubernautKind['readDeletion']>;
type RecordPhase = Pick<DeletionRecord, 'kind' | 'definition' | 'phase'>;

/** Says of a kind that adds to the record of its remediation that a resource of it is gone, and nothing else. */
export function readDeletionFromRemediation(recordPhase: RecordPhase): ReadDeletion {
  return (gone, context) => {
    const remediation = gone.remediation ?? referenceIn(gone, context);
    if (remediation === undefined) return { unread: 'no-remediation' };
    // No `deleted_at`: in this record that column is when the remediation itself was deleted.
    const columns = { remediation_id: remediation.name, remediation_uid: remediation.uid };
    const record = { ...recordPhase, key: naturalKey(remediation.uid), columns };
    return aboutDeletion(gone, remediation, observeDeletion(gone, context, record));
  };
}

/**
 * Says of a kind with records of its own that the resource is gone: its record says when, in the column `deleted_at` where
 * it has one, else in `extra`. `others` are what is said of it in other records.
 */
export function readDeletionOfRecord(
  recordPhase: RecordPhase,
  others: (gone: GoneResource, remediation: RemediationReference) => readonly RecordPhase[] = () => [],
): ReadDeletion {
  return (gone, context) => {
    const remediation = gone.remediation ?? referenceIn(gone, context);
    if (remediation === undefined) return { unread: 'no-remediation' };
    const observations = [recordPhase, ...others(gone, remediation)].map((one) => {
      const hasColumn = columnsByName(one.definition).has('deleted_at');
      const columns = {
        namespace: gone.namespace,
        source_kind: one.kind,
        source_uid: gone.uid,
        ...(hasColumn
          ? { deleted_at: gone.deletedAt }
          : { extra: canonicalJson({ deleted_at: gone.deletedAt }) }),
      };
      const key = naturalKey(remediation.uid, gone.name);
      return observeDeletion(gone, context, { ...one, key, columns });
    });
    return aboutDeletion(gone, remediation, ...observations);
  };
}

/** Says in the record of a sibling that a resource is gone; `nameOf` names the sibling, `member` where `extra` says it. */
export function readDeletionAtSibling(
  recordPhase: RecordPhase & {
    readonly member: (gone: GoneResource) => string;
    readonly nameOf: (gone: GoneResource, remediation: RemediationReference) => string;
  },
): ReadDeletion {
  return (gone, context) => {
    const remediation = gone.remediation ?? referenceIn(gone, context);
    if (remediation === undefined) return { unread: 'no-remediation' };
    const name = recordPhase.nameOf(gone, remediation);
    const key = naturalKey(remediation.uid, name);
    const columns = { extra: canonicalJson({ [recordPhase.member(gone)]: gone.deletedAt }) };
    const observation = observeDeletion(gone, context, { ...recordPhase, key, columns });
    const sibling = { table: recordPhase.definition.table, namespace: gone.namespace, name };
    const mark = siblingMark(sibling, remediation.uid, context);
    return aboutDeletion(gone, remediation, { ...observation, ...mark });
  };
}

/** The reading around the observations of a deletion. Nothing is read from fields, so no shape is recognised. */
function aboutDeletion(
  gone: GoneResource,
  remediation: RemediationReference,
  ...observations: readonly Observation[]
): ResourceReading {
  return {
    remediation,
    observations,
    summary: gone.name,
    target: undefined,
    shape: 'unknown',
    unrecognised: [],
    misshapen: [],
  };
}

/** From the last state, where the watch delivered one. What was only found to be gone has none. */
function referenceIn(
  { lastState, namespace }: GoneResource,
  context: ReadingContext,
): RemediationReference | undefined {
  return lastState === undefined ? undefined : remediationOf(lastState, namespace, context);
}
