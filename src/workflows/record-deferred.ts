import type { RecordedObservation } from '../activities/types.ts';
import type { Observation } from '../domain/observation.ts';
import { recordByPhase } from './recording.ts';

/** Records one post that was accepted while the database was away. */
export async function recordDeferred(observation: Observation): Promise<RecordedObservation> {
  return recordByPhase(observation);
}
