import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import { HOUR_MS } from '../../src/domain/time.ts';
import type { ClusterTarget } from './cluster-client.ts';
import { ClusterClient } from './cluster-client.ts';
import { ClusterObjects } from './cluster-objects.ts';
import type { Generation } from './generations.ts';
import { RUN_LABEL, SIMULATED_LABEL } from './labels.ts';
import { Pacing } from './pacing.ts';
import type { Choice } from './plan.ts';
import { planRemediation } from './plan.ts';
import type { OpenedRemediation, PlayedRemediation, Stage } from './play.ts';
import { openRemediation, playRemediation } from './play.ts';
import { chooseSeed } from './random.ts';
import type { Branch } from './stories.ts';
import { branchesOf } from './stories.ts';
import { deleteAll, sweep } from './sweep.ts';

export interface SimulatorOptions {
  cluster: ClusterTarget;
  /** Decides names, targets, branches and durations. Default: a new one; the report says which. */
  seed?: number;
  /** Shape of the resources. Default `G3`, the newest. */
  generation?: Generation;
  /** What is played: each before any comes again, in a seeded order. Default: all that the generation knows. */
  branches?: readonly Branch[];
  /** How many times faster than life. Default 30: a remediation of ten minutes takes twenty seconds. */
  speed?: number;
  /** Where the resources are, as kubernaut's are in the namespace of its controller. Default `kubernaut-system`. */
  namespace?: string;
  /** How many remediations to play. Default: without end, until aborted. */
  count?: number;
  /** How many at the same time. Default 3. */
  concurrency?: number;
  /** How many begin in a minute of the clock. Default: each begins a short while after another has ended. */
  ratePerMinute?: number;
  /** Nothing waits for anything but the limit of concurrency. Default false. */
  burst?: boolean;
  /** How long an ended remediation stays, in milliseconds of the clock. Default one hour. */
  retentionMs?: number;
  /** How long a status flaps where a story lets it, in milliseconds of the clock. Default five seconds. */
  flapMs?: number;
  /**
   * When the play is over, everything that simulators made goes at once, kind by kind, as with its namespace: also what
   * has not ended. Default false.
   */
  deleteAll?: boolean;
  /** Stops the play where it is; the report then says how far it came. */
  signal?: AbortSignal;
  /** Milliseconds since the epoch. Default: the system clock. */
  now?: () => number;
  /** Called for each remediation whose play is over. */
  ended?: (played: PlayedRemediation) => void;
}

export interface SimulationReport {
  seed: number;
  /** What was written, in the order of beginning: the last thousand, if there were more. */
  remediations: PlayedRemediation[];
  /** How many began. */
  started: number;
}

const MAX_REPORTED = 1_000;
const MAX_NAME_ATTEMPTS = 10;
const DEFAULT_SPEED = 30;
const DEFAULT_CONCURRENCY = 3;
const DEFAULT_RETENTION_MS = HOUR_MS;
const DEFAULT_FLAP_MS = 5_000;
const MIN_SWEEP_MS = 250;
const MAX_SWEEP_MS = 60_000;
const SWEEPS_PER_RETENTION = 4;

/**
 * Plays remediations on a cluster: each with all its resources, through all their phases.
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
  readonly #choice: Choice;
  /** Ends the waits of every part: the caller aborts it, or the first failure, or the end of the play. */
  readonly #stopping = new AbortController();
  readonly #signal: AbortSignal;
  readonly #stage: Stage;
  readonly #pacing: Pacing;
  /** Names of the remediations being played. */
  readonly #playing = new Set<string>();
  #taken = 0;
  #failure: Error | undefined;

  constructor(options: SimulatorOptions, client: ClusterClient) {
    const { seed = chooseSeed(), speed = DEFAULT_SPEED, namespace = 'kubernaut-system' } = options;
    const { generation = 'G3', branches = branchesOf(generation), now = Date.now } = options;
    this.report = { seed, remediations: [], started: 0 };
    this.#options = options;
    this.#choice = { seed, generation, branches };
    const signal = options.signal
      ? AbortSignal.any([options.signal, this.#stopping.signal])
      : this.#stopping.signal;
    this.#signal = signal;
    this.#pacing = new Pacing({ ...options, seed, speed, signal });
    this.#stage = {
      objects: new ClusterObjects(client, namespace),
      pass: (ms) => delay(ms / speed, undefined, { signal }),
      clock: {
        now,
        speed,
        retentionMs: options.retentionMs ?? DEFAULT_RETENTION_MS,
        flapMs: options.flapMs ?? DEFAULT_FLAP_MS,
      },
      labels: { [SIMULATED_LABEL]: 'true', [RUN_LABEL]: randomUUID() },
    };
  }

  async run(): Promise<void> {
    await this.#untilStopped(async () => {
      await this.#stage.objects.ensureNamespace();
      // What a run that was killed left without its owner would be in the way of the same names.
      await this.#sweep();
    });
    const concurrency = this.#options.concurrency ?? DEFAULT_CONCURRENCY;
    const lines = Array.from({ length: concurrency }, (_, line) =>
      this.#untilStopped(() => this.#playLine(line)),
    );
    const sweeping = this.#untilStopped(() => this.#keepSweeping());
    await Promise.all(lines);
    if (this.#options.deleteAll === true) await this.#untilStopped(() => this.#deleteAll());
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

  /** One remediation after another. */
  async #playLine(line: number): Promise<void> {
    await this.#pacing.beforeLine(line);
    for (let index = this.#takeIndex(); index !== undefined; index = this.#takeIndex()) {
      await this.#pacing.beforeRemediation(index);
      await this.#playOne(index);
      await this.#pacing.afterRemediation(index);
    }
  }

  #takeIndex(): number | undefined {
    if (this.#taken >= (this.#options.count ?? Infinity)) return undefined;
    this.#taken += 1;
    return this.#taken - 1;
  }

  async #playOne(index: number): Promise<void> {
    const opened = await this.#open(index);
    const { record } = opened;
    this.report.started += 1;
    this.report.remediations.push(record);
    if (this.report.remediations.length > MAX_REPORTED) this.report.remediations.shift();
    try {
      await playRemediation(opened, this.#stage);
      this.#options.ended?.(record);
    } finally {
      this.#playing.delete(record.name);
    }
  }

  /** The same seed draws the same names again: an earlier run may have left its remediations under them. */
  async #open(index: number): Promise<OpenedRemediation> {
    for (let attempt = 0; attempt < MAX_NAME_ATTEMPTS; attempt += 1) {
      const plan = planRemediation(this.#choice, index, attempt);
      this.#playing.add(plan.name);
      const opened = await openRemediation(plan, this.#stage);
      if (opened) return opened;
      this.#playing.delete(plan.name);
    }
    throw new Error(
      `the simulator found ${MAX_NAME_ATTEMPTS} names of seed ${this.report.seed} taken: choose another seed`,
    );
  }

  async #keepSweeping(): Promise<void> {
    const { retentionMs } = this.#stage.clock;
    const pauseMs = Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, retentionMs / SWEEPS_PER_RETENTION));
    for (;;) {
      await delay(pauseMs, undefined, { signal: this.#signal });
      await this.#sweep();
    }
  }

  async #sweep(): Promise<void> {
    this.#noteDeleted(await sweep({ ...this.#stage, playing: this.#playing }));
  }

  async #deleteAll(): Promise<void> {
    this.#noteDeleted(await deleteAll(this.#stage.objects));
  }

  #noteDeleted(uids: readonly string[]): void {
    const deleted = new Set(uids);
    for (const record of this.report.remediations) if (deleted.has(record.uid)) record.deleted = true;
  }
}
