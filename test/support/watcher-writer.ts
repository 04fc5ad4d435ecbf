import type { Random } from './random.ts';
import type { WatcherWorld } from './watcher-world.ts';

/** What the writer knows of one remediation: the truth that the watcher is held to. */
export interface WrittenRemediation {
  readonly uid: string;
  readonly name: string;
  phase: string;
  block: string | undefined;
  isTerminal: boolean;
  isDeleted: boolean;
  /** Phases and blocks it has shown, as `phase X` and `block X`, since `forgetShown`. */
  readonly shown: Set<string>;
  /** All phases it ever had. */
  readonly phases: Set<string>;
}

const PHASES = ['Processing', 'Analyzing', 'Executing', 'Verifying'];
const BLOCKS = ['ResourceBusy', 'DuplicateInProgress'];
const MOST_ALIVE = 6;

/** Writes remediations into the in-process cluster and remembers what it wrote. */
export class WatcherWriter {
  readonly written: WrittenRemediation[] = [];
  readonly log: string[] = [];
  readonly #world: WatcherWorld;
  readonly #random: Random;
  #names = 0;

  constructor(world: WatcherWorld, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  note(line: string): void {
    this.log.push(line);
  }

  create(name = `rr-${(this.#names += 1)}`): WrittenRemediation {
    const uid = `uid-${this.written.length}-${name}`;
    const remediation = {
      ...{ uid, name, phase: 'Pending', block: undefined, isTerminal: false, isDeleted: false },
      shown: new Set(['phase Pending']),
      phases: new Set(['Pending']),
    };
    this.#world.create(name, uid);
    this.written.push(remediation);
    this.note(`create ${uid}`);
    return remediation;
  }

  /** One step of one remediation, or a new one. What ended is deleted only when its end was reported, unless nothing is wrong. */
  anyOperation({ mayLoseTerminal }: { readonly mayLoseTerminal: boolean }): WrittenRemediation | undefined {
    const alive = this.written.filter(({ isDeleted }) => !isDeleted);
    if (alive.length === 0 || (alive.length < MOST_ALIVE && this.#random.below(4) === 0))
      return this.create();
    const one = this.#random.pick(alive);
    if (one.isTerminal) {
      const isReported = this.#world.record.reported.has(`${one.uid} phase ${one.phase}`);
      if (mayLoseTerminal || isReported) this.#delete(one);
      return one;
    }
    this.#step(one);
    return one;
  }

  /** From here on only what is shown anew has to be reported state by state. */
  forgetShown(): void {
    for (const { shown } of this.written) shown.clear();
  }

  /** What has still to be reported: the newest phase of what is there, and the verdict of what is not. */
  unreported(): string[] {
    const reported = this.#world.record.reported;
    return this.written.flatMap(({ uid, phase, isDeleted }) => {
      if (!isDeleted) return reported.has(`${uid} phase ${phase}`) ? [] : [`${uid} phase ${phase}`];
      // Created and deleted while nobody could look: of this nothing is left.
      if (!reported.has(uid)) return [];
      return reported.has(`${uid} deleted`) ? [] : [`${uid} deleted`];
    });
  }

  #step(one: WrittenRemediation): void {
    const choice = this.#random.below(10);
    if (choice === 0) this.#delete(one);
    else if (choice === 1) this.#recreate(one);
    else if (choice <= 3) this.#setPhase(one, 'Blocked', this.#random.pick(BLOCKS));
    else if (choice <= 5) this.#setPhase(one, this.#random.pick(['Completed', 'Failed']), undefined);
    else this.#setPhase(one, this.#random.pick(PHASES), undefined);
  }

  #setPhase(one: WrittenRemediation, phase: string, block: string | undefined): void {
    one.phase = phase;
    one.block = block;
    one.isTerminal = phase === 'Completed' || phase === 'Failed';
    if (!one.phases.has(phase)) one.shown.add(`phase ${phase}`);
    one.phases.add(phase);
    if (block !== undefined) one.shown.add(`block ${block}`);
    this.#world.setStatus(one.name, {
      overallPhase: phase,
      ...(block === undefined ? {} : { blockReason: block }),
    });
    this.note(`${one.uid} is ${phase} ${block ?? ''}`);
  }

  #delete(one: WrittenRemediation): void {
    one.isDeleted = true;
    this.#world.delete(one.name);
    this.note(`delete ${one.uid}`);
  }

  /** Deleted and made again under its name between two looks. */
  #recreate(one: WrittenRemediation): void {
    this.#delete(one);
    this.create(one.name);
  }
}
