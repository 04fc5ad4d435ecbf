import { patched } from '@temporalio/workflow';

import type { RecordedObservation } from '../activities/types.ts';
import type { Observation } from '../domain/observation.ts';
import { hasInvestigation } from '../domain/observation.ts';
import { model } from './investigation-placing.ts';
import { recordByPhase } from './recording.ts';

/**
 * Records one post that was accepted while the database was away, and places the text of a posted analysis. One that the
 * service has stored by itself comes only for that: recording it again changes nothing.
 */
export async function recordDeferred(observation: Observation): Promise<RecordedObservation> {
  const stored = await recordByPhase(observation);
  if (stored.status === 'stored' && hasInvestigation(observation) && patched('place-posted-investigation')) {
    await model.embedInvestigation({ id: stored.id, createdAt: stored.createdAt });
  }
  return stored;
}
