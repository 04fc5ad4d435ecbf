import type { JsonObject, JsonValue } from '../domain/json.ts';
import { kubernetesExecutionAudit } from '../domain/records/kubernetes-execution-audit.ts';
import { DELETED_AT, inAll } from './column-source.ts';
import type { PhaseRead, Subject } from './read-kind.ts';
import { definePhase, readPhase } from './read-kind.ts';
import type { Target } from './resource.ts';
import { executionDuration, splitTarget, textAt } from './resource.ts';

const ALL = ['G3', 'G2', 'G1'] as const;

/** The job behind a workflow: what carried the action out since KubernetesExecution is gone. */
export const ACTION_OF_WORKFLOW = definePhase({
  definition: kubernetesExecutionAudit,
  phase: 'action',
  columns: {
    execution_id: { paths: inAll(ALL, 'metadata.name') },
    workflow_ref: { paths: inAll(ALL, 'metadata.name') },
    // The workflowRef of G2 and G1 has ids, a version and a bundle; only the snapshot of G3 names the type of the action.
    action_type: {
      paths: { G3: 'spec.workflowRef.actionType' },
      how: 'before G3 what the analysis selected, where the same workflow was executed and the watcher has seen the analysis',
    },
    action_parameters: { paths: inAll(ALL, 'spec.parameters') },
    target_namespace: target('namespace'),
    target_resource_kind: target('kind'),
    target_resource_name: target('name'),
    success: {
      paths: inAll(ALL, 'status.phase'),
      derive: successOf,
      how: 'true when Completed, false when Failed, unknown before',
    },
    // An execution that failed with its parent has the text in failureReason and no failureDetails.
    error: { paths: inAll(ALL, 'status.failureDetails.message', 'status.failureReason') },
    start_time: { paths: inAll(ALL, 'status.startTime') },
    end_time: { paths: inAll(ALL, 'status.completionTime') },
    duration: {
      paths: inAll(ALL, 'status.duration'),
      derive: executionDuration,
      how: 'completion minus start, else what is named here',
    },
    // Early G2 and G1 call the reference pipelineRunRef.
    job_name: {
      paths: {
        G3: 'status.executionRef.name',
        G2: ['status.executionRef.name', 'status.pipelineRunRef.name'],
        G1: 'status.pipelineRunRef.name',
      },
    },
    // Known of failures only: pods are not watched, so the exit code of a success has no source.
    job_exit_code: { paths: inAll(ALL, 'status.failureDetails.exitCode') },
    retry_count: { paths: inAll(['G3', 'G2'], 'status.executionStatus.retryCount') },
    completed_at: { paths: inAll(ALL, 'status.completionTime') },
    phase: { paths: inAll(ALL, 'status.phase') },
    deleted_at: DELETED_AT,
  },
});

/** Whether a state of an execution shows that something was carried out. */
export function hasBegun(execution: JsonObject): boolean {
  const { columns } = ACTION_OF_WORKFLOW.readColumns(execution);
  return columns['start_time'] !== undefined || columns['job_name'] !== undefined;
}

/**
 * Undefined as long as nothing was carried out: a workflow that was refused, skipped, or failed with its parent before it
 * had begun has no action.
 */
export function readActionOfWorkflow(subject: Subject): PhaseRead | undefined {
  const read = readPhase(ACTION_OF_WORKFLOW, subject);
  const { start_time: start, job_name: job, action_type: named } = read.observation.columns;
  if (start === undefined && job === undefined) return undefined;
  const type = named ?? chosenActionType(subject);
  if (type === undefined) return read;
  const columns = { ...read.observation.columns, action_type: type };
  return { ...read, observation: { ...read.observation, columns } };
}

/** An approver may have replaced the workflow: then its action is another one, and unknown. */
function chosenActionType({ resource, remediation, context }: Subject): string | undefined {
  const analysis = { kind: 'AIAnalysis', namespace: remediation.namespace, name: `ai-${remediation.name}` };
  const choice = context.choiceOf?.(analysis, remediation.uid);
  const executed = textAt(resource, 'spec.workflowRef.workflowId');
  return choice?.workflowId === executed ? choice?.actionType : undefined;
}

/** One part of the target, which an execution names as one text. A text of another form gives none of the three columns. */
function target(part: keyof Target): {
  readonly paths: ReturnType<typeof inAll>;
  readonly derive: (found: JsonValue | undefined, resource: JsonObject) => string | undefined;
  readonly how: string;
} {
  return {
    paths: inAll(ALL, 'spec.targetResource'),
    derive: (found) => splitTarget(found)?.[part],
    how: `the ${part} in \`namespace/Kind/name\` or \`Kind/name\``,
  };
}

/** Undefined before the end, and for a word of a later generation: what is not known to have failed did not fail. */
function successOf(phase: JsonValue | undefined): boolean | undefined {
  const word = typeof phase === 'string' ? phase.toLowerCase() : undefined;
  if (word === 'completed') return true;
  return word === 'failed' ? false : undefined;
}
