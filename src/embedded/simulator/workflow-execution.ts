import type { RemediationPlan } from './plan.ts';
import { sha256, targetText } from './plan.ts';
import type { ObjectReference } from './remediation-request.ts';
import { KUBERNAUT_API, selectedWorkflow } from './remediation-request.ts';

export const CLEANUP_FINALIZER = 'workflowexecution.kubernaut.ai/workflowexecution-cleanup';

const JOB_NAME_DIGITS = 12;
const SECOND = 1_000;
const SECONDS_PER_MINUTE = 60;

export const executionName = (remediationName: string): string => `we-${remediationName}`;

/** The resource as the orchestrator creates it, in its newest shape: with a snapshot of the workflow. */
export function workflowExecution(
  plan: RemediationPlan,
  remediation: ObjectReference,
  labels: object,
  timesOutAt: string,
): Record<string, unknown> {
  const { apiVersion, kind, name, uid } = remediation;
  return {
    apiVersion: KUBERNAUT_API,
    kind: 'WorkflowExecution',
    metadata: {
      name: executionName(name),
      labels,
      finalizers: [CLEANUP_FINALIZER],
      ownerReferences: [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }],
    },
    spec: {
      remediationRequestRef: remediation,
      workflowRef: workflowSnapshot(plan),
      targetResource: targetText(plan.scenario),
      parameters: plan.scenario.parameters,
      confidence: plan.confidence,
      rationale: plan.scenario.rationale,
      timesOutAt,
    },
  };
}

function workflowSnapshot(plan: RemediationPlan): object {
  const { workflow, parameters } = plan.scenario;
  return {
    ...selectedWorkflow(plan),
    workflowName: workflow.workflowName,
    actionType: workflow.actionType,
    executionEngine: workflow.executionEngine,
    serviceAccountName: 'remediation-runner',
    declaredParameterNames: Object.keys(parameters),
  };
}

export const acceptedStatus = (): object => ({ phase: 'Pending' });

export const runningStatus = (plan: RemediationPlan, startTime: string, completedTasks: number): object => ({
  phase: 'Running',
  startTime,
  executionRef: { name: jobName(plan) },
  executionStatus: tasksStatus(plan, 'Unknown', 'Running', completedTasks),
});

export const completedStatus = (
  plan: RemediationPlan,
  startTime: string,
  completionTime: string,
): object => ({
  phase: 'Completed',
  completionTime,
  duration: goDuration(startTime, completionTime),
  executionStatus: tasksStatus(plan, 'True', 'Succeeded', plan.scenario.workflow.tasks.length),
});

export function failedStatus(plan: RemediationPlan, startTime: string, completionTime: string): object {
  const { failure, workflow } = plan.scenario;
  const task = workflow.tasks[failure.taskIndex] ?? workflow.tasks[0];
  const duration = goDuration(startTime, completionTime);
  return {
    phase: 'Failed',
    completionTime,
    duration,
    failureReason: failure.message,
    executionStatus: tasksStatus(plan, 'False', 'Failed', failure.taskIndex),
    failureDetails: {
      failedTaskIndex: failure.taskIndex,
      failedTaskName: task,
      failedStepName: `step-${task}`,
      reason: failure.reason,
      message: failure.message,
      ...(failure.exitCode === undefined ? {} : { exitCode: failure.exitCode }),
      failedAt: completionTime,
      executionTimeBeforeFailure: duration,
      naturalLanguageSummary: `Task ${task} of ${workflow.workflowName} ended with ${failure.reason} after ${duration}: ${failure.message}`,
      wasExecutionFailure: failure.wasExecutionFailure,
    },
  };
}

function tasksStatus(plan: RemediationPlan, status: string, reason: string, completedTasks: number): object {
  const totalTasks = plan.scenario.workflow.tasks.length;
  const message = `Tasks completed: ${completedTasks} of ${totalTasks}`;
  return { status, reason, message, completedTasks, totalTasks, retryCount: 0 };
}

const jobName = ({ name }: RemediationPlan): string => `wfe-${sha256(name).slice(0, JOB_NAME_DIGITS)}`;

/** As Go prints a duration of whole seconds: `3m30s`. */
export function goDuration(from: string, to: string): string {
  const seconds = Math.round((Date.parse(to) - Date.parse(from)) / SECOND);
  const minutes = Math.floor(seconds / SECONDS_PER_MINUTE);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % SECONDS_PER_MINUTE}s`;
}
