import { utf8Length } from '../domain/bounds.ts';
import { MAX_LIST_BYTES, MAX_SIGNAL_OBSERVATIONS } from '../domain/limits.ts';
import type { Observation } from '../domain/observation.ts';
import type { AuditPhase } from '../domain/phases.ts';
import { AUDIT_PHASES } from '../domain/phases.ts';
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

export interface PhaseQueuesOptions {
  /** Stores a list by the activity of its phase; resolves with those that have to be brought again. */
  readonly record: (
    phase: AuditPhase,
    list: readonly QueuedObservation[],
  ) => Promise<readonly QueuedObservation[]>;
  /** Takes a partial record whose record is not there yet out of the queue; answers whether it did. */
  readonly holdBack: (observation: Observation, list: readonly QueuedObservation[]) => boolean;
  /** Something came that may wait for more of its phase. */
  readonly gathers: () => void;
}

/**
 * What is observed and not stored yet, by audit phase. Each phase has one activity at most; it takes all that waits for
 * it, in order, and while it runs more gathers. A phase that is slow or fails holds back no other.
 */
export class PhaseQueues {
  readonly #queues = new Map<AuditPhase, PhaseQueue>();
  readonly #options: PhaseQueuesOptions;
  readonly #confirmations = new StateConfirmations();
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

  add(observation: Observation): void {
    this.#enqueue({ observation, bytes: bytesOf(observation), isConfirmation: false });
    this.#confirmations.expect(observation);
  }

  /** What waits for more of its phase need not do so any longer. */
  makeAllDue(): void {
    for (const queue of this.#queues.values()) queue.isDue = queue.waiting.length > 0;
  }

  isIdle(): boolean {
    return [...this.#queues.values()].every(({ running }) => running.length === 0);
  }

  /** Whether an activity could be started now. */
  hasDue(): boolean {
    return [...this.#queues.values()].some(({ isDue, running }) => isDue && running.length === 0);
  }

  /** Whether something waits, perhaps for more of its phase. */
  hasWaiting(): boolean {
    return [...this.#queues.values()].some(({ waiting }) => waiting.length > 0);
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
    const queued = [...this.#queues.values()].flatMap(({ running, waiting }) => [...running, ...waiting]);
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
    queue[which] = [];
    queue.isDue = queue.waiting.length > 0;
    for (const { observation } of taken)
      if (observation.resource !== undefined) this.#elsewhere.add(observation.resource.uid);
    return taken.map(({ observation }) => withoutHash(observation));
  }

  /** Starts the activity of each phase that has something due and none running. */
  start(): void {
    for (const [phase, queue] of this.#queues) {
      if (!queue.isDue || queue.running.length > 0) continue;
      const list = this.#takeList(queue);
      queue.isDue = queue.waiting.length > 0;
      if (list.length === 0) continue;
      queue.running = list;
      this.#run(phase, queue).catch((error: unknown) => {
        // Recording activities are retried without limit: only an activity that refuses for good gets here.
        this.failure = error instanceof Error ? error : new Error(String(error));
      });
    }
  }

  #enqueue(queued: QueuedObservation): void {
    const queue = this.#queueOf(queued.observation.phase);
    queue.waiting.push(queued);
    if (queued.observation.interim === true) this.#options.gathers();
    else queue.isDue = true;
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
      const observation = this.#confirmations.taking(queued.observation);
      // More of the resource came meanwhile: confirmed when that is stored.
      if (queued.isConfirmation && observation !== queued.observation) continue;
      list.push({ ...queued, observation });
      bytes += queued.bytes;
    }
    queue.waiting.splice(0, taken);
    return list;
  }

  async #run(phase: AuditPhase, queue: PhaseQueue): Promise<void> {
    const list = queue.running;
    const again = await this.#options.record(phase, list);
    this.storedLists += 1;
    queue.running = [];
    queue.waiting.unshift(...again);
    if (again.length > 0) queue.isDue = true;
    const stored = list.filter((queued) => !again.includes(queued) && !queued.isConfirmation);
    this.#settle(stored.map(({ observation }) => observation));
  }

  /** Notes what is not on its way to its row any longer; the states that are complete by that are confirmed. */
  #settle(observations: readonly Observation[]): void {
    for (const confirmed of this.#confirmations.stored(observations)) {
      const observation = { ...confirmed, interim: true as const };
      this.#enqueue({ observation, bytes: bytesOf(observation), isConfirmation: true });
    }
  }
}

function bytesOf(observation: Observation): number {
  return utf8Length(JSON.stringify(observation)) + ','.length;
}
