import { condition } from '@temporalio/workflow';

import type { Observation } from '../domain/observation.ts';

/**
 * One chain of activities per resource: what is observed of it is recorded in order, and a slow or failing activity
 * holds back nothing but its own resource.
 */
export class ResourceChains {
  readonly #queues = new Map<string, Observation[]>();
  readonly #running = new Set<string>();
  readonly #record: (observation: Observation) => Promise<void>;
  #paused = false;
  #characters = 0;
  failure: Error | undefined;

  constructor(record: (observation: Observation) => Promise<void>) {
    this.#record = record;
  }

  add(observation: Observation): void {
    const resource = resourceOf(observation);
    const queue = this.#queues.get(resource);
    this.#characters += charactersOf(observation);
    if (queue === undefined) this.#queues.set(resource, [observation]);
    else queue.push(observation);
  }

  isIdle(): boolean {
    return this.#running.size === 0;
  }

  /** Whether something could be started. */
  hasWaiting(): boolean {
    return this.#queues.size > this.#running.size;
  }

  holds(observation: Observation): boolean {
    return this.#queues.get(resourceOf(observation))?.includes(observation) ?? false;
  }

  /** What is being recorded: the first of each chain that runs. */
  inFlight(): Observation[] {
    return [...this.#running].flatMap((resource) => this.#queues.get(resource)?.[0] ?? []);
  }

  /** What the backlog is as JSON. Counted as it comes and goes: a long backlog is asked for it at every turn. */
  get characters(): number {
    return this.#characters;
  }

  /** Observations that are not stored yet. */
  get size(): number {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0);
  }

  /** Everything that is not stored yet. */
  backlog(): Observation[] {
    return [...this.#queues.values()].flat();
  }

  start(): void {
    for (const [resource, queue] of this.#queues) {
      if (this.#running.has(resource)) continue;
      this.#running.add(resource);
      this.#run(resource, queue).catch((error: unknown) => {
        // Recording activities are retried without limit: only an activity that refuses for good gets here.
        this.failure = error instanceof Error ? error : new Error(String(error));
      });
    }
  }

  /** Lets what is in flight end and starts nothing new; what is left stays in the backlog. */
  async pause(): Promise<void> {
    this.#paused = true;
    await condition(() => this.isIdle() || this.failure !== undefined);
  }

  resume(): void {
    this.#paused = false;
  }

  async #run(resource: string, queue: Observation[]): Promise<void> {
    for (let [next] = queue; next !== undefined && !this.#paused; [next] = queue) {
      await this.#record(next);
      // Only now: it is stored. Until then a run that continues this one must carry it on.
      queue.shift();
      this.#characters -= charactersOf(next);
    }
    this.#running.delete(resource);
    if (queue.length === 0) this.#queues.delete(resource);
  }
}

function charactersOf(observation: Observation): number {
  return JSON.stringify(observation).length + ','.length;
}

/** A post names no resource: then its record stands for it. */
function resourceOf({ resource, table, key }: Observation): string {
  return resource?.uid ?? `${table}/${key}`;
}
