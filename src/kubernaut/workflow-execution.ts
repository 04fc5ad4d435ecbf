import { formatInterval, intervalBetween, parseDuration } from '../domain/duration.ts';
import { parseInstant } from '../domain/instant.ts';
import type { JsonObject } from '../domain/json.ts';
import { canonicalJson } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { naturalKey } from '../domain/observation.ts';
import type { ColumnsOf } from '../domain/records/definition.ts';
import { workflowExecutionAudit } from '../domain/records/workflow-execution-audit.ts';
import type { ReadingContext, RemediationReference, ResourceReading } from './observed-remediation.ts';
import { remediationOf, sourceVersion } from './observed-remediation.ts';
import type { ResourceIdentity } from './resource.ts';
import { identityOf, numberAt, objectAt, textAt } from './resource.ts';

type WorkflowExecutionColumns = ColumnsOf<typeof workflowExecutionAudit>;
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The resource names no outcome in any generation; the audit's word follows from the phase. */
const OUTCOME_BY_PHASE: Readonly<Record<string, string>> = {
  Completed: 'Success',
  Failed: 'Failed',
  Skipped: 'n/a',
};

/** Reads a WorkflowExecution of generation G3. Undefined when it cannot be told apart or belongs to no remediation. */
export function readWorkflowExecution(
  resource: JsonObject,
  context: ReadingContext,
): ResourceReading | undefined {
  const identity = identityOf(resource);
  if (identity === undefined) return undefined;
  const remediation = remediationOf(resource, identity.namespace);
  const createdAt = parseInstant(identity.creationTimestamp);
  if (remediation === undefined || createdAt === undefined) return undefined;
  const observation: Observation = {
    table: workflowExecutionAudit.table,
    cluster: context.cluster,
    key: naturalKey(remediation.uid, identity.name),
    phase: 'execution',
    sourceVersion: sourceVersion(context, identity.resourceVersion),
    createdAt,
    createdAtSource: 'resource',
    observedAt: context.observedAt,
    actor: 'watcher',
    columns: known({
      ...aboutSource(identity, remediation),
      ...aboutWorkflow(resource),
      ...aboutCourse(resource),
    }),
  };
  const target = textAt(resource, 'spec.targetResource');
  const workflow =
    observation.columns['workflow_name'] ?? observation.columns['workflow_id'] ?? identity.name;
  return {
    remediation,
    observations: [observation],
    target,
    summary: `${target ?? 'unknown target'}: ${workflow}`,
  };
}

type Maybe<T> = { readonly [K in keyof T]?: T[K] | undefined };

function aboutSource(
  identity: ResourceIdentity,
  remediation: RemediationReference,
): Maybe<WorkflowExecutionColumns> {
  return {
    remediation_id: remediation.name,
    // kubernaut's own correlation id is the name of the remediation; the label of the sources was never set.
    correlation_id: remediation.name,
    remediation_uid: remediation.uid,
    namespace: identity.namespace,
    source_kind: 'WorkflowExecution',
    source_uid: identity.uid,
    source_shape: 'G3',
  };
}

function aboutWorkflow(resource: JsonObject): Maybe<WorkflowExecutionColumns> {
  const parameters = objectAt(resource, 'spec.parameters');
  return {
    workflow_id: textAt(resource, 'spec.workflowRef.workflowId'),
    workflow_name: textAt(resource, 'spec.workflowRef.workflowName'),
    workflow_version: textAt(resource, 'spec.workflowRef.version'),
    container_image: imageOf(resource),
    target_resource: textAt(resource, 'spec.targetResource'),
    parameters: parameters && canonicalJson(parameters),
  };
}

function imageOf(resource: JsonObject): string | undefined {
  const bundle = textAt(resource, 'spec.workflowRef.executionBundle');
  const digest = textAt(resource, 'spec.workflowRef.executionBundleDigest');
  if (bundle === undefined || digest === undefined || bundle.includes('@')) return bundle;
  return `${bundle}@${digest}`;
}

function aboutCourse(resource: JsonObject): Maybe<WorkflowExecutionColumns> {
  const phase = textAt(resource, 'status.phase');
  const startedAt = instantAt(resource, 'status.startTime');
  const completedAt = instantAt(resource, 'status.completionTime');
  const message = textAt(resource, 'status.failureDetails.message', 'status.failureReason');
  return {
    phase,
    status: phase,
    outcome: phase === undefined ? undefined : OUTCOME_BY_PHASE[phase],
    started_at: startedAt,
    completed_at: completedAt,
    total_duration: durationOf(resource, startedAt, completedAt),
    pipelinerun_name: textAt(resource, 'status.executionRef.name'),
    total_steps: numberAt(resource, 'status.executionStatus.totalTasks'),
    steps_completed: numberAt(resource, 'status.executionStatus.completedTasks'),
    failure_reason: textAt(resource, 'status.failureDetails.reason'),
    failure_message: message,
    error_message: message,
    conflicting_wfe: textAt(resource, 'status.deduplicatedBy'),
  };
}

function durationOf(
  resource: JsonObject,
  start: string | undefined,
  end: string | undefined,
): string | undefined {
  if (start !== undefined && end !== undefined) return intervalBetween(start, end);
  const nanoseconds = parseDuration(textAt(resource, 'status.duration') ?? '');
  return nanoseconds === undefined ? undefined : formatInterval(nanoseconds);
}

function instantAt(resource: JsonObject, path: string): string | undefined {
  const text = textAt(resource, path);
  return text === undefined ? undefined : parseInstant(text);
}

/** Absent means not known: an undefined member would be one more thing for every reader to tell from a value. */
function known(columns: Maybe<WorkflowExecutionColumns>): WorkflowExecutionColumns {
  const result: Writable<WorkflowExecutionColumns> = {};
  for (const [name, value] of Object.entries(columns)) {
    if (value !== undefined) result[name as keyof WorkflowExecutionColumns] = value;
  }
  return result;
}
