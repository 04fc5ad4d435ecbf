import type { Observation } from '../domain/observation.ts';
import type { RecordingActivityName } from '../domain/phases.ts';
import type { Verdict } from '../domain/records/remediation-audit.ts';

export interface RecordedObservation {
  /** Id of the record, and its home. */
  readonly id: string;
  readonly createdAt: string;
  /** `quarantined`: PostgreSQL will never take it; it is kept with its reason instead. */
  readonly status: 'stored' | 'quarantined';
}

/** One activity type per audit phase, so that Temporal's UI reads as the audit trail. All of them record the same way. */
export type RecordingActivities = Record<
  RecordingActivityName,
  (observation: Observation) => Promise<RecordedObservation>
>;

/** An analysis whose investigation text may have to be placed among the others. */
export interface InvestigationReference {
  readonly id: string;
  readonly createdAt: string;
}

export interface EmbeddingActivities {
  /**
   * Places the text of an investigation so that similar ones are found. `unchanged`: there is no text, or the model has
   * placed it already. `refused`: the model will never take this text; the text itself is stored all the same.
   */
  readonly embedInvestigation: (
    investigation: InvestigationReference,
  ) => Promise<'placed' | 'unchanged' | 'refused'>;
}

export interface VerdictActivities {
  /** What the database knows of the end of a remediation; `unknown` when it knows nothing of it at all. */
  readonly readVerdict: (remediation: {
    readonly cluster: string;
    readonly uid: string;
  }) => Promise<Verdict | 'unknown'>;
}

export type AuditActivities = RecordingActivities & EmbeddingActivities & VerdictActivities;
