import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { AuditPhase, Observation } from '../../src/domain/observation.ts';
import type { QueuedObservation } from '../../src/workflows/phase-queues.ts';
import { PhaseQueues } from '../../src/workflows/phase-queues.ts';
import { executionObservation } from '../support/observations.ts';

const PHASES = ['progress', 'investigation', 'recommendation', 'closure'] as const;

interface Part {
  readonly phase: AuditPhase;
  readonly fragment?: true;
}

/** One state of a resource: its parts in order, the last of which has the hash. */
function stateOf(resource: string, version: number, parts: readonly Part[]): Observation[] {
  return parts.map(({ phase, fragment }, place) => ({
    ...executionObservation({ key: `${resource}/${phase}`, phase, sourceVersion: String(version) }),
    ...(fragment === true ? { fragment } : {}),
    resource: {
      kind: 'Any',
      namespace: 'payments',
      name: resource,
      uid: resource,
      ...(place === parts.length - 1 ? { projectionHash: `${resource} ${version}` } : {}),
    },
  }));
}

interface Activity {
  readonly phase: AuditPhase;
  readonly list: readonly QueuedObservation[];
  /** Ends it; those at these places are to be brought again. */
  readonly end: (later?: readonly number[]) => void;
}

/** Queues whose activities end when the test says so, and what was ever handed to storage. */
class World {
  readonly running: Activity[] = [];
  readonly handed: Observation[] = [];
  /** By resource: hashes that were stored, in order. */
  readonly hashes = new Map<string, string[]>();
  readonly faults: string[] = [];
  readonly #unstored = new Set<Observation>();
  readonly #queues: PhaseQueues;

  constructor({ holdsFragments = false } = {}) {
    this.#queues = new PhaseQueues({
      record: (phase, list) => this.#record(phase, list),
      holdBack: (observation) => holdsFragments && observation.fragment === true && this.#forget(observation),
      gathers: () => undefined,
      confirms: () => undefined,
    });
  }

  add(...observations: readonly Observation[]): void {
    this.bring(...observations);
    this.start();
  }

  /** They wait until something is started. */
  bring(...observations: readonly Observation[]): void {
    for (const observation of observations) {
      this.#unstored.add(observation);
      this.#queues.add(observation);
    }
  }

  start(): void {
    this.#queues.makeAllDue();
    this.#queues.start();
  }

  /** Ends the activity of a phase, if it has one, and lets what follows from that happen. */
  async end(phase: AuditPhase, later: readonly number[] = []): Promise<void> {
    this.running.find((activity) => activity.phase === phase)?.end(later);
    // Promises only: nothing here waits for anything else.
    for (let step = 0; step < 10; step += 1) await Promise.resolve();
    this.start();
  }

  async endAll(): Promise<void> {
    do {
      for (let [first] = this.running; first !== undefined; [first] = this.running)
        await this.end(first.phase);
      // A record that is held back may confirm a state in a phase that was looked at before: a run's gather timer starts it.
      this.start();
    } while (this.running.length > 0);
    expect(this.#queues.failure).toBeUndefined();
    expect(this.#queues.unstored()).toEqual([]);
  }

  #record(phase: AuditPhase, list: readonly QueuedObservation[]): Promise<readonly QueuedObservation[]> {
    this.handed.push(...list.map(({ observation }) => observation));
    for (const { observation } of list) this.#check(observation);
    return new Promise((resolve) => {
      const activity: Activity = {
        phase,
        list,
        end: (later = []) => {
          this.running.splice(this.running.indexOf(activity), 1);
          const again = list.filter((_queued, place) => later.includes(place));
          for (const queued of list) if (!again.includes(queued)) this.#noteStored(queued);
          resolve(again);
        },
      };
      this.running.push(activity);
    });
  }

  /** A hash says that nothing of its resource that came before, in another phase, is still to be stored. */
  #check({ resource, phase }: Observation): void {
    if (resource?.projectionHash === undefined) return;
    const before = [...this.#unstored].filter(
      (other) => other.resource?.uid === resource.uid && other.phase !== phase,
    );
    if (before.length > 0)
      this.faults.push(`${resource.projectionHash} while ${before.map((other) => other.phase).join(', ')}`);
  }

  #noteStored({ observation }: QueuedObservation): void {
    for (const one of this.#unstored) if (isSame(one, observation)) this.#unstored.delete(one);
    const { uid = '', projectionHash } = observation.resource ?? {};
    if (projectionHash !== undefined) this.hashes.set(uid, [...(this.hashes.get(uid) ?? []), projectionHash]);
  }

  #forget(observation: Observation): boolean {
    for (const one of this.#unstored) if (isSame(one, observation)) this.#unstored.delete(one);
    return true;
  }
}

function isSame(one: Observation, other: Observation): boolean {
  return one.key === other.key && one.sourceVersion === other.sourceVersion;
}

