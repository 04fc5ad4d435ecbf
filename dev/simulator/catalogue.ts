/** What can go wrong, and what is done about it. */
export interface Scenario {
  signalName: string;
  severity: 'critical' | 'high' | 'warning';
  summary: string;
  target: Target;
  workflow: Workflow;
  /** Texts, as the workflow's tasks get them. */
  parameters: Readonly<Record<string, string>>;
  rationale: string;
  failure: Failure;
}

/** A cluster-scoped target has no namespace. */
interface Target {
  apiVersion: string;
  kind: string;
  name: string;
  namespace?: string;
}

interface Workflow {
  workflowName: string;
  actionType: string;
  version: string;
  executionEngine: 'job' | 'tekton';
  tasks: readonly [string, ...string[]];
}

/** How the workflow ends when it fails. */
interface Failure {
  reason:
    | 'OOMKilled'
    | 'DeadlineExceeded'
    | 'Forbidden'
    | 'ResourceExhausted'
    | 'ConfigurationError'
    | 'TaskFailed';
  message: string;
  /** Absent when no container ran to an end. */
  exitCode?: number;
  /** Index into the workflow's tasks. */
  taskIndex: number;
  /** False when the workflow never got to touch the target. */
  wasExecutionFailure: boolean;
}

const OUT_OF_MEMORY_EXIT = 137;
const GENERAL_EXIT = 1;

const deployment = (namespace: string, name: string): Target => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  name,
  namespace,
});

