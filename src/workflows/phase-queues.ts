import { utf8Length } from '../domain/bounds.ts';
import { MAX_LIST_BYTES, MAX_SIGNAL_OBSERVATIONS } from '../domain/limits.ts';
import type { AuditPhase, Observation } from '../domain/observation.ts';
import { AUDIT_PHASES } from '../domain/observation.ts';
import { StateConfirmations, withoutHash } from './state-confirmations.ts';

/** One observation on its way to its row. */
export interface QueuedObservation {
  readonly observation: Observation;
  readonly bytes: number;
  /** It is stored already; it goes again only to say that all of its resource's state is. */
  readonly isConfirmation: boolean;
}

interface PhaseQueue {
  waiting: QueuedObservation[];
  /** What the activity of this phase is storing now; empty when none runs. */
  running: readonly QueuedObservation[];
  /** What waits is to be stored now, and not gathered any longer. */
  isDue: boolean;
}

interface PhaseQueuesOptions {
  /** Stores a list by the activity of its phase; resolves with those that have to be brought again. */
  readonly record: (
    phase: AuditPhase,
    list: readonly QueuedObservation[],
  ) => Promise<readonly QueuedObservation[]>;
  /** Takes a partial record whose record is not there yet out of the queue; answers whether it did. */
  readonly holdBack: (observation: Observation, list: readonly QueuedObservation[]) => boolean;
  /** Something came that may wait for more of its phase. */
  readonly gathers: () => void;
  /** A state is complete, and its hash waits for a list to go with. */
  readonly confirms: () => void;
}

/**
 * What is observed and not stored yet, by audit phase. Each phase has one activity at most; it takes all that waits for
 * it, in order, and while it runs more gathers. A phase that is slow or fails holds back no other.
 */
export class PhaseQueues {
  readonly #queues = new Map<AuditPhase, PhaseQueue>();
  readonly #options: PhaseQueuesOptions;
  readonly #confirmations = new StateConfirmations();
  /** Hashes of complete states: they go with the next list, of whatever phase. */
  #confirming: QueuedObservation[] = [];
  /** They wait no longer: as soon as nothing else is to be stored they go alone. */
  #isConfirmingDue = false;
  /** uids of the resources of which somebody else stores a part. */
  readonly #elsewhere = new Set<string>();
  failure: Error | undefined;
  /** How many lists were stored so far. */
  storedLists = 0;

  constructor(options: PhaseQueuesOptions) {
    this.#options = options;
    // In one order for every run and replay.
    for (const phase of AUDIT_PHASES) this.#queues.set(phase, { waiting: [], running: [], isDue: false });
  }

  /** Whether it may wait for more of its phase is the observation's own word, unless the caller knows that it may. */
  add(observation: Observation, mayWait = observation.interim === true): void {
    const queue = this.#queueOf(observation.phase);
    queue.waiting.push({ observation, bytes: bytesOf(observation), isConfirmation: false });
    if (mayWait) this.#options.gathers();
    else queue.isDue = true;
    this.#confirmations.expect(observation);
  }

