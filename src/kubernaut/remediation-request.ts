import type { JsonObject, JsonValue } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { naturalKey } from '../domain/observation.ts';
import { allPaths, spelledIn } from './column-source.ts';
import { observeDeletion } from './deletion.ts';
import type { GoneResource } from './kind.ts';
import { pathsLeftOut } from './kind.ts';
import type { ReadingContext, ResourceReading, Unread } from './observed-remediation.ts';
import type { PhaseRead, Subject } from './read-kind.ts';
import { readPhase, subjectOf, understoodBy } from './read-kind.ts';
import { lastBlockOf, readSkip, siblingsOf, SKIP } from './remediation-request-siblings.ts';
import {
  CLOSURE,
  grouped,
  isTerminal,
  PROGRESS,
  REMEDIATION_REQUEST_LEFT_OUT,
  verdictOf,
} from './remediation-request-sources.ts';
import type { Shape, ShapeMarks } from './resource.ts';
import { at, groupOf, identityOf, shapeOf, targetTextAt, textAt } from './resource.ts';

const KIND = 'RemediationRequest';

/** What only one generation has, so it decides before the group does. */
const MARKS: ShapeMarks = [
  [
    'G3',
    'status.phaseProgress',
    'status.routingStatus',
    'status.completionStatus',
    'status.operatorAudit',
    'status.workflowSelection',
  ],
  ['G1', 'spec.environment', 'spec.priority', 'spec.timeoutConfig'],
];

/** G1 had them too, and G2 still writes an empty `spec.deduplication`: these decide only after the group did. */
const LATER_MARKS: ShapeMarks = [
  [
    'G2',
    'status.processingStartTime',
    'status.signalProcessingRef',
    'status.aiAnalysisRef',
    'status.workflowExecutionRef',
    'status.blockReason',
    'status.outcome',
    'status.failurePhase',
    'status.timeoutPhase',
    'status.notificationRequestRefs',
    'status.selectedWorkflowRef',
    'status.preRemediationSpecHash',
    'status.lastModifiedBy',
  ],
  ['G1', 'spec.isStorm', 'spec.deduplication', 'spec.affectedResources'],
];
const GROUP_OF_G1 = 'remediation.kubernaut.io';
const GROUP_SINCE_G2 = 'kubernaut.ai';

const UNDERSTOOD = understoodBy([PROGRESS, CLOSURE, SKIP], pathsLeftOut(REMEDIATION_REQUEST_LEFT_OUT));

/**
 * Reads one state of a remediation: its own record, the block that this state shows, and what it knows of its siblings.
 *
 * The own record is progress or closure by the phase, and comes first. Updates after the end are closures
 * too: the times of retention and notifications still change then.
 */
export function readRemediationRequest(
  resource: JsonObject,
  context: ReadingContext,
): ResourceReading | Unread {
  const subject = subjectOfRequest(resource, context);
  if ('unread' in subject) return subject;
  const own = readOwnRecord(subject, isTerminal(at(resource, 'status.overallPhase')));
  const skip = readSkip(subject);
  return {
    ...aboutRequest(subject, own),
    observations: [
      own.observation,
      ...(skip === undefined ? [] : [skip.observation]),
      ...siblingsOf(subject),
    ],
  };
}

/** A remediation that is gone is over, whatever its last phase was: this is its closure. */
export function readRemediationDeletion(gone: GoneResource, context: ReadingContext): ResourceReading {
  const { about, columns, phase, wasSeen } = endingOf(gone, context);
  const went = phase === undefined ? gone : { ...gone, phase };
  const observation = observeDeletion(went, context, {
    kind: KIND,
    definition: CLOSURE.definition,
    phase: CLOSURE.phase,
    key: naturalKey(gone.uid),
    columns: {
      ...columns,
      ...(phase === undefined
        ? {}
        : { overall_phase: spelledIn(CLOSURE.definition, 'overall_phase', phase) }),
      verdict: verdictOf(phase),
      deleted_at: gone.deletedAt,
      final_state_unknown: !wasSeen && !isTerminal(phase),
    },
  });
  return { ...about, observations: [observation] };
}

