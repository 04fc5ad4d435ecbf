import type { RemediationPlan } from './plan.ts';
import { sha256, targetText } from './plan.ts';

/** What refers to an object of the cluster. */
export interface ObjectReference {
  apiVersion: string;
  kind: string;
  name: string;
  namespace: string;
  uid: string;
}

export const KUBERNAUT_API = 'kubernaut.ai/v1alpha1';

const EVERY_SIGNAL = { signalType: 'alert', signalSource: 'prometheus', targetType: 'kubernetes' };
const TIMEOUTS = { global: '1h0m0s', processing: '5m0s', analyzing: '10m0s', executing: '30m0s' };

/** The resource as the gateway creates it, in its newest shape. */
export function remediationRequest(
  plan: RemediationPlan,
  labels: object,
  time: string,
): Record<string, unknown> {
  return {
    apiVersion: KUBERNAUT_API,
    kind: 'RemediationRequest',
    metadata: {
      name: plan.name,
      labels: {
        'app.kubernetes.io/managed-by': 'gateway-service',
        'app.kubernetes.io/component': 'remediation',
        ...labels,
      },
      annotations: { 'kubernaut.ai/created-at': time },
    },
    spec: remediationSpec(plan, time),
  };
}

function remediationSpec(plan: RemediationPlan, time: string): object {
  const { signalName, severity, summary, target } = plan.scenario;
  const signalLabels = {
    alertname: signalName,
    severity,
    ...(target.namespace === undefined ? {} : { namespace: target.namespace }),
    [target.kind.toLowerCase()]: target.name,
  };
  const alert = { status: 'firing', labels: signalLabels, annotations: { summary }, startsAt: time };
  return {
    signalFingerprint: plan.fingerprint,
    signalName,
    severity,
    ...EVERY_SIGNAL,
    targetResource: target,
    firingTime: time,
    receivedTime: time,
    signalLabels,
    signalAnnotations: { summary, runbook: `https://runbooks.example.com/${signalName}` },
    providerData: JSON.stringify({ prometheus: 'monitoring/main' }),
    originalPayload: JSON.stringify({ version: '4', receiver: 'kubernaut', alerts: [alert] }),
  };
}

export const receivedStatus = (time: string): object => ({
  overallPhase: 'Pending',
  message: 'Signal received',
  startTime: time,
  timeoutConfig: TIMEOUTS,
  deduplication: { firstSeenAt: time, lastSeenAt: time, occurrenceCount: 1 },
});

export const processingStatus = (time: string): object => ({
  overallPhase: 'Processing',
  message: 'Enriching and classifying the signal',
  phaseProgress: { processingStartTime: time },
});

export const analyzingStatus = (time: string): object => ({
  overallPhase: 'Analyzing',
  message: 'Investigating the root cause',
  phaseProgress: { analyzingStartTime: time },
});

export function executingStatus(plan: RemediationPlan, execution: ObjectReference, time: string): object {
  const { target, workflow } = plan.scenario;
  const display = `${target.kind}/${target.name}`;
  return {
    overallPhase: 'Executing',
    message: `Executing ${workflow.workflowName} on ${targetText(plan.scenario)}`,
    phaseProgress: { executingStartTime: time, workflowExecutionRef: execution },
    workflowSelection: {
      selectedWorkflowRef: selectedWorkflow(plan),
      executionRef: execution,
      remediationTarget: target,
      targetDisplay: display,
      signalTargetDisplay: display,
      confidence: plan.confidence,
      workflowDisplayName: `${workflow.actionType}:${workflow.workflowName}`,
    },
  };
}

export const verifyingStatus = (deadline: string): object => ({
  overallPhase: 'Verifying',
  message: 'Assessing whether the remediation helped',
  phaseProgress: { verificationDeadline: deadline },
});

export const remediatedStatus = (time: string, expiry: string): object => ({
  overallPhase: 'Completed',
  message: 'Remediation completed',
  completedAt: time,
  retentionExpiryTime: expiry,
  completionStatus: { outcome: 'Remediated', notificationStatus: 'Sent' },
});

export const executionFailedStatus = (failureReason: string, time: string, expiry: string): object => ({
  overallPhase: 'Failed',
  message: 'The workflow failed; somebody has to look',
  completedAt: time,
  retentionExpiryTime: expiry,
  completionStatus: {
    failurePhase: 'WorkflowExecution',
    failureReason,
    requiresManualReview: true,
    notificationStatus: 'Sent',
  },
});

/** The workflow as the remediation and its execution both name it. */
export function selectedWorkflow({ scenario: { workflow } }: RemediationPlan): Record<string, unknown> {
  const bundle = `registry.example.com/remediation-workflows/${workflow.workflowName}:v${workflow.version}`;
  const digest = sha256(bundle);
  return {
    workflowId: uuidOf(sha256(`${workflow.workflowName} ${workflow.version}`)),
    version: workflow.version,
    executionBundle: bundle,
    executionBundleDigest: `sha256:${digest}`,
  };
}

/** The same workflow has the same id in every run. */
const uuidOf = (digest: string): string =>
  `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
