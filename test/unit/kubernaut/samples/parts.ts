import type { JsonObject } from '../../../../src/domain/json.ts';

/** Resources as the generations write them, with every field that the adapters know, put together by hand. */

export const CONTEXT = { cluster: 'prod', epoch: 0n, observedAt: '2026-11-21T10:48:00.000000Z' };
export const REMEDIATION = {
  namespace: 'kubernaut-system',
  name: 'rr-4f1c22ab90de-1a2b3c4d',
  uid: 'rr-uid',
} as const;
export const FINGERPRINT = '4f1c22ab90de'.padEnd(64, '0');
export const REFERENCE: JsonObject = {
  apiVersion: 'kubernaut.ai/v1alpha1',
  kind: 'RemediationRequest',
  ...REMEDIATION,
};

export interface Parts {
  readonly spec?: JsonObject;
  readonly status?: JsonObject;
  readonly metadata?: JsonObject;
  readonly apiVersion?: string;
}

export function resourceOf(
  kind: string,
  prefix: string,
  { spec, status, metadata, apiVersion }: Parts,
): JsonObject {
  return {
    apiVersion: apiVersion ?? 'kubernaut.ai/v1alpha1',
    kind,
    metadata: {
      name: `${prefix}-${REMEDIATION.name}`,
      namespace: REMEDIATION.namespace,
      uid: `${prefix}-uid`,
      resourceVersion: '4711',
      creationTimestamp: '2026-11-21T10:40:00Z',
      ...metadata,
    },
    ...(spec ? { spec } : {}),
    ...(status ? { status } : {}),
  };
}

export const CONDITIONS = [
  { type: 'EnrichmentComplete', status: 'True', lastTransitionTime: '2026-11-21T10:40:01Z' },
  { type: 'ClassificationComplete', status: 'False', lastTransitionTime: '2026-11-21T10:40:01Z' },
  { type: 'CategorizationComplete', status: 'True', lastTransitionTime: '2026-11-21T10:40:03Z' },
];
export const TARGET = { kind: 'Deployment', name: 'api', namespace: 'payments', apiVersion: 'apps/v1' };
export const SIGNAL: JsonObject = {
  fingerprint: FINGERPRINT,
  name: 'KubePodCrashLooping',
  severity: 'critical',
  type: 'alert',
  source: 'prometheus',
  targetType: 'kubernetes',
  targetResource: TARGET,
  labels: { app: 'api' },
  annotations: { summary: 'password=hunter2' },
  firingTime: '2026-11-21T10:39:00Z',
  receivedTime: '2026-11-21T10:39:59Z',
  providerData: '{}',
};
export const KUBERNETES_CONTEXT: JsonObject = {
  namespace: { name: 'payments', labels: { team: 'payments' }, annotations: { token: 'abc' } },
  workload: { kind: 'Deployment', name: 'api', labels: {}, annotations: { last: '{}' } },
  ownerChain: [{ kind: 'ReplicaSet', name: 'api-7d8f' }],
  customLabels: { risk: ['low'] },
  degradedMode: false,
};
