import type { JsonObject } from '../../src/domain/json.ts';
import { HOUR_MS } from '../../src/domain/time.ts';
import { groupResource } from '../sandbox/kinds.ts';
import { mergePatch } from '../sandbox/object-rules.ts';
import { creatorOf, statusWriterOf } from './field-managers.ts';
import type { Generation } from './generations.ts';
import { SIMULATED_LABEL } from './labels.ts';
import type { Move } from './perform.ts';
import { perform } from './perform.ts';
import type { RemediationPlan } from './plan.ts';
import { planRemediation, uuidOf } from './plan.ts';
import type { PlayedObject } from './situation.ts';
import { timeText } from './situation.ts';
import type { Branch } from './stories.ts';

/** What a watch would deliver for one write. */
export interface WatchedState {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: JsonObject;
  /** Milliseconds since the epoch; two writes of one time follow each other at once. */
  readonly writtenAt: number;
}

/** A story without a cluster begins here. */
const BEGINNING = Date.parse('2026-09-01T09:00:00Z');
const FIRST_VERSION = 1_000;
const RETENTION_MS = 24 * HOUR_MS;
const FLAP_MS = 1_000;

/**
 * Every state of every resource of one remediation, in the order in which they are written: pure, and the same for the
 * same arguments. Time passes as in life, from the first of September 2026 on.
 */
export function statesOf(branch: Branch, generation: Generation, seed: number): readonly WatchedState[] {
  return statesOfPlan(planRemediation({ seed, generation, branches: [branch] }, 0));
}

function statesOfPlan(plan: RemediationPlan): readonly WatchedState[] {
  let now = BEGINNING;
  const clock = { now: () => now, speed: 1, retentionMs: RETENTION_MS, flapMs: FLAP_MS };
  const births = new Map<string, number>();
  const performance = perform(plan, clock, { [SIMULATED_LABEL]: 'true' });
  const states: WatchedState[] = [];
  let answer: PlayedObject | undefined;
  for (let next = performance.next(); next.done !== true; next = performance.next(answer)) {
    answer = undefined;
    if ('pass' in next.value) {
      now += next.value.pass;
      continue;
    }
    const written = write(next.value, { now, version: FIRST_VERSION + states.length, births });
    // As over the wire: nobody can change what another one holds.
    const watched = structuredClone(written) as unknown as Omit<WatchedState, 'writtenAt'>[];
    for (const state of watched) states.push({ ...state, writtenAt: now });
    const last = written.at(-1);
    if (last?.type !== 'DELETED') answer = last?.object;
  }
  return states;
}

interface Written {
  type: WatchedState['type'];
  object: PlayedObject;
}

interface Server {
  readonly now: number;
  readonly version: number;
  /** How often each name was given: a second resource of the same name is another one. */
  readonly births: Map<string, number>;
}

/** What an API server does with a write, as far as it shows. */
function write(move: Exclude<Move, { pass: number }>, { now, version, births }: Server): Written[] {
  const resourceVersion = String(version);
  if ('create' in move) {
    const { metadata, ...rest } = move.body as unknown as PlayedObject;
    const name = `${groupResource(move.kind)} ${metadata.name}`;
    const earlier = births.get(name) ?? 0;
    births.set(name, earlier + 1);
    const uid = uuidOf(earlier === 0 ? name : `${name} ${earlier}`);
    const birth = { namespace: 'kubernaut-system', uid, resourceVersion, creationTimestamp: timeText(now) };
    const born = { ...metadata, ...birth, ...writtenBy(creatorOf(move.kind)), generation: 1 };
    const object = { ...rest, metadata: born };
    return [{ type: 'ADDED', object }];
  }
  const before = { ...move.object.metadata, resourceVersion };
  if ('delete' in move) return deletionOf({ ...move.object, metadata: before }, now, version);
  const metadata = { ...before, ...writtenBy(statusWriterOf(move.kind, move.status)) };
  const status = mergePatch(move.object.status ?? {}, move.status) as JsonObject;
  return [{ type: 'MODIFIED', object: { ...move.object, metadata, status } }];
}

/** What the watcher leaves of `managedFields`. */
const writtenBy = (manager: string) => ({ managedFields: [{ manager }] });

/** What finalizers hold is first marked, then released by its controller. */
function deletionOf(object: PlayedObject, now: number, version: number): Written[] {
  const { finalizers, ...metadata } = object.metadata;
  if (finalizers === undefined) return [{ type: 'DELETED', object }];
  const marked = { ...metadata, deletionTimestamp: timeText(now), deletionGracePeriodSeconds: 0 };
  return [
    { type: 'MODIFIED', object: { ...object, metadata: { ...marked, finalizers } } },
    {
      type: 'DELETED',
      object: { ...object, metadata: { ...marked, resourceVersion: String(version + 1) } as never },
    },
  ];
}
