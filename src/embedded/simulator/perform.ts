import type { JsonObject } from '../../domain/json.ts';
import type { Kind } from '../sandbox/kinds.ts';
import { groupVersion } from '../sandbox/kinds.ts';
import { fillIn } from './facts.ts';
import { kindIn } from './generations.ts';
import { specIn, statusIn } from './older-shapes.ts';
import type { RemediationPlan } from './plan.ts';
import { paceOf } from './plan.ts';
import type { Random } from './random.ts';
import type { Clock, PlayedObject, Situation } from './situation.ts';
import { timeText } from './situation.ts';
import { SPECS } from './specs.ts';
import type { Part, Step } from './step.ts';
import { codeOf, millisecondsOf, partOf } from './step.ts';
import { storyOf } from './stories.ts';

/** What a performance asks of whoever runs it. A write is answered with the object as it is then. */
export type Move =
  | { readonly pass: number }
  | { readonly create: Part; readonly kind: Kind; readonly body: Record<string, unknown> }
  | { readonly update: Part; readonly kind: Kind; readonly object: PlayedObject; readonly status: JsonObject }
  | { readonly delete: Part; readonly kind: Kind; readonly object: PlayedObject };

export type Performance = Generator<Move, undefined, PlayedObject | undefined>;

/** Held by its controller until it has cleaned up; what has none vanishes at once. */
const FINALIZERS: Readonly<Partial<Record<Part, string>>> = {
  AIA: 'kubernaut.ai/finalizer',
  AS: 'apifrontend.kubernaut.ai/agentsession-terminal-close',
  WFE: 'workflowexecution.kubernaut.ai/workflowexecution-cleanup',
};

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
    const situation: Situation = { plan, clock, parts, subject: parts.get(part) };
    const object = yield moveOf(step, { kind, situation, labels });
    if (object === undefined) parts.delete(part);
    else parts.set(part, object);
  }
}

interface Writing {
  kind: Kind;
  situation: Situation;
  labels: Readonly<Record<string, string>>;
}

function moveOf(step: Step, writing: Writing): Move {
  const { kind, situation } = writing;
  if ('create' in step) return { create: step.create, kind, body: bodyOf(step, writing) };
  const object = situation.subject;
  if (object === undefined) throw new Error(`a story changes ${partOf(step)} before it creates it`);
  if ('delete' in step) return { delete: step.delete, kind, object };
  const status = statusIn(situation.plan.generation, codeOf(step.update), step.status);
  return { update: step.update, kind, object, status: fillIn(status, situation) };
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
  const finalizer = FINALIZERS[step.create];
  return {
    apiVersion: groupVersion(kind),
    kind: kind.kind,
    metadata: {
      name: nameOf(step.create, plan.name),
      labels: { ...labelsOf(step.create, plan), ...labels },
      ...(code === 'RR'
        ? { annotations: { 'kubernaut.ai/created-at': timeText(situation.clock.now()) } }
        : {}),
      ...(finalizer === undefined ? {} : { finalizers: [finalizer] }),
      ...ownerOf(step.create, situation),
    },
    spec: fillIn(spec, situation),
  };
}

const PREFIXES = { SP: 'sp', AIA: 'ai', AS: 'as', WFE: 'we', RAR: 'rar', EA: 'ea' } as const;

/** Names are deterministic: a sibling can address a resource that it never saw. */
export function nameOf(part: Part, remediation: string): string {
  if (part === 'RR') return remediation;
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

function ownerOf(part: Part, { parts }: Situation): object {
  const owner = parts.get(part === 'AS' ? 'AIA' : 'RR');
  if (owner === undefined || part === 'RR') return {};
  const { apiVersion, kind, metadata } = owner;
  const reference = { apiVersion, kind, name: metadata.name, uid: metadata.uid };
  return { ownerReferences: [{ ...reference, controller: true, blockOwnerDeletion: part !== 'EA' }] };
}