export const SCENARIOS: readonly [Scenario, ...Scenario[]] = [
  {
    signalName: 'KubeContainerOOMKilled',
    severity: 'critical',
    summary: 'Container api of payments/api was killed for memory 4 times in 10 minutes',
    target: deployment('payments', 'api'),
    workflow: {
      workflowName: 'increase-memory-limit',
      actionType: 'IncreaseMemoryLimits',
      version: '1.4.0',
      executionEngine: 'job',
      tasks: ['check-quota', 'patch-limits', 'wait-for-rollout'],
    },
    parameters: {
      TARGET_NAMESPACE: 'payments',
      TARGET_RESOURCE_NAME: 'api',
      MEMORY_LIMIT_NEW: '768Mi',
      ROLLOUT_TIMEOUT: '180s',
    },
    rationale:
      'Memory grows with the request rate and levels off at 610Mi; the limit of 512Mi is too low, nothing leaks.',
    failure: {
      reason: 'ResourceExhausted',
      message:
        'exceeded quota: compute, requested: limits.memory=768Mi, used: limits.memory=15616Mi, limited: limits.memory=16Gi',
      exitCode: GENERAL_EXIT,
      taskIndex: 0,
      wasExecutionFailure: false,
    },
  },
  {
    signalName: 'KubePodCrashLooping',
    severity: 'critical',
    summary: 'Pods of checkout/cart restart every 40 seconds since revision 18',
    target: deployment('checkout', 'cart'),
    workflow: {
      workflowName: 'rollback-deployment',
      actionType: 'RollbackDeployment',
      version: '2.0.1',
      executionEngine: 'tekton',
      tasks: ['find-last-good-revision', 'rollback', 'wait-for-rollout', 'confirm-health'],
    },
    parameters: { TARGET_NAMESPACE: 'checkout', TARGET_RESOURCE_NAME: 'cart', TO_REVISION: '17' },
    rationale:
      'The crash began with revision 18, which expects the setting CART_TTL; revision 17 was healthy for nine days.',
    failure: {
      reason: 'TaskFailed',
      message: 'error: unable to find specified revision 17 in history',
      exitCode: GENERAL_EXIT,
      taskIndex: 1,
      wasExecutionFailure: true,
    },
  },
  {
    signalName: 'KubeDeploymentRolloutStuck',
    severity: 'high',
    summary: 'Rollout of inventory/stock-sync has made no progress for 10 minutes',
    target: deployment('inventory', 'stock-sync'),
    workflow: {
      workflowName: 'graceful-restart',
      actionType: 'GracefulRestart',
      version: '1.2.3',
      executionEngine: 'job',
      tasks: ['drain-connections', 'restart', 'wait-for-rollout'],
    },
    parameters: {
      TARGET_NAMESPACE: 'inventory',
      TARGET_RESOURCE_NAME: 'stock-sync',
      DATABASE_URL: 'postgresql://stock:not-a-real-password@stock-db.inventory.svc:5432/stock',
      GRACE_PERIOD: '45s',
    },
    rationale: 'Two pods wait for a lock that a terminated session still holds; restarting releases it.',
    failure: {
      reason: 'DeadlineExceeded',
      message: 'Job was active longer than specified deadline',
      taskIndex: 2,
      wasExecutionFailure: true,
    },
  },
  {
    signalName: 'KubeHpaMaxedOut',
    severity: 'warning',
    summary: 'Autoscaler of storefront/web has been at its maximum for 15 minutes',
    target: {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      name: 'web',
      namespace: 'storefront',
    },
    workflow: {
      workflowName: 'raise-autoscaler-maximum',
      actionType: 'PatchHPA',
      version: '1.0.2',
      executionEngine: 'job',
      tasks: ['check-capacity', 'patch-autoscaler'],
    },
    parameters: { TARGET_NAMESPACE: 'storefront', TARGET_RESOURCE_NAME: 'web', MAX_REPLICAS_NEW: '18' },
    rationale: 'Load follows the sale that began at 09:00; nodes have room for six more replicas.',
    failure: {
      reason: 'Forbidden',
      message:
        'horizontalpodautoscalers.autoscaling "web" is forbidden: User "system:serviceaccount:kubernaut-workflows:scaler" cannot patch resource',
      exitCode: GENERAL_EXIT,
      taskIndex: 1,
      wasExecutionFailure: false,
    },
  },
  {
    signalName: 'CertificateNotReady',
    severity: 'high',
    summary: 'Certificate gateway-tls of edge expires in 36 hours and is not renewed',
    target: { apiVersion: 'cert-manager.io/v1', kind: 'Certificate', name: 'gateway-tls', namespace: 'edge' },
    workflow: {
      workflowName: 'renew-certificate',
      actionType: 'FixCertificate',
      version: '1.1.0',
      executionEngine: 'tekton',
      tasks: ['restore-authority', 'request-renewal', 'confirm-issued'],
    },
    parameters: { TARGET_NAMESPACE: 'edge', TARGET_RESOURCE_NAME: 'gateway-tls', CA_SECRET_NAME: 'edge-ca' },
    rationale:
      'The issuer refers to a secret that was removed yesterday; it is kept in the backup namespace.',
    failure: {
      reason: 'ConfigurationError',
      message: 'secret "edge-ca" not found in namespace "cert-backup"',
      exitCode: GENERAL_EXIT,
      taskIndex: 0,
      wasExecutionFailure: false,
    },
  },
  {
    signalName: 'KubePersistentVolumeFillingUp',
    severity: 'critical',
    summary: 'Volume data-orders-0 will be full within 3 hours',
    target: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'orders', namespace: 'orders' },
    workflow: {
      workflowName: 'compact-and-expand-volume',
      actionType: 'ExpandVolume',
      version: '0.9.4',
      executionEngine: 'job',
      tasks: ['compact', 'expand-claim', 'wait-for-resize'],
    },
    parameters: { TARGET_NAMESPACE: 'orders', TARGET_RESOURCE_NAME: 'orders', SIZE_NEW: '80Gi' },
    rationale: 'Growth is steady at 1.1Gi an hour; the storage class allows expansion.',
    failure: {
      reason: 'OOMKilled',
      message: 'Container compact was terminated: OOMKilled',
      exitCode: OUT_OF_MEMORY_EXIT,
      taskIndex: 0,
      wasExecutionFailure: true,
    },
  },
  {
    signalName: 'KubeNodeDiskPressure',
    severity: 'high',
    summary: 'Node worker-3 reports disk pressure and evicts pods',
    target: { apiVersion: 'v1', kind: 'Node', name: 'worker-3' },
    workflow: {
      workflowName: 'cordon-and-clean-node',
      actionType: 'CleanupNode',
      version: '1.3.0',
      executionEngine: 'job',
      tasks: ['cordon', 'prune-images', 'uncordon'],
    },
    parameters: { TARGET_RESOURCE_NAME: 'worker-3', KEEP_FREE_PERCENT: '25' },
    rationale: 'Unused images hold 61 of 100Gi; no volume of a workload is affected.',
    failure: {
      reason: 'TaskFailed',
      message: 'prune-images: 3 images are in use by terminating pods',
      exitCode: GENERAL_EXIT,
      taskIndex: 1,
      wasExecutionFailure: true,
    },
  },
];