/** What is known of a remediation at the moment it went. */
interface Ending {
  readonly about: Omit<ResourceReading, 'observations'>;
  readonly columns: Observation['columns'];
  readonly phase: string | undefined;
  /** Whether it was seen in the state in which it went. */
  readonly wasSeen: boolean;
}

/** All that its last state says, under the version of the deletion; else what was remembered of it. */
function endingOf(gone: GoneResource, context: ReadingContext): Ending {
  const subject = gone.lastState && subjectOfRequest(gone.lastState, context);
  if (subject === undefined || 'unread' in subject) return rememberedEnding(gone);
  const own = readOwnRecord(subject, true);
  return {
    about: aboutRequest(subject, own),
    columns: own.observation.columns,
    phase: textAt(subject.resource, 'status.overallPhase'),
    wasSeen: true,
  };
}

/** Without a last state: only what the watcher stored of it. Its target and its signal are in the record already. */
function rememberedEnding({ namespace, name, uid, phase }: GoneResource): Ending {
  return {
    about: {
      remediation: { namespace, name, uid },
      target: undefined,
      summary: name,
      shape: 'unknown',
      unrecognised: [],
      misshapen: [],
    },
    columns: {
      remediation_id: name,
      remediation_uid: uid,
      namespace,
      source_kind: KIND,
      source_uid: uid,
    },
    phase,
    wasSeen: false,
  };
}

function subjectOfRequest(resource: JsonObject, context: ReadingContext): Subject | Unread {
  const remediation = identityOf(resource);
  return subjectOf(resource, { shape: generationOf(resource), remediation, context });
}

/** `isOver` is given, not read: a deleted remediation is over in any phase. */
function readOwnRecord(subject: Subject, isOver: boolean): PhaseRead {
  return readPhase(isOver ? CLOSURE : PROGRESS, subject, {
    key: naturalKey(subject.remediation.uid),
    known: UNDERSTOOD,
    extra: composedExtra(subject.resource),
  });
}

function aboutRequest(
  { resource, shape, remediation: { namespace, name, uid } }: Subject,
  { unrecognised, misshapen }: PhaseRead,
): Omit<ResourceReading, 'observations'> {
  const target = targetTextAt(resource, 'spec.targetResource');
  return {
    remediation: { namespace, name, uid },
    target,
    summary: `${target ?? 'unknown target'}: ${textAt(resource, 'spec.signalName') ?? name}`,
    shape,
    unrecognised,
    misshapen,
  };
}

/** Members of `extra` that no single path gives. Of the raw payload only its length is kept: it may hold secrets. */
function composedExtra(resource: JsonObject): JsonObject {
  const payload = textAt(resource, 'spec.originalPayload');
  const block = lastBlockOf(resource);
  const notifications = allPaths(grouped('completionStatus', 'notificationRequestRefs'))
    .map((path) => namesOf(at(resource, path)))
    .find((names) => names.length > 0);
  return {
    ...(payload === undefined ? {} : { original_payload_characters: payload.length }),
    ...(block === undefined ? {} : { last_block: block }),
    ...(notifications === undefined ? {} : { notification_requests: notifications }),
  };
}

/** The group in these references is out of date in today's kubernaut, so only the names are kept. */
function namesOf(references: JsonValue | undefined): string[] {
  return Array.isArray(references) ? references.flatMap((reference) => textAt(reference, 'name') ?? []) : [];
}

/** Only G0 had a RemediationProcessing. G2 still had members of G1 in its spec, and was served in today's group. */
function generationOf(resource: JsonObject): Shape {
  const shape = shapeByMarks(resource);
  if (shape !== 'G1') return shape;
  if (groupOf(resource) === GROUP_SINCE_G2) return 'G2';
  return at(resource, 'status.remediationProcessingRef') === undefined ? 'G1' : 'G0';
}

/** By what only one generation has, then by group and the case of the phase, then by what two generations share. */
function shapeByMarks(resource: JsonObject): Shape {
  const shape = shapeOf(resource, MARKS);
  if (shape !== 'unknown') return shape;
  const phase = textAt(resource, 'status.overallPhase');
  if (groupOf(resource) === GROUP_OF_G1 || (phase !== undefined && /^[a-z]/.test(phase))) return 'G1';
  return shapeOf(resource, LATER_MARKS);
}
