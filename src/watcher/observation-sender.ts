import type { Observation, ObservedResource } from '../domain/observation.ts';
import type { RemediationSignals } from '../temporal/remediation-signals.ts';
import type { PreparationOptions, PreparedObservation } from './prepare-observation.ts';
import { prepareObservation, prepareSummary, sha256 } from './prepare-observation.ts';
import type { PendingState, Tracked } from './tracked.ts';

export interface ObservationSenderOptions extends PreparationOptions {
  readonly signals: RemediationSignals;
}

/**
 * Hands a state to Temporal: of its observations those that say something else than Temporal has already. Resolves when
 * all of them are durable there. Each is remembered as soon as it is, so that a second attempt sends the rest.
 */
export function createObservationSender(options: ObservationSenderOptions) {
  const { cluster, signals, metrics } = options;
  return async (tracked: Tracked, state: PendingState): Promise<void> => {
    const { reading } = state;
    const { target } = reading;
    const resource = { ...identityOf(tracked), ...(state.phase === undefined ? {} : { phase: state.phase }) };
    const prepared = reading.observations.map((observation) =>
      prepareObservation(observation, resource, options),
    );
    const projectionHash = sha256(prepared.map(({ name, hash }) => `${name} ${hash}`).join('\n'));
    // The database has all of it, from an earlier life of this process or from another watcher.
    if (tracked.sentHash === undefined && tracked.recordedHash === projectionHash)
      remember(tracked, prepared);
    const changed = prepared.filter(({ name, hash }) => tracked.sent.get(name) !== hash);
    const remediation = { cluster, ...reading.remediation };
    const summary = prepareSummary(reading.summary, options);
    const about = { remediation, summary, ...(target === undefined ? {} : { target }) };
    /** Whether all went to the run that had taken what was sent before. */
    const sendAll = async (those: readonly PreparedObservation[]): Promise<boolean> => {
      const before = tracked.sentToRun;
      for (const one of those) {
        const observation = one === those.at(-1) ? withHash(one, projectionHash) : one.observation;
        tracked.sentToRun = await signals.send({ ...about, observation });
        tracked.sentAtMs = Date.now();
        tracked.sent.set(one.name, one.hash);
        metrics.observationsSignalled.inc({ cluster, kind: tracked.kind });
      }
      return before === undefined || before === tracked.sentToRun;
    };
    const wasRecorded = tracked.sentHash === tracked.recordedHash;
    // If the run before was terminated, the rest of the state may have gone with it, unrecorded.
    if (!(await sendAll(changed)) && !wasRecorded) await sendAll(prepared);
    tracked.sentHash = projectionHash;
  };
}

function remember(tracked: Tracked, prepared: readonly PreparedObservation[]): void {
  for (const { name, hash } of prepared) tracked.sent.set(name, hash);
}

function identityOf({ kind, namespace, name, uid }: Tracked): ObservedResource {
  return { kind, namespace, name, uid };
}

function withHash({ observation }: PreparedObservation, projectionHash: string): Observation {
  return { ...observation, resource: { ...observation.resource, projectionHash } };
}