const progress = { phase: 'progress' } as const;
const investigation = { phase: 'investigation' } as const;
const closure = { phase: 'closure' } as const;
const fragment = { phase: 'recommendation', fragment: true } as const;

describe('the hash of a state', () => {
  test('goes with its observation when nothing else of the resource is on its way', async () => {
    const world = new World();
    world.add(...stateOf('a', 1, [progress]));
    await world.endAll();
    expect(world.hashes).toEqual(new Map([['a', ['a 1']]]));
    expect(world.handed).toHaveLength(1);
  });

  test('goes alone, once, when another phase of the resource was slower', async () => {
    const world = new World();
    world.add(...stateOf('a', 1, [investigation, progress]));
    await world.end('progress');
    expect(world.hashes).toEqual(new Map());
    await world.end('investigation');
    await world.endAll();
    expect(world.hashes).toEqual(new Map([['a', ['a 1']]]));
    expect(world.handed).toHaveLength(3);
  });

  test('goes with the next list, whatever its phase and its resource', async () => {
    const world = new World();
    world.add(...stateOf('a', 1, [investigation, progress]));
    await world.end('progress');
    world.bring(...stateOf('b', 1, [closure]));
    await world.end('investigation');
    expect(world.running.map(({ phase, list }) => [phase, list.length])).toEqual([['closure', 2]]);
    await world.endAll();
    expect(world.hashes).toEqual(
      new Map([
        ['b', ['b 1']],
        ['a', ['a 1']],
      ]),
    );
    expect(world.handed).toHaveLength(4);
  });

  test('is not stored when more of its resource came: that brings a newer one', async () => {
    const world = new World();
    world.add(...stateOf('a', 1, [investigation, progress]));
    await world.end('progress');
    world.bring(...stateOf('a', 2, [closure]));
    await world.end('investigation');
    await world.endAll();
    expect(world.hashes).toEqual(new Map([['a', ['a 2']]]));
    expect(world.handed).toHaveLength(3);
  });

  test('waits for no other resource', async () => {
    const world = new World();
    world.add(...stateOf('a', 1, [investigation]), ...stateOf('b', 1, [progress]));
    await world.end('progress');
    expect(world.hashes).toEqual(new Map([['b', ['b 1']]]));
    await world.endAll();
  });

  test('is given also when what it waited for is a partial record that its run holds back', async () => {
    const world = new World({ holdsFragments: true });
    world.add(...stateOf('a', 1, [fragment, progress]));
    await world.endAll();
    expect(world.hashes).toEqual(new Map([['a', ['a 1']]]));
  });

  test('of the newest state is given also when an older state is taken after it', async () => {
    const world = new World();
    world.add(...stateOf('a', 1, [progress]));
    // While the first is stored, the second waits behind it; the third is of another phase, and overtakes it.
    world.add(...stateOf('a', 2, [progress]), ...stateOf('a', 3, [closure]));
    await world.end('closure');
    await world.endAll();
    expect(world.hashes.get('a')).toContain('a 3');
  });

  test('is not given before an observation that has to be brought again is stored', async () => {
    const world = new World();
    world.add(...stateOf('a', 1, [investigation, progress]));
    await world.end('progress');
    await world.end('investigation', [0]);
    expect(world.hashes).toEqual(new Map());
    await world.endAll();
    expect(world.hashes).toEqual(new Map([['a', ['a 1']]]));
  });
});

/** States of two resources in any order of phases, and activities that end in any order, or bring some again. */
const part: fc.Arbitrary<Part> = fc.constantFrom(...PHASES.map((phase) => ({ phase })), fragment);
const step = fc.oneof(
  fc.record({
    resource: fc.constantFrom('a', 'b'),
    parts: fc.uniqueArray(part, { minLength: 1, maxLength: 4, selector: ({ phase }) => phase }),
  }),
  fc.record({ ends: fc.constantFrom(...PHASES), isLater: fc.boolean() }),
);

test('a hash is never stored before what it stands for, and that of the newest state always at last', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, holdsFragments) => {
      const world = new World({ holdsFragments });
      const newest = new Map<string, string>();
      for (const [version, one] of steps.entries()) {
        if ('ends' in one) await world.end(one.ends, one.isLater ? [0] : []);
        else {
          world.add(...stateOf(one.resource, version, one.parts));
          // A state that ends in a partial record gives its hash up with it, until that is released.
          if (!(holdsFragments && one.parts.at(-1)?.fragment === true))
            newest.set(one.resource, `${one.resource} ${version}`);
          else newest.delete(one.resource);
        }
      }
      await world.endAll();
      expect(world.faults).toEqual([]);
      for (const [resource, hash] of newest) expect(world.hashes.get(resource)).toContain(hash);
    }),
    { numRuns: 500 },
  );
});
