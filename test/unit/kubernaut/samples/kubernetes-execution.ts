import type { JsonObject } from '../../../../src/domain/json.ts';
import { CONDITIONS, REMEDIATION, resourceOf } from './parts.ts';

export const KUBERNETES_EXECUTIONS: Readonly<Record<string, JsonObject>> = {
  G0: resourceOf('KubernetesExecution', 'ke', {
    apiVersion: 'kubernetesexecution.kubernaut.io/v1alpha1',
    metadata: { ownerReferences: [{ kind: 'WorkflowExecution', name: 'wf-1', uid: 'wf-uid' }] },
    spec: {
      workflowExecutionRef: { name: 'wf-1', namespace: REMEDIATION.namespace },
      stepNumber: 2,
      action: 'scale_deployment',
      parameters: { scaleDeployment: { deployment: 'api', namespace: 'payments', replicas: 5 } },
      targetCluster: 'eu-1',
      maxRetries: 2,
      timeout: '5m',
      approvalReceived: true,
    },
    status: {
      phase: 'completed',
      jobName: 'job-1',
      validationResults: { rbacValidation: true },
      rollbackInformation: {
        available: true,
        rollbackAction: 'scale',
        rollbackParameters: { scaleToPrevious: { previousReplicas: 3 } },
      },
      executionResults: {
        success: true,
        jobName: 'job-1',
        startTime: '2026-11-21T10:41:00Z',
        endTime: '2026-11-21T10:41:12.5Z',
        duration: '13s',
        resourcesAffected: [{ kind: 'Deployment', namespace: 'payments', name: 'api', action: 'scaled' }],
        podLogs: 'scaled to 5',
        retriesAttempted: 0,
        errorMessage: '',
      },
      conditions: CONDITIONS,
    },
  }),
  'G0a as documented': resourceOf('KubernetesExecution', 'ke', {
    apiVersion: 'executor.kubernaut.io/v1',
    metadata: { ownerReferences: [{ kind: 'WorkflowExecution', name: 'wf-1', uid: 'wf-uid' }] },
    spec: {
      workflowExecutionRef: { name: 'wf-1' },
      stepIndex: 0,
      action: {
        type: 'scale-deployment',
        parameters: { replicas: 5 },
        target: { namespace: 'payments', resourceKind: 'Deployment', resourceName: 'api' },
      },
      maxRetries: 3,
    },
    status: {
      phase: 'completed',
      retryCount: 1,
      result: {
        success: true,
        output: 'scaled to 5',
        error: '',
        startTime: '2026-11-21T10:41:00Z',
        endTime: '2026-11-21T10:41:12.5Z',
      },
    },
  }),
};
