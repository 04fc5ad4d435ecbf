import { randomUUID } from 'node:crypto';

import { HOUR_MS } from '../src/domain/time.ts';

const A_WHILE_MS = 210_000;

/** Bodies of executions nobody has posted yet, as source 000's struct marshals them, about 700 bytes each. */
export function newPosts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => newPost(Date.now() - (index % 24) * HOUR_MS));
}

function newPost(createdAtMs: number): string {
  const uid = randomUUID();
  const name = `rr-${uid.slice(0, 12)}`;
  const at = new Date(createdAtMs).toISOString();
  return JSON.stringify({
    id: '',
    remediation_id: name,
    workflow_id: `workflow-${uid}`,
    workflow_version: '1.4.2',
    container_image: `registry.example/bundles/restart:1.4.2@sha256:${uid.replaceAll('-', '').repeat(2)}`,
    target_resource: `payments/Deployment/api-${uid.slice(0, 2)}`,
    parameters: { GRACE_SECONDS: '30', NAMESPACE: 'payments', REPLICAS: '3' },
    total_duration: A_WHILE_MS * 1_000_000,
    pipelinerun_name: `run-${name}`,
    phase: 'Completed',
    outcome: 'Success',
    started_at: at,
    completed_at: at,
    correlation_id: name,
    created_at: at,
  });
}

export function inChunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
