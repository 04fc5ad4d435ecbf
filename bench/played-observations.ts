import type { Observation } from '../src/domain/observation.ts';
import type { PlayedRemediation } from '../test/support/remediations.ts';

/** As JSON; the payload of the ceiling is as large. */
export const OBSERVATION_BYTES = 2_000;

/** Of an ordinary remediation, as often as it takes to have so many. */
export function observationsOf(play: PlayedRemediation, count: number): Observation[] {
  const content = 'x'.repeat(OBSERVATION_BYTES - JSON.stringify(play.execution(1, 'Running')).length);
  const withContent = (observation: Observation): Observation => ({
    ...observation,
    columns: { ...observation.columns, extra: JSON.stringify({ content }) },
  });
  const states = Array.from({ length: count - 1 }, (_state, place) => {
    const version = place + 1;
    if (place % 3 === 0) return play.progress(version, 'Executing');
    return place % 3 === 1 ? play.execution(version, 'Running') : play.analysis(version, '');
  });
  return [...states, play.closure(count)].map(withContent);
}

/** As even as they go. */
export async function sendInSignals(
  play: PlayedRemediation,
  observations: readonly Observation[],
  signals: number,
): Promise<void> {
  const place = (signal: number): number => Math.ceil((signal * observations.length) / signals);
  for (let signal = 0; signal < signals; signal += 1)
    await play.sendTogether(observations.slice(place(signal), place(signal + 1)));
}
