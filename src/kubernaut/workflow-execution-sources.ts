import type { JsonObject, JsonValue } from '../domain/json.ts';
import { canonicalJson, numberLexeme } from '../domain/json.ts';
import { aiAnalysisAudit } from '../domain/records/ai-analysis-audit.ts';
import { workflowExecutionAudit } from '../domain/records/workflow-execution-audit.ts';
import { withDigest } from './chosen-workflow.ts';
import { DELETED_AT, inAll } from './column-source.ts';
import type { LeftOut } from './kind.ts';
import { CHURN, SAID_BY_COMMON_COLUMNS } from './kind.ts';
import { definePhase } from './read-kind.ts';
import { at, correlationOf, durationOf, executionDuration, HOW_CORRELATED, textAt } from './resource.ts';

const ALL = ['G3', 'G2', 'G1', 'G0'] as const;
const WORKFLOWS = ['G3', 'G2', 'G1'] as const;
const NEW = ['G3', 'G2'] as const;
const OLD = ['G2', 'G1'] as const;

/** The resource names no outcome but in its oldest generation; the audit's word follows from the phase. */
const OUTCOME_BY_PHASE: Readonly<Record<string, string>> = {
  completed: 'Success',
  failed: 'Failed',
  skipped: 'n/a',
};

/** The result of a step-level workflow in the audit's words. `unknown` has none, so its column stays null. */
const OUTCOME_BY_RESULT: Readonly<Record<string, string>> = {
  success: 'Success',
  partial_success: 'Partial',
  failed: 'Failed',
};

/** An execution that failed with its parent has the text in failureReason and no failureDetails. */
const FAILURE_MESSAGE = {
  ...inAll(WORKFLOWS, 'status.failureDetails.message', 'status.failureReason'),
  G0: 'status.failureReason',
};

/**
 * One execution, of a workflow as a whole (G1 to G3) or step by step (G0). Only G0 lists its steps; later generations
 * count them at most.
 *
 * What was executed counts here, also where an approver replaced what the analysis had chosen.
 */
