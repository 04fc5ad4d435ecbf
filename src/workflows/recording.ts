import type { ActivityOptions } from '@temporalio/workflow';
import { proxyActivities } from '@temporalio/workflow';

import type {
  InvestigationReference,
  RecordedList,
  RecordingActivities,
  VerdictQuestion,
} from '../activities/types.ts';
import { RECORD_ATTEMPT_SECONDS } from '../domain/limits.ts';
import type { AuditPhase, Observation } from '../domain/observation.ts';
import { ACTIVITY_BY_PHASE, hasInvestigation, recordName } from '../domain/observation.ts';
import { model } from './investigation-embedding.ts';
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

/**
 * Records what had to wait in Temporal by itself: a post that was accepted while the database was away, or what a run of
 * a remediation could not carry on. Embeds the texts of investigations, too. A post that the service has stored by itself
 * comes only for that: recording it again changes nothing. Answers what was stored, in one sentence.
 */
export async function recordDeferred(observations: readonly Observation[]): Promise<string> {
  const byPhase = Map.groupBy(observations, ({ phase }) => phase);
  const sentences = await Promise.all([...byPhase].map(([phase, list]) => recordAll(phase, list)));
  return sentences.join('; ');
}

/** What waits for its month or its table is brought again, until nothing does. */
async function recordAll(phase: AuditPhase, list: readonly Observation[]): Promise<string> {
  const sentences: string[] = [];
  for (let left = list; left.length > 0;) {
    const {
      summary,
      rows,
      quarantined = [],
      later = [],
    } = await recordPhase({
      phase,
      observations: left,
    });
    sentences.push(summary);
    const isStored = (index: number): boolean => !quarantined.includes(index) && !later.includes(index);
    const texts = left.filter((observation, index) => isStored(index) && hasInvestigation(observation));
    const investigations = rows.filter(({ record }) => texts.some((text) => recordName(text) === record));
    await Promise.all(investigations.map(({ id, createdAt }) => embed({ id, createdAt })));
    left = left.filter((_observation, index) => later.includes(index));
  }
  return sentences.join(', then ');
}

async function embed(investigation: InvestigationReference): Promise<void> {
  await model.embedInvestigation(investigation);
}
