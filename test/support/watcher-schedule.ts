import { setTimeout as delay } from 'node:timers/promises';

import { HOUR_MS } from '../../src/domain/time.ts';
import type { WatchedKind } from '../../src/watcher/watched-kind.ts';
import type { Random } from './random.ts';
import { seededRandom } from './random.ts';
import type { FaultName } from './watcher-faults.ts';
import { FAULTS } from './watcher-faults.ts';
import { PLAIN_REMEDIATION } from './watcher-kinds.ts';
import { judge } from './watcher-oracle.ts';
import { FAST } from './watcher-timing.ts';
import { WatcherWorld } from './watcher-world.ts';
import type { WrittenRemediation } from './watcher-writer.ts';
import { WatcherWriter } from './watcher-writer.ts';

/** What happens to the watcher itself, and to the servers it hands to. */
const TROUBLES = ['temporal-away', 'temporal-slow', 'database-away', 'killed', 'second-watcher'] as const;
export type Trouble = FaultName | (typeof TROUBLES)[number];

export interface ScheduleOptions {
  readonly seed: number;
  /** Which troubles may come. Default: all. */
  readonly troubles?: readonly Trouble[];
  /** Guarantees of the watcher that are switched off, to see that the schedule would notice. */
  readonly without?: readonly ('reconcile' | 'tombstones' | 'inactivity')[];
}

const ALL: readonly Trouble[] = [...FAULTS, ...TROUBLES];
/** The watch goes on, and does not know what it did not hear. */
const LOSING: ReadonlySet<Trouble> = new Set(['lost-event', 'only-looks', 'freeze']);
const ROUNDS = 2;
/** Whatever was wrong, so long after it has ended everything that is there must have been reported. */
const RECOVERY_MS = 110_000;
/** What is switched off never recovers: to see that takes no patience with a busy machine. */
const MUTATED_RECOVERY_MS = 6_000;
/**
 * What a watch has not shown so long after a list, it has missed. The server is in this process, so a stall of it delays the
 * watch: on a machine that ran several suites at once 150 ms were now and then too short.
 */
const GRACE_MS = 1_000;
const NEVER_MS = HOUR_MS;

/** Plays one schedule and returns what it broke; nothing when every guarantee held. */
export async function playSchedule(options: ScheduleOptions): Promise<readonly string[]> {
  const random = seededRandom(options.seed);
  const isOff = (guarantee: 'reconcile' | 'tombstones' | 'inactivity'): boolean =>
    options.without?.includes(guarantee) ?? false;
  await using world = await WatcherWorld.create({
    kinds: [isOff('tombstones') ? WITHOUT_TOMBSTONES : PLAIN_REMEDIATION],
    timing: {
      reconcileMs: isOff('reconcile') ? NEVER_MS : FAST.reconcileMs,
      reconcileGraceMs: GRACE_MS,
      inactivityMs: isOff('inactivity') ? NEVER_MS : FAST.inactivityMs,
    },
  });
  const schedule = new Schedule(world, random, {
    troubles: options.troubles ?? ALL,
    recoveryMs: options.without?.length ? MUTATED_RECOVERY_MS : RECOVERY_MS,
  });
  return await schedule.play();
}

/** Only deletions that were watched count. */
const WITHOUT_TOMBSTONES: WatchedKind = {
  ...PLAIN_REMEDIATION,
  readDeletion: (gone, context) =>
    gone.lastState === undefined
      ? { unread: 'no-remediation' }
      : PLAIN_REMEDIATION.readDeletion(gone, context),
};

class Schedule {
  readonly #world: WatcherWorld;
  readonly #random: Random;
  readonly #troubles: readonly Trouble[];
  readonly #recoveryMs: number;
  readonly #writer: WatcherWriter;
  readonly #broken: string[] = [];
  #hasLost = false;

  constructor(
    world: WatcherWorld,
    random: Random,
    { troubles, recoveryMs }: { readonly troubles: readonly Trouble[]; readonly recoveryMs: number },
  ) {
    this.#recoveryMs = recoveryMs;
    this.#world = world;
    this.#random = random;
    this.#troubles = troubles;
    this.#writer = new WatcherWriter(world, random);
  }

