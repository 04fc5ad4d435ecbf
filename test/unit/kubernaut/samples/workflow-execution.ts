import type { JsonObject } from '../../../../src/domain/json.ts';
import { CONDITIONS, REFERENCE, resourceOf } from './parts.ts';

const FAILURE: JsonObject = {
  failedTaskIndex: 0,
  failedTaskName: 'restart',
  reason: 'OOMKilled',
  message: 'container restart exceeded its memory',
  exitCode: 137,
  failedAt: '2026-11-21T10:44:30Z',
  executionTimeBeforeFailure: '3m30s',
  naturalLanguageSummary: 'It ran out of memory.',
  wasExecutionFailure: true,
};
const EXECUTED: JsonObject = {
  phase: 'Failed',
  startTime: '2026-11-21T10:41:00Z',
  completionTime: '2026-11-21T10:44:30Z',
  duration: '3m31s',
  failureReason: 'OOMKilled',
  failureDetails: FAILURE,
  observedGeneration: 1,
  conditions: CONDITIONS,
};
const WORKFLOW: JsonObject = {
  remediationRequestRef: REFERENCE,
  targetResource: 'payments/Deployment/api',
  parameters: { NAMESPACE: 'payments' },
  confidence: 0.94,
  rationale: 'it helped before',
};
const TASKS: JsonObject = {
  status: 'False',
  reason: 'Failed',
  completedTasks: 1,
  totalTasks: 3,
  retryCount: 2,
};

export const WORKFLOW_EXECUTIONS: Readonly<Record<string, JsonObject>> = {
  G3: resourceOf('WorkflowExecution', 'we', {
    spec: {
      ...WORKFLOW,
      clusterID: 'eu-1',
      timesOutAt: '2026-11-21T11:10:00Z',
      workflowRef: {
        workflowId: 'restart-deployment-v1',
        workflowName: 'restart-deployment',
        actionType: 'RestartDeployment',
        version: '1.2.0',
        executionBundle: 'registry.example/bundles/restart:1.2.0',
        executionBundleDigest: 'sha256:abcd',
        executionEngine: 'job',
        engineConfig: { playbookPath: 'x' },
        serviceAccountName: 'runner',
        dependencies: { secrets: [] },
        resources: { limits: {} },
        declaredParameterNames: ['NAMESPACE'],
      },
    },
    status: {
      ...EXECUTED,
      executionRef: { name: 'job-1' },
      executionStatus: TASKS,
      deduplicatedBy: 'we-other',
      ephemeralCredentialIDs: [1],
      blockClearance: { clearedBy: 'ana@example.com', clearMethod: 'Annotation' },
    },
  }),
  G2: resourceOf('WorkflowExecution', 'we', {
    spec: {
      ...WORKFLOW,
      executionConfig: { timeout: '30m' },
      workflowRef: {
        workflowId: 'restart-deployment-v1',
        version: '1.2.0',
        executionBundle: 'registry.example/bundles/restart@sha256:abcd',
        executionBundleDigest: 'sha256:abcd',
        engineConfig: { playbookPath: 'x' },
      },
    },
    status: {
      ...EXECUTED,
      executionRef: { name: 'job-1' },
      executionStatus: TASKS,
      executionEngine: 'job',
      serviceAccountName: 'runner',
      deduplicatedBy: 'we-other',
    },
  }),
  'early G2': resourceOf('WorkflowExecution', 'we', {
    spec: {
      ...WORKFLOW,
      executionEngine: 'tekton',
      executionConfig: { timeout: '30m', serviceAccountName: 'runner' },
      workflowRef: {
        workflowId: 'restart-deployment-v1',
        version: '1.2.0',
        containerImage: 'registry.example/bundles/restart:1.2.0',
        containerDigest: 'sha256:abcd',
      },
    },
    status: {
      ...EXECUTED,
      pipelineRunRef: { name: 'run-1' },
      pipelineRunStatus: TASKS,
      consecutiveFailures: 1,
      nextAllowedExecution: '2026-11-21T11:00:00Z',
    },
  }),
  G1: resourceOf('WorkflowExecution', 'we', {
    apiVersion: 'workflowexecution.kubernaut.ai/v1alpha1',
    spec: {
      ...WORKFLOW,
      workflowRef: {
        workflowId: 'restart-deployment-v1',
        version: '1.2.0',
        containerImage: 'registry.example/bundles/restart:1.2.0',
        containerDigest: 'sha256:abcd',
      },
    },
    status: {
      phase: 'Skipped',
      completionTime: '2026-11-21T10:40:01Z',
      consecutiveFailures: 0,
      skipDetails: {
        reason: 'ResourceBusy',
        message: 'another workflow is running',
        skippedAt: '2026-11-21T10:40:01Z',
        conflictingWorkflow: {
          name: 'we-other',
          workflowId: 'scale-up-v1',
          startedAt: '2026-11-21T10:39:00Z',
          targetResource: 'payments/Deployment/api',
        },
      },
    },
  }),
  G0: resourceOf('WorkflowExecution', 'we', {
    apiVersion: 'workflowexecution.kubernaut.io/v1alpha1',
    spec: {
      remediationRequestRef: REFERENCE,
      workflowDefinition: { name: 'restart-and-scale', version: 'v1', steps: [{ stepNumber: 1 }] },
      executionStrategy: { dryRunFirst: true },
      adaptiveOrchestration: { optimizationEnabled: true },
    },
    status: {
      phase: 'completed',
      currentStep: 3,
      totalSteps: 3,
      executionPlan: { strategy: 'sequential' },
      validationResults: { safetyChecksPassed: true },
      stepStatuses: [
        {
          stepNumber: 1,
          action: 'restart-pod',
          status: 'completed',
          startTime: '2026-11-21T10:41:00Z',
          endTime: '2026-11-21T10:41:30Z',
          retriesAttempted: 1,
        },
        { stepNumber: 2, action: 'scale-deployment', status: 'failed', errorMessage: 'quota' },
        { stepNumber: 3, action: 'scale-deployment', status: 'skipped' },
      ],
      executionMetrics: {
        totalDuration: '2m5s',
        stepSuccessRate: 0.33,
        rollbacksPerformed: 1,
        resourcesAffected: 2,
      },
      adaptiveAdjustments: [{ timestamp: '2026-11-21T10:41:10Z', adjustment: 'longer wait', reason: 'slow' }],
      workflowResult: { outcome: 'partial_success', effectivenessScore: 0.75, resourceHealth: 'degraded' },
      planningStartTime: '2026-11-21T10:40:00Z',
      validationStartTime: '2026-11-21T10:40:20Z',
      executionStartTime: '2026-11-21T10:41:00Z',
      monitoringStartTime: '2026-11-21T10:42:00Z',
      completionTime: '2026-11-21T10:43:05Z',
      failureReason: 'quota',
      rollbackReason: 'quota',
      failedStep: 1,
      failedAction: 'scale-deployment',
      errorType: 'quota_exceeded',
      executionSnapshot: { clusterState: {} },
      conditions: CONDITIONS,
    },
  }),
};