export const EXECUTION = definePhase({
  definition: workflowExecutionAudit,
  phase: 'execution',
  columns: {
    execution_name: { paths: inAll(ALL, 'metadata.name') },
    workflow_id: { paths: inAll(WORKFLOWS, 'spec.workflowRef.workflowId') },
    // G2 and G1 do not name it: the remediation does, in a fragment (`NAME_OF_EXECUTED`).
    workflow_name: {
      paths: { G3: 'spec.workflowRef.workflowName', G0: 'spec.workflowDefinition.name' },
    },
    workflow_version: {
      paths: { ...inAll(WORKFLOWS, 'spec.workflowRef.version'), G0: 'spec.workflowDefinition.version' },
    },
    container_image: {
      paths: {
        G3: 'spec.workflowRef.executionBundle',
        G2: ['spec.workflowRef.executionBundle', 'spec.workflowRef.containerImage'],
        G1: 'spec.workflowRef.containerImage',
      },
      derive: bundleOf,
      how: 'with the digest that is named beside it',
    },
    target_resource: { paths: inAll(WORKFLOWS, 'spec.targetResource') },
    parameters: { paths: inAll(WORKFLOWS, 'spec.parameters') },
    correlation_id: {
      paths: inAll(ALL, 'spec.remediationRequestRef.name'),
      derive: correlationOf,
      how: HOW_CORRELATED,
    },
    phase: { paths: inAll(ALL, 'status.phase') },
    // Two tables of the sources are one here: each brought its own name for the phase.
    status: { paths: inAll(ALL, 'status.phase') },
    outcome: {
      paths: { ...inAll(WORKFLOWS, 'status.phase'), G0: 'status.workflowResult.outcome' },
      derive: outcomeOf,
      how: 'from the phase: Completed is Success, Failed is Failed, Skipped is n/a; in G0 the word of the result, of which partial_success is Partial and unknown is none',
    },
    started_at: {
      paths: {
        ...inAll(WORKFLOWS, 'status.startTime'),
        G0: ['status.executionStartTime', 'status.executionStartedAt'],
      },
    },
    completed_at: {
      paths: {
        ...inAll(WORKFLOWS, 'status.completionTime'),
        G0: ['status.completionTime', 'status.completedAt'],
      },
    },
    total_duration: {
      paths: { ...inAll(WORKFLOWS, 'status.duration'), G0: 'status.executionMetrics.totalDuration' },
      derive: executionDuration,
      how: 'completion minus start, else what is named here',
    },
    pipelinerun_name: {
      paths: {
        G3: 'status.executionRef.name',
        G2: ['status.executionRef.name', 'status.pipelineRunRef.name'],
        G1: 'status.pipelineRunRef.name',
      },
    },
    total_steps: {
      paths: {
        G3: 'status.executionStatus.totalTasks',
        G2: ['status.executionStatus.totalTasks', 'status.pipelineRunStatus.totalTasks'],
        G1: 'status.pipelineRunStatus.totalTasks',
        G0: 'status.totalSteps',
      },
    },
    steps_completed: {
      paths: {
        G3: 'status.executionStatus.completedTasks',
        G2: ['status.executionStatus.completedTasks', 'status.pipelineRunStatus.completedTasks'],
        G1: 'status.pipelineRunStatus.completedTasks',
        G0: 'status.stepStatuses',
      },
      derive: countOf('completed'),
      how: 'in G0 the number of steps with status completed',
    },
    steps_failed: {
      paths: { G0: 'status.stepStatuses' },
      derive: countOf('failed'),
      how: 'number of steps with status failed',
    },
    effectiveness_score: { paths: { G0: 'status.workflowResult.effectivenessScore' } },
    rollbacks_performed: { paths: { G0: 'status.executionMetrics.rollbacksPerformed' } },
    step_executions: {
      paths: { G0: 'status.stepStatuses' },
      derive: stepExecutionsOf,
      how: 'in the JSON of the sources; duration from the times of the step',
    },
    adaptive_adjustments: { paths: { G0: 'status.adaptiveAdjustments' } },
    // A failure that cascades has only free text: that goes to the message, and the reason stays null.
    failure_reason: { paths: inAll(WORKFLOWS, 'status.failureDetails.reason') },
    failure_message: { paths: FAILURE_MESSAGE },
    error_message: { paths: FAILURE_MESSAGE },
    deleted_at: DELETED_AT,
    skip_reason: { paths: { G1: 'status.skipDetails.reason' } },
    conflicting_wfe: {
      paths: {
        ...inAll(NEW, 'status.deduplicatedBy'),
        G1: ['status.skipDetails.conflictingWorkflow.name', 'status.skipDetails.recentRemediation.name'],
      },
    },
  },
  extra: {
    action_type: { G3: 'spec.workflowRef.actionType' },
    execution_engine: {
      G3: 'spec.workflowRef.executionEngine',
      G2: ['status.executionEngine', 'spec.executionEngine'],
    },
    engine_config: inAll(NEW, 'spec.workflowRef.engineConfig'),
    service_account: {
      G3: 'spec.workflowRef.serviceAccountName',
      G2: ['status.serviceAccountName', 'spec.executionConfig.serviceAccountName'],
      G1: 'spec.executionConfig.serviceAccountName',
    },
    execution_timeout: inAll(OLD, 'spec.executionConfig.timeout'),
    times_out_at: { G3: 'spec.timesOutAt' },
    cluster_id: inAll(NEW, 'spec.clusterID'),
    confidence: inAll(WORKFLOWS, 'spec.confidence'),
    rationale: inAll(WORKFLOWS, 'spec.rationale'),
    failure: inAll(WORKFLOWS, 'status.failureDetails'),
    execution_status: {
      G3: 'status.executionStatus',
      G2: ['status.executionStatus', 'status.pipelineRunStatus'],
      G1: 'status.pipelineRunStatus',
    },
    block_clearance: inAll(NEW, 'status.blockClearance'),
    skip: { G1: 'status.skipDetails' },
    consecutive_failures: inAll(OLD, 'status.consecutiveFailures'),
    next_allowed_execution: inAll(OLD, 'status.nextAllowedExecution'),
    execution_metrics: { G0: 'status.executionMetrics' },
    workflow_result: { G0: 'status.workflowResult' },
    current_step: { G0: 'status.currentStep' },
    rollback_reason: { G0: 'status.rollbackReason' },
    failed_step: { G0: 'status.failedStep' },
    failed_action: { G0: 'status.failedAction' },
    error_type: { G0: 'status.errorType' },
    planning_start_time: { G0: ['status.planningStartTime', 'status.planningStartedAt'] },
    validation_start_time: { G0: 'status.validationStartTime' },
    monitoring_start_time: { G0: 'status.monitoringStartTime' },
    validation_results: { G0: 'status.validationResults' },
  },
});

