import type { Delivery, Tracked } from '../state/tracked.ts';
import { NO_STATES } from '../state/tracked.ts';
import type { EnqueueOptions, PendingState } from './pending-states.ts';
import { enqueue } from './pending-states.ts';
import type { Marked } from './sent-observations.ts';
import { NOTHING_SENT, withSent } from './sent-observations.ts';

// The only writer of `Tracked.delivery`: every step of a state to the database, and every step back. `tracked.ts` says
// which states there are and what must stay true.

const own = (tracked: Tracked): Delivery => tracked.delivery;

/** Appends a state to those that wait; returns how many waiting states it replaced. */
export function enqueueState(tracked: Tracked, state: PendingState, options: EnqueueOptions): number {
  const pending = [...tracked.delivery.pending];
  const dropped = enqueue(pending, state, options);
  own(tracked).pending = pending;
  return dropped;
}

/** The oldest waiting state is sent now. */
export function startSending(tracked: Tracked, state: PendingState): void {
  const delivery = own(tracked);
  delivery.pending = without(delivery.pending, state);
  delivery.sending = [...delivery.sending, state];
}

/** It was not sent: it waits again, before whatever came meanwhile. */
export function putBack(tracked: Tracked, state: PendingState): void {
  const delivery = own(tracked);
  delivery.sending = without(delivery.sending, state);
  delivery.pending = [state, ...delivery.pending];
}

/** Temporal has all of it. */
export function finishSending(tracked: Tracked, state: PendingState): void {
  own(tracked).sending = without(tracked.delivery.sending, state);
}

/** These states are about to be offered anew. */
export function withdraw(tracked: Tracked, states: readonly PendingState[]): void {
  for (const state of states) own(tracked).pending = without(tracked.delivery.pending, state);
}

/** Temporal has an observation. */
export function observationSent(tracked: Tracked, observation: Marked, run: string): void {
  const delivery = own(tracked);
  if (delivery.sentToRun !== run) delivery.sentToRun = run;
  delivery.sentAtMs = Date.now();
  delivery.sent = withSent(delivery.sent, [observation]);
}

/** The database has these observations: another life of this process sent them. */
export function observationsRecorded(tracked: Tracked, observations: readonly Marked[]): void {
  own(tracked).sent = withSent(tracked.delivery.sent, observations);
}

/** Temporal has every observation of the state with this hash. */
export function stateSent(tracked: Tracked, stateHash: string): void {
  const delivery = own(tracked);
  delivery.sentHash = stateHash === delivery.recordedHash ? delivery.recordedHash : stateHash;
}

/** The hash that the database shows; undefined when it shows none. */
export function stateRecorded(tracked: Tracked, stateHash: string | undefined): void {
  const delivery = own(tracked);
  // Nearly always the same: one text for both.
  delivery.recordedHash = stateHash === delivery.sentHash ? delivery.sentHash : stateHash;
}

/** Nothing that was sent counts any more: the next state is sent whole. */
export function forgetSent(tracked: Tracked): void {
  const delivery = own(tracked);
  delivery.sent = NOTHING_SENT;
  delivery.sentHash = undefined;
  delivery.recordedHash = undefined;
}

/** The database did not show in time what was sent. */
export function countResend(tracked: Tracked): void {
  const delivery = own(tracked);
  delivery.sentAtMs = undefined;
  delivery.resends += 1;
}

function without(states: readonly PendingState[], state: PendingState): readonly PendingState[] {
  const index = states.indexOf(state);
  if (index < 0) return states;
  return states.length === 1 ? NO_STATES : states.toSpliced(index, 1);
}
