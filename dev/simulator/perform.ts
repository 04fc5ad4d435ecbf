import type { JsonObject } from '../../src/domain/json.ts';
import type { Kind } from '../sandbox/kinds.ts';
import { groupVersion } from '../sandbox/kinds.ts';
import { fillIn } from './facts.ts';
import type { KindCode } from './generations.ts';
import { kindIn } from './generations.ts';
import { specIn, statusIn } from './older-shapes.ts';
import type { RemediationPlan } from './plan.ts';
import { paceOf } from './plan.ts';
import type { Random } from './random.ts';
import type { Clock, PlayedObject, Situation } from './situation.ts';
import { timeText } from './situation.ts';
import { SPECS } from './specs.ts';
import type { Part, Step, TemplateObject } from './step.ts';
import { codeOf, millisecondsOf, partOf } from './step.ts';
import { storyOf } from './stories.ts';

/** What a performance asks of whoever runs it. A write is answered with the object as it is then. */
export type Move =
  | { readonly pass: number }
  | { readonly create: Part; readonly kind: Kind; readonly body: Record<string, unknown> }
  | { readonly update: Part; readonly kind: Kind; readonly object: PlayedObject; readonly status: JsonObject }
  | { readonly delete: Part; readonly kind: Kind; readonly object: PlayedObject };

export type Performance = Generator<Move, undefined, PlayedObject | undefined>;

/** Held by its controllers until they have cleaned up; what has none vanishes at once. */
const FINALIZERS: Readonly<Partial<Record<Part, readonly string[]>>> = {
  AIA: ['kubernaut.ai/finalizer'],
  AS: [
    'apifrontend.kubernaut.ai/agentsession-terminal-close',
    'kubernautagent.kubernaut.ai/agentsession-dispatch-cleanup',
  ],
  WFE: ['workflowexecution.kubernaut.ai/workflowexecution-cleanup'],
};

/** The orchestrator was seen to write 27 times a second while two notifications differ. */
const FLAP_EVERY_MS = 37;

/** The story of a plan, move by move: nothing but the runner touches a cluster, a clock or a disk. */
export function* perform(
  plan: RemediationPlan,
  clock: Clock,
  labels: Readonly<Record<string, string>>,
): Performance {
  const parts = new Map<Part, PlayedObject>();
  const pace = paceOf(plan);
  for (const step of storyOf(plan.branch).steps) {
    const part = partOf(step);
    const kind = kindIn(plan.generation, codeOf(part));
    if (kind === undefined || (step.only && !step.only.includes(plan.generation))) continue;
    yield { pass: spanOf(step, pace) };
    const situate = (): Situation => ({ plan, clock, parts, subject: parts.get(part) });
    if ('flap' in step) {
      yield* flapping(step, { kind, situate, parts });
      continue;
    }
    const object = yield moveOf(step, { kind, situation: situate(), labels });
    if (object === undefined) parts.delete(part);
    else parts.set(part, object);
  }
}

interface Flapping {
  kind: Kind;
  situate: () => Situation;
  parts: Map<Part, PlayedObject>;
}

/** By a timetable, so that slow answers do not make it slower; an interval is never longer than usual to catch up. */
function* flapping(step: Extract<Step, { flap: Part }>, { kind, situate, parts }: Flapping): Performance {
  const { clock } = situate();
  const begunAt = clock.now();
  const turns = Math.max(step.between.length, Math.round(clock.flapMs / FLAP_EVERY_MS));
  for (let turn = 0; turn < turns; turn += 1) {
    const dueMs = begunAt + turn * FLAP_EVERY_MS - clock.now();
    yield { pass: Math.min(FLAP_EVERY_MS, Math.max(0, dueMs)) * clock.speed };
    const status = step.between[turn % step.between.length] ?? step.between[0];
    const object = yield updateOf(step.flap, status, { kind, situation: situate() });
    if (object !== undefined) parts.set(step.flap, object);
  }
}

interface Writing {
  kind: Kind;
  situation: Situation;
  labels: Readonly<Record<string, string>>;
}

