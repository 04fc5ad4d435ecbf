import { inSignalLists } from '../../domain/signal-lists.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import type { RemediationSignal, RemediationSignals } from '../../temporal/remediation-signals.ts';
import type { Tracked } from '../state/tracked.ts';
import { observationSent, stateSent } from './delivery-record.ts';
import type { PreparedObservation } from './prepare-observation.ts';
import type { WaitingState } from './remediation-queue.ts';
import { classifySignalFailure, StateRefusedError } from './signal-failure.ts';

/** A state with what is to be sent of it. */
export interface OutgoingState {
  readonly one: WaitingState;
  /** Nothing, when Temporal has all of it. */
  readonly observations: readonly PreparedObservation[];
  /** All that it says. */
  readonly whole: readonly PreparedObservation[];
  readonly stateHash: string;
  /** What was sent before it is recorded. */
  readonly isRecorded: boolean;
}

interface SignalDeliveryOptions {
  readonly cluster: string;
  readonly about: Omit<RemediationSignal, 'observations'>;
  readonly signals: RemediationSignals;
  readonly metrics: WatcherMetrics;
  readonly done: (one: WaitingState) => void;
}

interface Outgoing extends PreparedObservation {
  readonly tracked: Tracked;
  /** The state that it is part of; undefined when it is sent a second time. */
  readonly state: StateOnItsWay | undefined;
}

interface StateOnItsWay {
  readonly outgoing: OutgoingState;
  /** Observations that Temporal does not have yet. */
  left: number;
}

/** States of one remediation on their way to Temporal, in as few signals as its limits allow. */
export class SignalDelivery {
  readonly #options: SignalDeliveryOptions;
  /** One observation of these is refused by itself; what comes after it must wait. */
  readonly #refused = new Map<Tracked, unknown>();
  #waiting: StateOnItsWay[] = [];
  #isSignalled = false;

  constructor(options: SignalDeliveryOptions) {
    this.#options = options;
  }

  async deliver(states: readonly OutgoingState[]): Promise<{ readonly isSignalled: boolean }> {
    this.#waiting = states.map((outgoing) => ({ outgoing, left: outgoing.observations.length }));
    const runs = new Map(states.map(({ one: { tracked } }) => [tracked, tracked.delivery.sentToRun]));
    const all = this.#waiting.flatMap((state) =>
      state.outgoing.observations.map((each) => ({ ...each, tracked: state.outgoing.one.tracked, state })),
    );
    this.#finishComplete();
    for (const list of inSignalLists(all, ({ observation }) => observation)) await this.#send(list);
    await this.#sendLost(states, runs);
    const [cause] = this.#refused.values();
    if (this.#refused.size > 0) throw new StateRefusedError([...this.#refused.keys()], cause);
    return { isSignalled: this.#isSignalled };
  }

  /** Of resources whose run is another one now and that had something unrecorded, the newest state once more, whole. */
  async #sendLost(
    states: readonly OutgoingState[],
    runs: ReadonlyMap<Tracked, string | undefined>,
  ): Promise<void> {
    const newest = new Map(states.map((state) => [state.one.tracked, state]));
    const lost = [...newest].filter(([tracked, { isRecorded }]) => {
      const before = runs.get(tracked);
      return !isRecorded && before !== undefined && before !== tracked.delivery.sentToRun;
    });
    const all = lost.flatMap(([tracked, { whole }]) =>
      whole.map((each) => ({ ...each, tracked, state: undefined })),
    );
    for (const list of inSignalLists(all, ({ observation }) => observation)) await this.#send(list);
  }

  async #send(those: readonly Outgoing[]): Promise<void> {
    const { signals, about } = this.#options;
    const list = those.filter(({ tracked }) => !this.#refused.has(tracked));
    const [only] = list;
    if (only === undefined) return;
    let run: string;
    try {
      run = await signals.send({ ...about, observations: list.map(({ observation }) => observation) });
    } catch (error: unknown) {
      if (classifySignalFailure(error).reason !== 'payload-too-large') throw error;
      if (list.length === 1) {
        this.#refused.set(only.tracked, error);
        return;
      }
      const half = Math.ceil(list.length / 2);
      await this.#send(list.slice(0, half));
      await this.#send(list.slice(half));
      return;
    }
    this.#took(list, run);
  }

  #took(list: readonly Outgoing[], run: string): void {
    const { cluster, metrics } = this.#options;
    this.#isSignalled = true;
    metrics.signals.inc({ cluster });
    for (const { tracked, state, mark } of list) {
      observationSent(tracked, { mark }, run);
      metrics.observationsSignalled.inc({ cluster, kind: tracked.kind });
      if (state !== undefined) state.left -= 1;
    }
    this.#finishComplete();
  }

  /** States of which Temporal has everything, each after those of its resource that came before it. */
  #finishComplete(): void {
    const unsettled = new Set<Tracked>();
    this.#waiting = this.#waiting.filter(({ outgoing: { one, stateHash }, left }) => {
      const { tracked } = one;
      if (left > 0 || unsettled.has(tracked)) {
        unsettled.add(tracked);
        return true;
      }
      stateSent(tracked, stateHash);
      this.#options.done(one);
      return false;
    });
  }
}
