import { TimeSlice } from '../../domain/time-slice.ts';
import type { RemediationSignals } from '../../temporal/remediation-signals.ts';
import type { Tracked } from '../state/tracked.ts';
import { observationsRecorded } from './delivery-record.ts';
import { withCoalesced } from './flapping.ts';
import type { PendingState } from './pending-states.ts';
import type { PreparationOptions, PreparedObservation } from './prepare-observation.ts';
import { prepareObservations, prepareSummary, redactLine, sha256 } from './prepare-observation.ts';
import type { WaitingState } from './remediation-queue.ts';
import type { SentObservations } from './sent-observations.ts';
import { hasSent, saysSame, withSent } from './sent-observations.ts';
import type { OutgoingState } from './signal-delivery.ts';
import { SignalDelivery } from './signal-delivery.ts';

interface ObservationSenderOptions extends PreparationOptions {
  readonly signals: RemediationSignals;
}

/** What Temporal has of a resource once everything before has arrived there. */
interface Said {
  observations: SentObservations;
  stateHash: string | undefined;
}

/**
 * Hands states of one remediation to Temporal: of their observations those that say something else than it has already.
 * Each is remembered as soon as it is durable there, so that a second attempt sends the rest.
 */
export function createObservationSender(options: ObservationSenderOptions) {
  return async (
    those: readonly WaitingState[],
    done: (one: WaitingState) => void,
  ): Promise<{ readonly isSignalled: boolean }> => {
    const said = new Map<Tracked, Said>();
    const outgoing: OutgoingState[] = [];
    const slice = new TimeSlice();
    for (const one of those) {
      outgoing.push(goOut(one, saidOf(one.tracked, said), options));
      if (slice.isUsedUp()) await slice.yield();
    }
    const [newest] = those.slice(-1);
    if (newest === undefined) return { isSignalled: false };
    const { reading } = newest.state;
    const target = those.map(({ state }) => state.reading.target).findLast((one) => one !== undefined);
    const delivery = new SignalDelivery({
      ...options,
      about: {
        remediation: { cluster: options.cluster, ...reading.remediation },
        summary: prepareSummary(summaryOf(those), options),
        // Never encrypted, unlike what a signal carries.
        ...(target === undefined ? {} : { target: redactLine(target, options) }),
      },
      done,
    });
    return await delivery.deliver(outgoing);
  };
}

/** The remediation's own line is the one to show; what belongs to it may be met first. */
function summaryOf(those: readonly WaitingState[]): string {
  const own = those.findLast(({ tracked, state }) => tracked.uid === state.reading.remediation.uid);
  return (own ?? those[0])?.state.reading.summary ?? '';
}

function saidOf(tracked: Tracked, said: Map<Tracked, Said>): Said {
  const before = said.get(tracked) ?? {
    observations: tracked.delivery.sent,
    stateHash: tracked.delivery.sentHash,
  };
  said.set(tracked, before);
  return before;
}

/** What of a state is news after what was sent before it. */
function goOut(one: WaitingState, said: Said, options: ObservationSenderOptions): OutgoingState {
  const { tracked, state } = one;
  const prepared = prepareState(one, state, options);
  const stateHash = hashOfState(prepared, state);
  // The database has all of it, from an earlier life of this process or from another watcher.
  const isKnown = said.stateHash === undefined && tracked.delivery.recordedHash === stateHash;
  if (isKnown) observationsRecorded(tracked, prepared);
  const news = isKnown ? [] : newsOf({ one, prepared, stateHash, said }, options);
  if (!isKnown) countEqual(tracked, prepared.length - news.length, options);
  const observations = withHash(news, stateHash).map((each) =>
    isInterim(state, each, said)
      ? { ...each, observation: { ...each.observation, interim: true as const } }
      : each,
  );
  said.observations = withSent(said.observations, prepared);
  said.stateHash = stateHash;
  const isRecorded = tracked.delivery.sentHash === tracked.delivery.recordedHash;
  return { one, stateHash, isRecorded, observations, whole: withHash(prepared, stateHash) };
}

interface StateToSend {
  readonly one: WaitingState;
  readonly prepared: readonly PreparedObservation[];
  readonly stateHash: string;
  readonly said: Said;
}

function newsOf(
  { one, prepared, stateHash, said }: StateToSend,
  options: ObservationSenderOptions,
): readonly PreparedObservation[] {
  const { coalesced, isDeletion } = one.state;
  const changed = prepared.filter((each) => !saysSame(said.observations, each));
  if (coalesced !== undefined && coalesced.changes > 1) {
    const first = prepareState(one, coalesced.first, options);
    return withCoalesced({ prepared, changed, first, state: one.state, hash: sha256 });
  }
  // Only its phase, or what it leaves out, has changed: one observation carries the hash of the state to the database.
  // A deletion is known to be recorded without it.
  const isOnlyHash = changed.length === 0 && said.stateHash !== stateHash && !isDeletion;
  return isOnlyHash ? prepared.slice(0, 1) : changed;
}

function countEqual({ kind }: Tracked, count: number, { cluster, metrics }: ObservationSenderOptions): void {
  if (count > 0) metrics.equalObservations.inc({ cluster, kind }, count);
}

/** That it is stored may wait for what follows: it is neither the first nor the last of its record, and nobody waits for it. */
function isInterim(state: PendingState, prepared: PreparedObservation, { observations }: Said): boolean {
  const { phase } = prepared.observation;
  if (state.isDueSoon || state.isDeletion || !hasSent(observations, prepared)) return false;
  return phase !== 'skip' && phase !== 'approval';
}

function prepareState(
  { tracked }: WaitingState,
  { reading, phase }: PendingState,
  options: ObservationSenderOptions,
): PreparedObservation[] {
  const { kind, namespace, name, uid } = tracked;
  const resource = { kind, namespace, name, uid, ...(phase === undefined ? {} : { phase }) };
  const { observations, characters } = reading;
  return prepareObservations(
    observations,
    { resource, ...(characters === undefined ? {} : { characters }) },
    options,
  );
}

/** On the last: once that one is recorded the others are too. */
function withHash(those: readonly PreparedObservation[], projectionHash: string): PreparedObservation[] {
  return those.map((each, index) => {
    const { observation } = each;
    if (index < those.length - 1) return each;
    return {
      ...each,
      observation: { ...observation, resource: { ...observation.resource, projectionHash } },
    };
  });
}

/** Of all that a state says, its phase included: `observed_resource` shows it. */
function hashOfState(prepared: readonly PreparedObservation[], { phase = '' }: PendingState): string {
  return sha256([...prepared.map(({ name, hash }) => `${name} ${hash}`), phase].join('\n'));
}
