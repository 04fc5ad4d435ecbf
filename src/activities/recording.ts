import type { Quarantine } from '../database/quarantine.ts';
import type { RecordOutcome } from '../database/record-store.ts';
import type { Observation } from '../domain/observation.ts';
import { ACTIVITY_BY_PHASE, AUDIT_PHASES } from '../domain/phases.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { RecordedObservation, RecordingActivities } from './types.ts';

export interface RecordingDependencies {
  /** Stores one observation; activities that run at the same time share a flush. */
  readonly record: (observation: Observation) => Promise<RecordOutcome>;
  readonly quarantine: Quarantine;
  readonly metrics: Metrics;
}

export class RecordingError extends Error {
  // The observation itself is no part of it: Temporal's worker logs an error with all its fields, at every attempt.
  readonly table: string;
  readonly key: string;

  constructor(observation: Observation, cause: unknown) {
    const { namespace = '', remediation_id: remediation = '' } = observation.columns;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const record = `${observation.phase} of ${String(namespace)}/${String(remediation)} (${observation.key})`;
    super(`cannot store ${record}: ${reason}`, { cause });
    this.name = 'RecordingError';
    this.table = observation.table;
    this.key = observation.key;
  }
}

/** Every recording activity stores one observation; whatever may pass by itself is thrown, and Temporal tries again. */
export function createRecordingActivities(dependencies: RecordingDependencies): RecordingActivities {
  const record = async (observation: Observation): Promise<RecordedObservation> => {
    const began = performance.now();
    try {
      const outcome = await dependencies.record(observation);
      // Failing the activity would hold back everything behind a value that no retry can make storable.
      if (outcome.status === 'refused') await setAside(dependencies, observation, outcome);
      else countStored(dependencies.metrics, observation, began);
      return {
        id: outcome.id,
        createdAt: outcome.status === 'stored' ? outcome.createdAt : observation.createdAt,
        status: outcome.status === 'stored' ? 'stored' : 'quarantined',
      };
    } catch (error: unknown) {
      dependencies.metrics.recordingErrors.inc();
      dependencies.metrics.sources.failed(observation.table, 'kubernetes_execution', secondsSince(began));
      // The message is what an operator reads under "pending activities": it says which record waits, and for what.
      throw new RecordingError(observation, error);
    }
  };
  return Object.fromEntries(
    AUDIT_PHASES.map((phase) => [ACTIVITY_BY_PHASE[phase], record]),
  ) as RecordingActivities;
}

/** The sources' metrics count in whichever process stores the record. */
function countStored(metrics: Metrics, observation: Observation, began: number): void {
  metrics.observationsRecorded.inc({ phase: observation.phase });
  metrics.sources.stored(observation, secondsSince(began));
}

const secondsSince = (began: number): number => (performance.now() - began) / 1_000;

async function setAside(
  { quarantine, metrics }: RecordingDependencies,
  observation: Observation,
  refused: RecordOutcome & { status: 'refused' },
): Promise<void> {
  await quarantine.keep(observation, refused);
  metrics.observationsQuarantined.inc({ sqlstate: refused.sqlstate });
}
