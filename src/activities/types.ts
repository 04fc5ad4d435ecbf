import type { Observation } from '../domain/observation.ts';
import type { RecordingActivityName } from '../domain/phases.ts';

export interface RecordedObservation {
  /** Id of the record. */
  readonly id: string;
  /** `quarantined`: PostgreSQL will never take it; it is kept with its reason instead. */
  readonly status: 'stored' | 'quarantined';
  /** Nothing more is expected of this remediation but stragglers. */
  readonly remediationOver: boolean;
}

/** One activity type per audit phase, so that Temporal's UI reads as the audit trail. All of them record the same way. */
export type RecordingActivities = Record<
  RecordingActivityName,
  (observation: Observation) => Promise<RecordedObservation>
>;
