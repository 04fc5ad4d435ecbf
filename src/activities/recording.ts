import type { RecordStore } from '../database/record-store.ts';
import type { Observation } from '../domain/observation.ts';
import { ACTIVITY_BY_PHASE, AUDIT_PHASES } from '../domain/phases.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { RecordedObservation, RecordingActivities } from './types.ts';

/** Phases after which a WorkflowExecution does not go on, in any generation. */
const TERMINAL_EXECUTION_PHASES: ReadonlySet<unknown> = new Set(['Completed', 'Failed', 'Skipped']);

export class RecordingError extends Error {
  readonly observation: Observation;

  constructor(observation: Observation, cause: unknown) {
    const { namespace = '', remediation_id: remediation = '' } = observation.columns;
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `cannot store ${observation.phase} of ${String(namespace)}/${String(remediation)} (${observation.key}): ${reason}`,
      {
        cause,
      },
    );
    this.name = 'RecordingError';
    this.observation = observation;
  }
}

/** Every recording activity stores one observation; whatever goes wrong is thrown, and Temporal tries again. */
export function createRecordingActivities(store: RecordStore, metrics: Metrics): RecordingActivities {
  const record = async (observation: Observation): Promise<RecordedObservation> => {
    const stored = await storeOne(store, metrics, observation);
    metrics.observationsRecorded.inc({ phase: observation.phase });
    return {
      id: stored.id,
      revision: stored.revision,
      remediationOver: TERMINAL_EXECUTION_PHASES.has(observation.columns['phase']),
    };
  };
  return Object.fromEntries(
    AUDIT_PHASES.map((phase) => [ACTIVITY_BY_PHASE[phase], record]),
  ) as RecordingActivities;
}

async function storeOne(store: RecordStore, metrics: Metrics, observation: Observation) {
  try {
    const [stored] = await store.record([observation]);
    if (stored === undefined) throw new Error('the store answered nothing');
    return stored;
  } catch (error: unknown) {
    metrics.recordingErrors.inc();
    // The message is what an operator reads under "pending activities": it says which record waits, and for what.
    throw new RecordingError(observation, error);
  }
}
