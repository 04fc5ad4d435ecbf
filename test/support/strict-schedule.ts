import { setTimeout as delay } from 'node:timers/promises';

import type { Random } from './random.ts';
import { seededRandom } from './random.ts';
import { StrictWorld } from './strict-world.ts';
import { FAULTS } from './watcher-faults.ts';
import { judge } from './watcher-oracle.ts';
import type { Trouble } from './watcher-schedule.ts';
import type { WrittenRemediation } from './watcher-writer.ts';
import { WatcherWriter } from './watcher-writer.ts';

/** What may happen to the writes of strict mode, besides what happens to all requests. */
const PATCH_TROUBLES = ['patch-refused', 'patch-cut', 'patch-forbidden'] as const;
type StrictTrouble = Trouble | (typeof PATCH_TROUBLES)[number];

const TROUBLES: readonly StrictTrouble[] = [
  ...FAULTS,
  ...PATCH_TROUBLES,
  'temporal-slow',
  'database-away',
  'killed',
  'second-watcher',
];
const RECOVERY_MS = 6_000;
const PHASES = ['Processing', 'Executing', 'Completed', 'Failed'];
const STATUS = { 'patch-refused': 500, 'patch-forbidden': 403 } as const;

/**
 * Plays one schedule in strict mode, in which remediations are deleted at any time, reported or not. Returns what it broke:
 * whatever was held when it was deleted has its last phase and its verdict with Temporal, and had them when it went.
 */
export async function playStrictSchedule(seed: number): Promise<readonly string[]> {
  await using world = await StrictWorld.create();
  return await new StrictSchedule(world, seededRandom(seed)).play();
}

class StrictSchedule {
  readonly #world: StrictWorld;
  readonly #random: Random;
  readonly #writer: WatcherWriter;
  /** Held when they were deleted. */
  readonly #kept = new Set<WrittenRemediation>();

  constructor(world: StrictWorld, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#writer = new WatcherWriter(world, random);
  }

  async play(): Promise<readonly string[]> {
    const { record } = this.#world;
    for (let count = 3; count > 0; count -= 1) this.#writer.create();
    this.#world.startWatcher();
    for (let count = 3 + this.#random.below(4); count > 0; count -= 1) {
      // The one that strict mode is for.
      const trouble = this.#random.below(3) === 0 ? 'temporal-away' : this.#random.pick(TROUBLES);
      this.#writer.note(`-- ${trouble}`);
      await this.#begin(trouble);
      for (let operations = 2 + this.#random.below(5); operations > 0; operations -= 1) {
        this.#operate();
        await delay(this.#random.below(25));
      }
      await this.#end(trouble);
    }
    const late = await this.#untilCalm();
    await this.#world.stopWatchers();
    const early = this.#world.early.map((uid) => `${uid} was let go before its verdict was reported`);
    const broken = [
      ...late,
      ...early,
      ...judge(record, this.#writer).filter((line) => !this.#mayBeLost(line)),
    ];
    return broken.length === 0 ? [] : [...broken, `after: ${this.#writer.log.join(', ')}`];
  }

  #operate(): void {
    const alive = this.#writer.written.filter(({ isDeleted }) => !isDeleted);
    if (alive.length < 3 || this.#random.below(4) === 0) {
      this.#writer.create();
      return;
    }
    const one = this.#random.pick(alive);
    if (this.#random.below(3) > 0 && !one.isTerminal) this.#setPhase(one, this.#random.pick(PHASES));
    else this.#delete(one);
  }

  #setPhase(one: WrittenRemediation, phase: string): void {
    one.phase = phase;
    one.phases.add(phase);
    one.isTerminal = phase === 'Completed' || phase === 'Failed';
    this.#world.setStatus(one.name, { overallPhase: phase });
    this.#writer.note(`${one.uid} is ${phase}`);
  }

  #delete(one: WrittenRemediation): void {
    if (this.#world.isHeld(one.name)) this.#kept.add(one);
    one.isDeleted = true;
    this.#world.delete(one.name);
    this.#writer.note(`delete ${one.uid}${this.#kept.has(one) ? ', held' : ''}`);
  }

  /** What nobody held is lost, or reported in part, as without strict mode. */
  #mayBeLost(line: string): boolean {
    const isVerdict = / ended as | was deleted without /.test(line);
    return (
      isVerdict && this.#writer.written.some((one) => line.startsWith(`${one.uid} `) && !this.#kept.has(one))
    );
  }

  async #untilCalm(): Promise<readonly string[]> {
    const deadline = performance.now() + RECOVERY_MS;
    while (this.#unsettled().length > 0 && performance.now() < deadline) await delay(5);
    return this.#unsettled();
  }

  #unsettled(): string[] {
    const { reported } = this.#world.record;
    const kept = [...this.#kept].flatMap(({ uid, name, phase, isTerminal }) => [
      ...(this.#world.find(name)?.metadata.uid === uid ? [`${uid} is still there`] : []),
      ...(reported.has(`${uid} phase ${phase}`) ? [] : [`${uid} was never reported as ${phase}`]),
      ...(reported.has(`${uid} verdict ${isTerminal ? 'terminal' : 'deleted-before-terminal'}`)
        ? []
        : [`${uid} has no verdict`]),
    ]);
    const alive = this.#writer.written
      .filter(({ name, isDeleted, isTerminal }) => !isDeleted && this.#world.isHeld(name) === isTerminal)
      .map(
        ({ uid, isTerminal }) => `${uid} ${isTerminal ? 'has ended and is held' : 'goes on and is not held'}`,
      );
    return [...this.#writer.unreported(), ...kept, ...alive];
  }

  async #begin(trouble: StrictTrouble): Promise<void> {
    const { record } = this.#world;
    if (trouble === 'temporal-away') record.temporalAway = true;
    else if (trouble === 'temporal-slow') record.slowMs = 10;
    else if (trouble === 'database-away') record.databaseAway = true;
    else if (trouble === 'killed') await this.#world.stopWatchers();
    else if (trouble === 'second-watcher') this.#world.startWatcher();
    else this.#startFault(trouble);
  }

  #startFault(trouble: StrictTrouble): void {
    if (trouble === 'patch-cut') this.#world.patchFault = (response) => response.destroy();
    else if (trouble === 'patch-refused' || trouble === 'patch-forbidden') {
      const code = STATUS[trouble];
      this.#world.patchFault = (response) => response.writeHead(code).end('{"kind":"Status"}');
    } else this.#world.faults.start(trouble as (typeof FAULTS)[number]);
  }

  async #end(trouble: StrictTrouble): Promise<void> {
    const { record } = this.#world;
    const endsWithKill = trouble === 'temporal-away' && this.#random.below(2) === 0;
    // Killed with what it knows, before Temporal is back.
    if (endsWithKill) await this.#world.stopWatchers();
    record.temporalAway = false;
    record.slowMs = 0;
    record.databaseAway = false;
    this.#world.patchFault = undefined;
    this.#world.faults.stop();
    if (trouble === 'killed' || endsWithKill) this.#world.startWatcher();
    await delay(this.#random.below(30));
  }
}