  async play(): Promise<readonly string[]> {
    for (let count = this.#random.below(5); count >= 0; count -= 1) this.#writer.create();
    this.#world.startWatcher();
    for (let round = 0; round < ROUNDS && this.#broken.length === 0; round += 1) {
      await this.#storm();
      await this.#calm();
      await this.#workUndisturbed();
    }
    await this.#lastWords();
    await this.#world.stopWatchers();
    const broken = [...this.#broken, ...judge(this.#world.record, this.#writer)];
    return broken.length === 0 ? [] : [...broken, `after: ${this.#writer.log.join(', ')}`];
  }

  /** Operations and troubles at random. */
  async #storm(): Promise<void> {
    for (let count = 1 + this.#random.below(4); count > 0; count -= 1) {
      const trouble = this.#random.pick(this.#troubles);
      this.#writer.note(`-- ${trouble}`);
      this.#hasLost ||= LOSING.has(trouble);
      await this.#begin(trouble);
      for (let operations = 1 + this.#random.below(4); operations > 0; operations -= 1) {
        this.#writer.anyOperation({ mayLoseTerminal: false });
        await delay(this.#random.below(15));
      }
      await this.#end(trouble);
    }
  }

  /** Nothing is wrong any more: within the bound everything that is there has been reported, and everything that went. */
  async #calm(): Promise<void> {
    const deadline = performance.now() + this.#recoveryMs;
    for (;;) {
      const missing = this.#writer.unreported();
      if (missing.length === 0) return;
      if (performance.now() > deadline) {
        this.#broken.push(
          `not reported ${this.#recoveryMs} ms after the last trouble: ${missing.join(', ')}`,
        );
        return;
      }
      await delay(5);
    }
  }

  /** Of what was created and deleted again nothing may have been reported yet: its deletion is on its way behind its phases. */
  async #lastWords(): Promise<void> {
    const deadline = performance.now() + this.#recoveryMs;
    const isRight = (): boolean => judge(this.#world.record, this.#writer).length === 0;
    while (this.#broken.length === 0 && !isRight() && performance.now() < deadline) await delay(5);
  }

  /** Without troubles every phase and every block is reported, and by the watch alone. */
  async #workUndisturbed(): Promise<void> {
    if (this.#broken.length > 0 || !(await this.#untilWatching())) return;
    const missedBefore = await this.#world.missedOnRelist();
    const states: WrittenRemediation[] = [];
    for (let operations = 3 + this.#random.below(5); operations > 0; operations -= 1) {
      const written = this.#writer.anyOperation({ mayLoseTerminal: true });
      if (written !== undefined) states.push(written);
      await delay(this.#random.below(4));
    }
    await this.#calm();
    for (const missing of await this.#neverReported(states)) this.#broken.push(missing);
    const missed = (await this.#world.missedOnRelist()) - missedBefore;
    if (missed > 0) this.#broken.push(`missed on relist without a fault: ${missed}`);
  }

  /** A state that gathers for the next signal is not reported yet when its phase was reported once before. */
  async #neverReported(states: readonly WrittenRemediation[]): Promise<readonly string[]> {
    const deadline = performance.now() + this.#recoveryMs;
    const { reported } = this.#world.record;
    const find = (): string[] =>
      states.flatMap(({ uid, shown }) => {
        const missing = [...shown].filter((what) => !reported.has(`${uid} ${what}`));
        return missing.length === 0 ? [] : [`never reported for ${uid}: ${missing.join(', ')}`];
      });
    while (find().length > 0 && performance.now() < deadline) await delay(5);
    return find();
  }

  /** The troubles may have left a watch that is only being asked for again: its first event shows that it is there. */
  async #untilWatching(): Promise<boolean> {
    this.#writer.create();
    await this.#calm();
    // What a storm has lost without a word is found, and counted, by the list that comes after it.
    const roundMs = FAST.reconcileMs + GRACE_MS + FAST.longestBackoffMs;
    const foundMs = this.#hasLost ? 3 * roundMs : 0;
    this.#hasLost = false;
    await delay(FAST.longestBackoffMs + foundMs);
    await this.#calm();
    this.#writer.forgetShown();
    return this.#broken.length === 0;
  }

  async #begin(trouble: Trouble): Promise<void> {
    const { record } = this.#world;
    switch (trouble) {
      case 'temporal-away':
        record.temporalAway = true;
        return;
      case 'temporal-slow':
        record.slowMs = 10;
        return;
      case 'database-away':
        record.databaseAway = true;
        return;
      case 'killed':
        await this.#world.stopWatchers();
        return;
      case 'second-watcher':
        this.#world.startWatcher();
        return;
      default:
        this.#world.faults.start(trouble);
    }
  }

  async #end(trouble: Trouble): Promise<void> {
    const { record } = this.#world;
    record.temporalAway = false;
    record.slowMs = 0;
    record.databaseAway = false;
    this.#world.faults.stop();
    if (trouble === 'killed') this.#world.startWatcher();
    await delay(this.#random.below(30));
  }
}
