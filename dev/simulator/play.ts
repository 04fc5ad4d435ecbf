import type { ClusterObjects } from './cluster-objects.ts';
import type { Generation } from './generations.ts';
import type { Move, Performance } from './perform.ts';
import { perform } from './perform.ts';
import type { RemediationPlan } from './plan.ts';
import type { Clock, PlayedObject } from './situation.ts';
import type { Part } from './step.ts';
import type { Branch } from './stories.ts';

/** What remediations are played on. */
export interface Stage {
  objects: ClusterObjects;
  /** Lets so many milliseconds of life pass; rejects when the run is aborted. */
  pass: (ms: number) => Promise<void>;
  clock: Clock;
  /** Marks of everything that is created. */
  labels: Readonly<Record<string, string>>;
}

/** One resource as it was written last. */
export interface PlayedPart {
  kind: string;
  name: string;
  uid: string;
  /** The phase, or of an approval the decision; undefined before there is one. */
  phase: string | undefined;
}

/** What was written, for whoever compares it with what was seen. */
export interface PlayedRemediation {
  name: string;
  namespace: string;
  uid: string;
  branch: Branch;
  generation: Generation;
  /** The last phase written. */
  phase: string | undefined;
  /** Every other resource, by what it is to the remediation. */
  parts: Partial<Record<Part, PlayedPart>>;
  /** The play came to its end. */
  finished: boolean;
  /** The story, the retention or somebody else has taken it away again. */
  deleted: boolean;
}

/** A remediation that exists, and what is still to be played of it. */
export interface OpenedRemediation {
  record: PlayedRemediation;
  performance: Performance;
  /** The remediation as the server answered its creation. */
  created: PlayedObject;
}

/** Begins a remediation; undefined when its name is taken. */
export async function openRemediation(
  plan: RemediationPlan,
  stage: Stage,
): Promise<OpenedRemediation | undefined> {
  const performance = perform(plan, stage.clock, stage.labels);
  let next = performance.next();
  while (next.done !== true && 'pass' in next.value) {
    await stage.pass(next.value.pass);
    next = performance.next();
  }
  if (next.done === true || !('create' in next.value)) {
    throw new Error(`the story ${plan.branch} does not begin with its remediation`);
  }
  const created = await stage.objects.create(next.value.kind, next.value.body);
  if (!created) return undefined;
  const { name, namespace, uid } = created.metadata;
  const { branch, generation } = plan;
  const identity = { name, namespace, uid, branch, generation };
  const record = { ...identity, phase: undefined, parts: {}, finished: false, deleted: false };
  return { record, performance, created };
}

/**
 * Plays an opened remediation to its end, or until somebody deletes it: that is how one is cancelled.
 * The record is kept current, so that it is true whenever the play is cut short.
 */
export async function playRemediation(opened: OpenedRemediation, stage: Stage): Promise<void> {
  const { record, performance } = opened;
  let next = performance.next(opened.created);
  while (next.done !== true) {
    const move = next.value;
    if ('pass' in move) {
      await stage.pass(move.pass);
      next = performance.next();
      continue;
    }
    const object = await carryOut(move, stage);
    if (object === undefined && !('delete' in move)) {
      // Gone while it was played. Children that are left behind are swept away.
      record.deleted = 'update' in move && move.update === 'RR';
      return;
    }
    note(record, move, object);
    next = performance.next(object);
  }
  record.finished = true;
}

type Write = Exclude<Move, { readonly pass: number }>;

/** The object as it is then; undefined when it is gone. */
async function carryOut(move: Write, { objects }: Stage): Promise<PlayedObject | undefined> {
  if ('update' in move) return objects.patchStatus(move.kind, move.object.metadata.name, move.status);
  if ('delete' in move) {
    await objects.delete(move.kind, move.object);
    return undefined;
  }
  const created = await objects.create(move.kind, move.body);
  if (created) return created;
  const { name } = move.body['metadata'] as { name: string };
  throw new Error(
    `the simulator cannot create ${move.kind.plural} ${name}: the name is taken. Delete it, or choose another seed`,
  );
}

function note(record: PlayedRemediation, move: Write, object: PlayedObject | undefined): void {
  const part = 'create' in move ? move.create : 'update' in move ? move.update : move.delete;
  if (object === undefined) {
    if (part === 'RR') record.deleted = true;
    // What is deleted with the remediation is reported as it was last; what is deleted before it is not part of the ending.
    else if (!record.deleted) {
      record.parts = Object.fromEntries(Object.entries(record.parts).filter(([name]) => name !== part));
    }
    return;
  }
  if (part === 'RR') {
    record.phase = phaseOf(object);
    return;
  }
  const { name, uid } = object.metadata;
  record.parts[part] = { kind: object.kind, name, uid, phase: phaseOf(object) };
}

/** The word that says how far a resource is. */
export function phaseOf({ status }: Pick<PlayedObject, 'status'>): string | undefined {
  const word = status?.['overallPhase'] ?? status?.['phase'] ?? status?.['decision'];
  return typeof word === 'string' ? word : undefined;
}
