import type { ActivityOptions } from '@temporalio/workflow';
import { proxyActivities } from '@temporalio/workflow';

import type { RecordedList, RecordingActivities, VerdictQuestion } from '../activities/types.ts';
import { RECORD_ATTEMPT_SECONDS } from '../domain/limits.ts';
import type { Observation } from '../domain/observation.ts';
import type { AuditPhase } from '../domain/phases.ts';
import { ACTIVITY_BY_PHASE } from '../domain/phases.ts';
import { phaseSentence } from './phase-sentences.ts';

export const RECORDING_OPTIONS: ActivityOptions = {
  startToCloseTimeout: `${RECORD_ATTEMPT_SECONDS}s`,
  // A worker that was killed is noticed by this, and what it held goes to another one.
  heartbeatTimeout: '10s',
  // No scheduleToCloseTimeout and no maximumAttempts: a record waits out any outage.
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '1m' },
};

const activities = proxyActivities<RecordingActivities>(RECORDING_OPTIONS);

interface PhaseRecord {
  readonly phase: AuditPhase;
  readonly observations: readonly Observation[];
  /** What it is, in words. Default: what the observations say. */
  readonly summary?: string;
  readonly question?: VerdictQuestion | undefined;
}

/** Stores a list by the activity of its phase, so that a run reads as the audit trail. */
export function recordPhase({ phase, observations, question, summary }: PhaseRecord): Promise<RecordedList> {
  return activities[ACTIVITY_BY_PHASE[phase]].executeWithOptions(
    { ...RECORDING_OPTIONS, summary: summary ?? phaseSentence(phase, observations) },
    question === undefined ? [observations] : [observations, question],
  );
}
