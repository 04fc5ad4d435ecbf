import { expect, test } from 'vitest';

import type { JsonObject } from '../../../src/domain/json.ts';
import { isJsonObject } from '../../../src/domain/json.ts';
import { KUBERNAUT_KINDS } from '../../../src/kubernaut/kinds.ts';
import { readable } from '../../support/readings.ts';
import { SAMPLES } from './samples/index.ts';
import { CONTEXT, REFERENCE, REMEDIATION, resourceOf } from './samples/parts.ts';

/** Of a kind that has no sample of its own: enough to be read. */
function plain(kind: string): JsonObject {
  return resourceOf(kind, 'x', {
    metadata: {
      ownerReferences: [{ kind: 'RemediationRequest', name: REMEDIATION.name, uid: REMEDIATION.uid }],
    },
    spec: { remediationRequestRef: REFERENCE, correlationID: REMEDIATION.name },
    status: { phase: 'Completed', overallPhase: 'Completed', decision: 'Approved' },
  });
}

const CASES = KUBERNAUT_KINDS.flatMap((kind) =>
  Object.entries(SAMPLES[kind.kind] ?? { 'any generation': plain(kind.kind) }).map(
    ([generation, resource]) => [kind.kind, generation, kind, resource] as const,
  ),
);

/** The fields that change by themselves while nothing happens. */
function churned(resource: JsonObject, round: number): JsonObject {
  const [metadata, status] = [resource['metadata'], resource['status']].map((part) =>
    isJsonObject(part) ? part : {},
  );
  const session = status?.['investigationSession'];
  const deduplication = status?.['deduplication'];
  const time = `2026-11-21T11:00:0${round}Z`;
  return {
    ...resource,
    metadata: {
      ...metadata,
      resourceVersion: String(5_000 + round),
      generation: round,
      managedFields: [{ manager: 'controller', time }],
    },
    status: {
      ...status,
      observedGeneration: round,
      timeRemaining: `${round}m`,
      investigationSession: { ...(isJsonObject(session) ? session : {}), lastPolled: time, pollCount: round },
      deduplication: { ...(isJsonObject(deduplication) ? deduplication : {}), lastSeenAt: time },
    },
  };
}

/** Fields that churn, of kinds that have them: elsewhere they would be unknown fields, and facts. */
const CHURN_BY_KIND: Readonly<Record<string, readonly string[]>> = {
  AIAnalysis: ['investigationSession'],
  RemediationRequest: ['deduplication'],
  RemediationApprovalRequest: ['timeRemaining'],
};
const SOME_KINDS_ONLY = new Set(Object.values(CHURN_BY_KIND).flat());

function onlyOfKind(kind: string, resource: JsonObject): JsonObject {
  const own = new Set(CHURN_BY_KIND[kind] ?? []);
  const status = isJsonObject(resource['status']) ? resource['status'] : {};
  const kept = Object.entries(status).filter(([name]) => !SOME_KINDS_ONLY.has(name) || own.has(name));
  return { ...resource, status: Object.fromEntries(kept) };
}

test.each(CASES)(
  'churn of %s of %s makes no different observation',
  (kind, _generation, adapter, resource) => {
    const [first, second] = [1, 2].map((round) => {
      const { observations } = readable(adapter.read(onlyOfKind(kind, churned(resource, round)), CONTEXT));
      return observations.map((observation) => ({ ...observation, sourceVersion: '', observedAt: '' }));
    });
    expect(first?.length).toBeGreaterThan(0);
    expect(second).toEqual(first);
  },
);