/** G1 only: the execution was never started. Its own row, and no second one. */
export const SKIPPED_EXECUTION = { ...EXECUTION, phase: 'skip' } as const;

/** Trigger point 4 of the sources: the workflow that was created from a recommendation. */
export const WORKFLOW_OF_ANALYSIS = definePhase({
  definition: aiAnalysisAudit,
  phase: 'recommendation',
  columns: {
    workflow_crd_name: { paths: inAll(WORKFLOWS, 'metadata.name') },
    workflow_crd_namespace: { paths: inAll(WORKFLOWS, 'metadata.namespace') },
  },
});

export const WORKFLOW_EXECUTION_LEFT_OUT: LeftOut = {
  ...SAID_BY_COMMON_COLUMNS,
  ...CHURN,
  'part of a column': ['spec.workflowRef.executionBundleDigest', 'spec.workflowRef.containerDigest'],
  'says how a workflow is built, not what was done; it stands in the catalogue': [
    'spec.workflowRef.dependencies',
    'spec.workflowRef.resources',
    'spec.workflowRef.declaredParameterNames',
    'status.workflowName',
  ],
  'plans and settings; what was done stands in step_executions, with what parameters in the records of the actions':
    [
      'spec.workflowDefinition',
      'spec.executionStrategy',
      'spec.adaptiveOrchestration',
      'status.executionPlan',
    ],
  'states of the cluster that hold whatever the target holds': ['status.executionSnapshot'],
  'handles of credentials that were taken away again': ['status.ephemeralCredentialIDs'],
};

function bundleOf(bundle: JsonValue | undefined, resource: JsonObject): string | undefined {
  const digests = ['spec.workflowRef.executionBundleDigest', 'spec.workflowRef.containerDigest'];
  return typeof bundle === 'string' ? withDigest(bundle, textAt(resource, ...digests)) : undefined;
}

/** The result where there is one, else the phase. A phase of a later generation gives none. */
function outcomeOf(_found: JsonValue | undefined, resource: JsonObject): string | undefined {
  const result = textAt(resource, 'status.workflowResult.outcome');
  if (result !== undefined) return OUTCOME_BY_RESULT[result.toLowerCase()];
  const phase = textAt(resource, 'status.phase');
  return phase === undefined ? undefined : OUTCOME_BY_PHASE[phase.toLowerCase()];
}

/** Steps of a step-level execution, in the JSON that the sources gave them. */
function stepExecutionsOf(steps: JsonValue | undefined): string | undefined {
  if (!Array.isArray(steps) || steps.length === 0) return undefined;
  return canonicalJson(steps.map(stepOf));
}

/**
 * The members that the sources named for a step, in their spelling; what a step does not have is left out.
 */
function stepOf(step: JsonValue): JsonObject {
  const members: Readonly<Record<string, JsonValue | undefined>> = {
    step_number: at(step, 'stepNumber'),
    action: at(step, 'action'),
    duration: durationOf(undefined, step, ['startTime', 'endTime']),
    status: at(step, 'status'),
    retries_attempted: at(step, 'retriesAttempted'),
    error_message: textAt(step, 'errorMessage'),
  };
  const known: JsonObject = {};
  for (const [name, value] of Object.entries(members)) if (value !== undefined) known[name] = value;
  return known;
}

/** How many steps have a status, or the number itself where a generation counts for us. */
function countOf(status: string): (found: JsonValue | undefined) => string | undefined {
  return (found) => {
    if (Array.isArray(found)) return String(found.filter((step) => textAt(step, 'status') === status).length);
    const lexeme = numberLexeme(found);
    return lexeme !== undefined && /^\d{1,9}$/.test(lexeme) ? lexeme : undefined;
  };
}