  /** What waits for more of its phase, or for a list to go with, need not do so any longer. */
  makeAllDue(): void {
    for (const queue of this.#queues.values()) queue.isDue = queue.waiting.length > 0;
    this.#isConfirmingDue = this.#confirming.length > 0;
  }

  isIdle(): boolean {
    return [...this.#queues.values()].every(({ running }) => running.length === 0);
  }

  /** Whether an activity could be started now. */
  hasDue(): boolean {
    return this.#hasDuePhase() || (this.#isConfirmingDue && this.isIdle());
  }

  /** Whether something waits, perhaps for more of its phase. */
  hasWaiting(): boolean {
    return this.isGathering() || this.isConfirming();
  }

  isGathering(): boolean {
    return [...this.#queues.values()].some(({ waiting }) => waiting.length > 0);
  }

  isConfirming(): boolean {
    return this.#confirming.length > 0;
  }

  /** Whether an observation, or what of it may be stored now, is not stored yet. */
  holds({ phase, key, sourceVersion }: Observation): boolean {
    const { running, waiting } = this.#queueOf(phase);
    return [...running, ...waiting].some(
      ({ observation }) => observation.key === key && observation.sourceVersion === sourceVersion,
    );
  }

  /** What is being stored now, by phase. */
  inFlight(): (readonly [phase: AuditPhase, list: readonly QueuedObservation[]])[] {
    return [...this.#queues].flatMap(([phase, { running }]) =>
      running.length === 0 ? [] : [[phase, running] as const],
    );
  }

  get waitingCount(): number {
    return [...this.#queues.values()].reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  get waitingBytes(): number {
    return [...this.#queues.values()]
      .flatMap(({ waiting }) => waiting)
      .reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Everything that is not known to be stored, what an activity works at included. */
  unstored(): Observation[] {
    const queued = [
      ...[...this.#queues.values()].flatMap(({ running, waiting }) => [...running, ...waiting]),
      ...this.#confirming,
    ];
    const observations = [...queued.map(({ observation }) => observation), ...this.#confirmations.pending()];
    return observations.map((observation) =>
      this.#elsewhere.has(observation.resource?.uid ?? '') ? withoutHash(observation) : observation,
    );
  }

  /**
   * Takes out what waits in a phase, or what its activity works at, for somebody else to store. Of those resources no hash
   * is stored any more, because only who has all of a state knows when all of it is: the watcher sends it again.
   */
  take(phase: AuditPhase, which: 'waiting' | 'running'): Observation[] {
    const queue = this.#queueOf(phase);
    const taken = queue[which].filter(({ isConfirmation }) => !isConfirmation);
    this.#confirming = this.#confirming.filter(({ observation }) => observation.phase !== phase);
    queue[which] = [];
    queue.isDue = queue.waiting.length > 0;
    for (const { observation } of taken)
      if (observation.resource !== undefined) this.#elsewhere.add(observation.resource.uid);
    return taken.map(({ observation }) => withoutHash(observation));
  }

  /**
   * Starts the activity of each phase that has something due and none running. When one starts, so do the others that have
   * something waiting: their ends can share a workflow task, and no timer has to end for them.
   */
  start(): void {
    if (!this.hasDue()) return;
    this.#dropOutdated();
    if (!this.#hasDuePhase()) this.#confirmAlone();
    for (const [phase, queue] of this.#queues) {
      if (queue.waiting.length === 0 || queue.running.length > 0) continue;
      const list = this.#takeList(queue);
      queue.isDue = queue.waiting.length > 0;
      if (list.length === 0) continue;
      queue.running = list;
      this.#run(phase, queue).catch((error: unknown) => {
        // Recording activities are retried without limit: only an activity that refuses for good gets here.
        this.failure = error instanceof Error ? error : new Error(String(error));
      });
    }
    this.#isConfirmingDue &&= this.isConfirming();
  }

  #hasDuePhase(): boolean {
    return [...this.#queues.values()].some(({ isDue, running }) => isDue && running.length === 0);
  }

  /** More of a resource came since its state was complete: that brings a newer hash. */
  #dropOutdated(): void {
    this.#confirming = this.#confirming.filter(({ observation }) =>
      this.#confirmations.isStored(observation.resource?.uid),
    );
  }

  #confirmAlone(): void {
    for (const queued of this.#confirming.splice(0))
      this.#queueOf(queued.observation.phase).waiting.push(queued);
  }

  #queueOf(phase: AuditPhase): PhaseQueue {
    const queue = this.#queues.get(phase);
    if (queue === undefined) throw new Error(`no activity records the phase ${phase}`);
    return queue;
  }

  /** As much as one activity may carry, in order. Partial records whose record is not there yet are held back. */
  #takeList(queue: PhaseQueue): QueuedObservation[] {
    const list: QueuedObservation[] = [];
    let bytes = 0;
    let taken = 0;
    for (const queued of queue.waiting) {
      if (list.length === MAX_SIGNAL_OBSERVATIONS) break;
      if (list.length > 0 && bytes + queued.bytes > MAX_LIST_BYTES) break;
      taken += 1;
      if (this.#options.holdBack(queued.observation, list)) {
        this.#settle([queued.observation]);
        continue;
      }
      list.push(queued.isConfirmation ? queued : this.#taken(queued));
      bytes += queued.bytes;
    }
    queue.waiting.splice(0, taken);
    if (list.length > 0) list.push(...this.#takeConfirming(list.length, bytes));
    return list;
  }

  #taken({ observation, ...queued }: QueuedObservation): QueuedObservation {
    return { ...queued, observation: this.#confirmations.taking(observation) };
  }

  /** Those that a list has room for. */
  #takeConfirming(length: number, bytes: number): QueuedObservation[] {
    this.#dropOutdated();
    let left = MAX_LIST_BYTES - bytes;
    const taken = this.#confirming.slice(0, MAX_SIGNAL_OBSERVATIONS - length).filter((queued) => {
      left -= queued.bytes;
      return left >= 0;
    });
    this.#confirming = this.#confirming.filter((queued) => !taken.includes(queued));
    return taken;
  }

  async #run(phase: AuditPhase, queue: PhaseQueue): Promise<void> {
    const list = queue.running;
    const again = await this.#options.record(phase, list);
    this.storedLists += 1;
    queue.running = [];
    queue.waiting.unshift(...again.filter(({ isConfirmation }) => !isConfirmation));
    if (queue.waiting.length > 0 && again.length > 0) queue.isDue = true;
    this.#confirm(again.filter(({ isConfirmation }) => isConfirmation));
    const stored = list.filter((queued) => !again.includes(queued) && !queued.isConfirmation);
    this.#settle(stored.map(({ observation }) => observation));
  }

  /** Notes what is not on its way to its row any longer; the states that are complete by that are confirmed. */
  #settle(observations: readonly Observation[]): void {
    this.#confirm(
      this.#confirmations
        .stored(observations)
        .map((confirmed) => ({ ...confirmed, interim: true as const }))
        .map((observation) => ({ observation, bytes: bytesOf(observation), isConfirmation: true })),
    );
  }

  #confirm(those: readonly QueuedObservation[]): void {
    if (those.length === 0) return;
    this.#confirming.push(...those);
    this.#options.confirms();
  }
}

function bytesOf(observation: Observation): number {
  return utf8Length(JSON.stringify(observation)) + ','.length;
}
