import type { Delivery, Tracked } from '../state/tracked.ts';
import type { EnqueueOptions, PendingState } from './pending-states.ts';
import { enqueue } from './pending-states.ts';

// The only writer of `Tracked.delivery`: every step of a state to the database, and every step back. `tracked.ts` says
// which states there are and what must stay true.

const own = (tracked: Tracked): Delivery => tracked.delivery as Delivery;

/** Appends a state to those that wait; returns how many waiting states it replaced. */
export function enqueueState(tracked: Tracked, state: PendingState, options: EnqueueOptions): number {
  return enqueue(own(tracked).pending, state, options);
}

/** The oldest waiting state is sent now. */
export function startSending(tracked: Tracked, state: PendingState): void {
  const { pending, sending } = own(tracked);
  remove(pending, state);
  sending.push(state);
}

/** It was not sent: it waits again, before whatever came meanwhile. */
export function putBack(tracked: Tracked, state: PendingState): void {
  const { pending, sending } = own(tracked);
  remove(sending, state);
  pending.unshift(state);
}

/** Temporal has all of it. */
export function finishSending(tracked: Tracked, state: PendingState): void {
  remove(own(tracked).sending, state);
}

/** These states are about to be offered anew. */
export function withdraw(tracked: Tracked, states: readonly PendingState[]): void {
  for (const state of states) remove(own(tracked).pending, state);
}

interface NamedHash {
  readonly name: string;
  readonly hash: string;
}

/** Temporal has an observation. */
export function observationSent(tracked: Tracked, { name, hash }: NamedHash, run: string): void {
  const delivery = own(tracked);
  delivery.sentToRun = run;
  delivery.sentAtMs = Date.now();
  delivery.sent.set(name, hash);
}

/** The database has these observations: another life of this process sent them. */
export function observationsRecorded(tracked: Tracked, observations: readonly NamedHash[]): void {
  for (const { name, hash } of observations) own(tracked).sent.set(name, hash);
}

/** Temporal has every observation of the state with this hash. */
export function stateSent(tracked: Tracked, stateHash: string): void {
  own(tracked).sentHash = stateHash;
}

/** The hash that the database shows; undefined when it shows none. */
export function stateRecorded(tracked: Tracked, stateHash: string | undefined): void {
  own(tracked).recordedHash = stateHash;
}

/** Nothing that was sent counts any more: the next state is sent whole. */
export function forgetSent(tracked: Tracked): void {
  const delivery = own(tracked);
  delivery.sent.clear();
  delivery.sentHash = undefined;
  delivery.recordedHash = undefined;
}

/** The database did not show in time what was sent. */
export function countResend(tracked: Tracked): void {
  const delivery = own(tracked);
  delivery.sentAtMs = undefined;
  delivery.resends += 1;
}

function remove(states: PendingState[], state: PendingState): void {
  const index = states.indexOf(state);
  if (index >= 0) states.splice(index, 1);
}
