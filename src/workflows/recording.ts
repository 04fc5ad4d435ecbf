import type { ActivityOptions } from '@temporalio/workflow';
import { proxyActivities } from '@temporalio/workflow';

import type { RecordedObservation, RecordingActivities } from '../activities/types.ts';
import { RECORD_ATTEMPT_SECONDS } from '../domain/limits.ts';
import type { Observation } from '../domain/observation.ts';
import { ACTIVITY_BY_PHASE } from '../domain/phases.ts';
import { activitySummary } from './audit-summary.ts';

export const RECORDING_OPTIONS: ActivityOptions = {
  startToCloseTimeout: `${RECORD_ATTEMPT_SECONDS}s`,
  // A worker that was killed is noticed by this, and what it held goes to another one.
  heartbeatTimeout: '10s',
  // No scheduleToCloseTimeout and no maximumAttempts: a record waits out any outage.
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '1m' },
};

const activities = proxyActivities<RecordingActivities>(RECORDING_OPTIONS);

/** By the activity of its phase, so that a run reads as the audit trail. */
export function recordByPhase(observation: Observation): Promise<RecordedObservation> {
  const summary = activitySummary(observation);
  return activities[ACTIVITY_BY_PHASE[observation.phase]].executeWithOptions(
    { ...RECORDING_OPTIONS, summary },
    [observation],
  );
}
