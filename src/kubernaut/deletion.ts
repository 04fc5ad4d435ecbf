import type { Observation } from '../domain/observation.ts';
import { naturalKey } from '../domain/observation.ts';
import type { AuditPhase } from '../domain/phases.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import type { GoneResource, KubernautKind } from './kinds.ts';
import type { ReadingContext, RemediationReference } from './observed-remediation.ts';
import { remediationOf } from './observed-remediation.ts';

export interface DeletionRecord {
  readonly kind: string;
  readonly definition: RecordDefinition;
  readonly phase: AuditPhase;
  readonly key: string;
  readonly columns: Observation['columns'];
}

/** That a resource is gone, said of one record. */
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
    actor: 'watcher',
    columns,
    resource: { kind, namespace, name, uid, deletedAt, ...(phase === undefined ? {} : { phase }) },
  };
}

/** Says of a kind that adds to the record of its remediation that a resource of it is gone, and nothing else. */
export function readDeletionFromHub(
  place: Pick<DeletionRecord, 'kind' | 'definition' | 'phase'>,
): NonNullable<KubernautKind['readDeletion']> {
  return (gone, context) => {
    const remediation = gone.remediation ?? referenceIn(gone);
    if (remediation === undefined) return { unread: 'no-remediation' };
    const columns = { remediation_id: remediation.name, remediation_uid: remediation.uid };
    const observation = observeDeletion(gone, context, {
      ...place,
      key: naturalKey(remediation.uid),
      columns,
    });
    return {
      remediation,
      observations: [observation],
      summary: gone.name,
      target: undefined,
      shape: 'unknown',
      unrecognised: [],
      misshapen: [],
    };
  };
}

function referenceIn({ lastState, namespace }: GoneResource): RemediationReference | undefined {
  return lastState === undefined ? undefined : remediationOf(lastState, namespace);
}
