import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import type { ClusterAddress } from './cluster-client.ts';
import { ClusterClient } from './cluster-client.ts';
import { ClusterObjects } from './cluster-objects.ts';
import { RUN_LABEL, SIMULATED_LABEL } from './labels.ts';
import type { RemediationPlan } from './plan.ts';
import { planRemediation } from './plan.ts';
import type { PlayedRemediation, Stage } from './play.ts';
import { openRemediation, playRemediation } from './play.ts';
import type { Random } from './random.ts';
import { createRandomFor } from './random.ts';
import { sweep } from './sweep.ts';

export interface SimulatorOptions {
  cluster: ClusterAddress;
  /** Decides names, targets, endings and durations. Default: a new one; the report says which. */
  seed?: number;
  /** How many times faster than life. Default 30: a remediation of ten minutes takes twenty seconds. */
  speed?: number;
  /** Where the resources are, as kubernaut's are in the namespace of its controller. Default `kubernaut-system`. */
  namespace?: string;
  /** How many remediations to play. Default: without end, until aborted. */
  count?: number;
  /** How many at the same time. Default 3. */
  concurrency?: number;
  /** How long an ended remediation stays, in milliseconds of the clock. Default one hour. */
  retentionMs?: number;
  /** Stops the play where it is; the report then tells how far it came. */
  signal?: AbortSignal;
  /** Milliseconds since the epoch. Default: the system clock. */
  now?: () => number;
}

export interface SimulationReport {
  seed: number;
  /** What was written, in the order of beginning: the last thousand, if there were more. */
  remediations: PlayedRemediation[];
  /** How many began. */
  started: number;
}

const MAX_SEED = 2 ** 31;
const MAX_REPORTED = 1_000;
const MAX_NAME_ATTEMPTS = 10;
const DEFAULT_SPEED = 30;
const DEFAULT_CONCURRENCY = 3;
const DEFAULT_RETENTION_MS = 3_600_000;
/** Between two remediations of one line, in life. */
const PAUSE_MS = 20_000;
const MIN_SWEEP_MS = 250;
const MAX_SWEEP_MS = 60_000;
const SWEEPS_PER_RETENTION = 4;

/**
 * Plays remediations on a cluster: each a RemediationRequest and its WorkflowExecution, through all their phases.
 * Leaves alone what is there already, but for what earlier runs made and its retention is over.
 */
export async function runSimulator(options: SimulatorOptions): Promise<SimulationReport> {
  await using client = new ClusterClient(options.cluster, { signal: options.signal });
  const simulation = new Simulation(options, client);
  await simulation.run();
  return simulation.report;
}

class Simulation {
  readonly report: SimulationReport;
  readonly #options: SimulatorOptions;
  /** Ends the waits of every part: the caller aborts it, or the first failure, or the end of the play. */
  readonly #stopping = new AbortController();
  readonly #signal: AbortSignal;
  readonly #stage: Stage;
  readonly #objects: ClusterObjects;
  /** Names of the remediations being played. */
  readonly #playing = new Set<string>();
  #failure: Error | undefined;

  constructor(options: SimulatorOptions, client: ClusterClient) {
    const { seed = randomInt(MAX_SEED), speed = DEFAULT_SPEED, namespace = 'kubernaut-system' } = options;
    this.report = { seed, remediations: [], started: 0 };
    this.#options = options;
    const signal = options.signal
      ? AbortSignal.any([options.signal, this.#stopping.signal])
      : this.#stopping.signal;
    this.#signal = signal;
    this.#objects = new ClusterObjects(client, namespace);
    this.#stage = {
      objects: this.#objects,
      pass: (ms) => delay(ms / speed, undefined, { signal }),
      now: options.now ?? Date.now,
      retentionMs: options.retentionMs ?? DEFAULT_RETENTION_MS,
      labels: { [SIMULATED_LABEL]: 'true', [RUN_LABEL]: randomUUID() },
    };
  }

  async run(): Promise<void> {
    await this.#untilStopped(() => this.#objects.ensureNamespace());
    const concurrency = this.#options.concurrency ?? DEFAULT_CONCURRENCY;
    const lines = Array.from({ length: concurrency }, (_, line) =>
      this.#untilStopped(() => this.#playLine(line)),
    );
    const sweeping = this.#untilStopped(() => this.#keepSweeping());
    await Promise.all(lines);
    this.#stopping.abort();
    await sweeping;
    if (this.#failure) throw this.#failure;
  }

  /** The first failure stops every part. One that comes after the stop is only how a wait ends then. */
  async #untilStopped(part: () => Promise<void>): Promise<void> {
    try {
      this.#signal.throwIfAborted();
      await part();
    } catch (error: unknown) {
      if (!this.#signal.aborted) this.#failure = error as Error;
      this.#stopping.abort();
    }
  }

  /** One remediation after another. The lines begin one after the other too, so that not everything happens at once. */
  async #playLine(line: number): Promise<void> {
    await this.#stage.pass(line * PAUSE_MS);
    for (let index = this.#takeIndex(); index !== undefined; index = this.#takeIndex()) {
      const random = createRandomFor(this.report.seed, index);
      await this.#playOne(random);
      await this.#stage.pass(random.between(0, PAUSE_MS));
    }
  }

  #takeIndex(): number | undefined {
    const { started } = this.report;
    if (started >= (this.#options.count ?? Infinity)) return undefined;
    this.report.started = started + 1;
    return started;
  }

  async #playOne(random: Random): Promise<void> {
    const { plan, record } = await this.#open(random);
    this.report.remediations.push(record);
    if (this.report.remediations.length > MAX_REPORTED) this.report.remediations.shift();
    try {
      await playRemediation(plan, record, this.#stage);
    } finally {
      this.#playing.delete(plan.name);
    }
  }

  /** The same seed draws the same names again: an earlier run may have left its remediations under them. */
  async #open(random: Random): Promise<{ plan: RemediationPlan; record: PlayedRemediation }> {
    for (let attempt = 0; attempt < MAX_NAME_ATTEMPTS; attempt += 1) {
      const plan = planRemediation(random);
      this.#playing.add(plan.name);
      const record = await openRemediation(plan, this.#stage);
      if (record) return { plan, record };
      this.#playing.delete(plan.name);
    }
    throw new Error(
      `the simulator found ${MAX_NAME_ATTEMPTS} names of seed ${this.report.seed} taken: choose another seed`,
    );
  }

  async #keepSweeping(): Promise<void> {
    const { retentionMs } = this.#stage;
    const pauseMs = Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, retentionMs / SWEEPS_PER_RETENTION));
    for (;;) {
      const deleted = new Set(await sweep(this.#stage, this.#playing));
      for (const record of this.report.remediations) if (deleted.has(record.uid)) record.deleted = true;
      await delay(pauseMs, undefined, { signal: this.#signal });
    }
  }
}
