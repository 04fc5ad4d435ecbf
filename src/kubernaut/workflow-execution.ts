import { formatInterval, intervalBetween, parseDuration } from '../domain/duration.ts';
import { parseInstant } from '../domain/instant.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { workflowExecutionAudit } from '../domain/records/workflow-execution-audit.ts';
import type { ReadingContext, ResourceReading, Unread } from './observed-remediation.ts';
import { remediationOf } from './observed-remediation.ts';
import { definePhase, readPhase, subjectOf, understoodBy } from './read-kind.ts';
import { textAt } from './resource.ts';
import type { ShapeMarks } from './shapes.ts';
import { shapeOf } from './shapes.ts';

const MARKS: ShapeMarks = [
  ['G3', 'spec.timesOutAt', 'spec.workflowRef.workflowName', 'spec.workflowRef.actionType'],
  ['G2', 'spec.workflowRef'],
];

/** The resource names no outcome in any generation; the audit's word follows from the phase. */
const OUTCOME_BY_PHASE: Readonly<Record<string, string>> = {
  completed: 'Success',
  failed: 'Failed',
  skipped: 'n/a',
};

export const EXECUTION = definePhase({
  definition: workflowExecutionAudit,
  phase: 'execution',
  columns: {
    workflow_id: { paths: { G3: 'spec.workflowRef.workflowId' } },
    workflow_name: { paths: { G3: 'spec.workflowRef.workflowName' } },
    workflow_version: { paths: { G3: 'spec.workflowRef.version' } },
    container_image: {
      paths: { G3: 'spec.workflowRef.executionBundle' },
      derive: withDigest,
      how: 'with its digest where one is named beside it',
    },
    target_resource: { paths: { G3: 'spec.targetResource' } },
    parameters: { paths: { G3: 'spec.parameters' } },
    correlation_id: {
      paths: { G3: 'spec.remediationRequestRef.name' },
      how: "kubernaut's own correlation id is the name of the remediation; the label of the sources was never set",
    },
    phase: { paths: { G3: 'status.phase' } },
    status: { paths: { G3: 'status.phase' } },
    outcome: { paths: { G3: 'status.phase' }, derive: outcomeOf, how: 'derived from the phase' },
    started_at: { paths: { G3: 'status.startTime' } },
    completed_at: { paths: { G3: 'status.completionTime' } },
    total_duration: {
      paths: { G3: 'status.duration' },
      derive: durationOf,
      how: 'completion minus start, else the duration that the resource names',
    },
    pipelinerun_name: { paths: { G3: 'status.executionRef.name' } },
    total_steps: { paths: { G3: 'status.executionStatus.totalTasks' } },
    steps_completed: { paths: { G3: 'status.executionStatus.completedTasks' } },
    failure_reason: { paths: { G3: 'status.failureDetails.reason' } },
    failure_message: { paths: { G3: ['status.failureDetails.message', 'status.failureReason'] } },
    error_message: { paths: { G3: ['status.failureDetails.message', 'status.failureReason'] } },
    conflicting_wfe: { paths: { G3: 'status.deduplicatedBy' } },
  },
  extra: { action_type: { G3: 'spec.workflowRef.actionType' } },
});

/** Known, and left out: who it belongs to stands in columns of every record, the rest only churns. */
const LEFT_OUT = ['spec.remediationRequestRef', 'status.observedGeneration', 'status.conditions'];

const UNDERSTOOD = understoodBy([EXECUTION], [...LEFT_OUT, 'spec.workflowRef.executionBundleDigest']);

export function readWorkflowExecution(
  resource: JsonObject,
  context: ReadingContext,
): ResourceReading | Unread {
  const shape = shapeOf(resource, MARKS);
  const namespace = textAt(resource, 'metadata.namespace') ?? '';
  const subject = subjectOf(resource, { shape, remediation: remediationOf(resource, namespace), context });
  if ('unread' in subject) return subject;
  const { observation, unrecognised, misshapen } = readPhase(EXECUTION, subject, { known: UNDERSTOOD });
  const target = textAt(resource, 'spec.targetResource');
  const { workflow_name: name, workflow_id: id = subject.identity.name } = observation.columns;
  return {
    remediation: subject.remediation,
    observations: [observation],
    target,
    summary: `${target ?? 'unknown target'}: ${name ?? id}`,
    shape,
    unrecognised,
    misshapen,
  };
}

function withDigest(bundle: JsonValue | undefined, resource: JsonObject): string | undefined {
  if (typeof bundle !== 'string') return undefined;
  const digest = textAt(resource, 'spec.workflowRef.executionBundleDigest');
  return digest === undefined || bundle.includes('@') ? bundle : `${bundle}@${digest}`;
}

function outcomeOf(phase: JsonValue | undefined): string | undefined {
  return typeof phase === 'string' ? OUTCOME_BY_PHASE[phase.toLowerCase()] : undefined;
}

function durationOf(named: JsonValue | undefined, resource: JsonObject): string | undefined {
  const [start, end] = ['status.startTime', 'status.completionTime'].map((path) =>
    parseInstant(textAt(resource, path) ?? ''),
  );
  if (start !== undefined && end !== undefined) return intervalBetween(start, end);
  const nanoseconds = typeof named === 'string' ? parseDuration(named) : undefined;
  return nanoseconds === undefined ? undefined : formatInterval(nanoseconds);
}