function moveOf(step: Exclude<Step, { flap: Part }>, writing: Writing): Move {
  const { kind, situation } = writing;
  if ('create' in step) return { create: step.create, kind, body: bodyOf(step, writing) };
  if ('update' in step) return updateOf(step.update, step.status, writing);
  return { delete: step.delete, kind, object: subjectOf(step.delete, situation) };
}

function updateOf(
  part: Part,
  status: TemplateObject,
  { kind, situation }: Pick<Writing, 'kind' | 'situation'>,
): Move {
  const object = subjectOf(part, situation);
  const filled = fillIn(statusIn(situation.plan.generation, codeOf(part), status), situation);
  return { update: part, kind, object, status: withEarlierConditions(filled, object) };
}

function subjectOf(part: Part, { subject }: Situation): PlayedObject {
  if (subject === undefined) throw new Error(`a story changes ${part} before it creates it`);
  return subject;
}

/** A list that is merged by type: a controller sets one condition and leaves the others as they are. */
function withEarlierConditions(status: JsonObject, { status: before }: PlayedObject): JsonObject {
  const set = status['conditions'] as { type: string }[] | undefined;
  if (set === undefined) return status;
  const earlier = (before?.['conditions'] ?? []) as { type: string }[];
  const byType = new Map([...earlier, ...set].map((condition) => [condition.type, condition]));
  return { ...status, conditions: [...byType.values()] };
}

/** Draws even where the range is a point, so that a later change of a range moves no other step. */
function spanOf({ after = '0s' }: Step, pace: Random): number {
  const [low = '0s', high = low] = after.split('..');
  return pace.between(millisecondsOf(low), millisecondsOf(high));
}

function bodyOf(step: Extract<Step, { create: Part }>, { kind, situation, labels }: Writing) {
  const { plan } = situation;
  const code = codeOf(step.create);
  const spec = specIn(plan.generation, code, { ...SPECS[code], ...step.spec });
  const finalizers = FINALIZERS[step.create];
  return {
    apiVersion: groupVersion(kind),
    kind: kind.kind,
    metadata: {
      name: nameOf(step.create, plan.name),
      labels: { ...labelsOf(step.create, plan), ...labels },
      ...(code === 'RR'
        ? { annotations: { 'kubernaut.ai/created-at': timeText(situation.clock.now()) } }
        : {}),
      ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }),
      ...ownerOf(step.create, situation),
    },
    spec: fillIn(spec, situation),
  };
}

const PREFIXES = {
  RP: 'rp',
  SP: 'sp',
  AIA: 'ai',
  AS: 'as',
  WFE: 'we',
  RAR: 'rar',
  EA: 'ea',
  IS: 'is',
} as const;

/** Names are deterministic: a sibling can address a resource that it never saw. */
export function nameOf(part: Part, remediation: string): string {
  if (part === 'RR') return remediation;
  if (part.startsWith('KE/')) return `ke-${part.slice('KE/'.length)}-${remediation}`;
  if (!part.startsWith('NR/')) return `${PREFIXES[part as keyof typeof PREFIXES]}-${remediation}`;
  const about = part.slice('NR/'.length);
  return about.includes('timeout') ? `${about}-${remediation}` : `nr-${about}-${remediation}`;
}

/** Children carry no labels of kubernaut today; in December 2025 they did. */
function labelsOf(part: Part, { generation, name }: RemediationPlan): Record<string, string> {
  if (part === 'RR') {
    return {
      'app.kubernetes.io/managed-by': 'gateway-service',
      'app.kubernetes.io/component': 'remediation',
    };
  }
  if (generation !== 'G1') return {};
  return { 'kubernaut.ai/remediation-request': name, 'kubernaut.ai/component': 'remediation' };
}

/** Of what is not owned by the remediation itself. */
const OWNERS: Readonly<Partial<Record<KindCode, Part>>> = { AS: 'AIA', KE: 'WFE' };

function ownerOf(part: Part, { parts }: Situation): object {
  const owner = parts.get(OWNERS[codeOf(part)] ?? 'RR');
  if (owner === undefined || part === 'RR') return {};
  const { apiVersion, kind, metadata } = owner;
  const reference = { apiVersion, kind, name: metadata.name, uid: metadata.uid };
  return { ownerReferences: [{ ...reference, controller: true, blockOwnerDeletion: part !== 'EA' }] };
}
