import { randomUUID } from 'node:crypto';

import type pg from 'pg';

import { createMonth } from '../src/database/months/partitions.ts';
import { instantOf, monthOf } from '../src/domain/instant.ts';
import type { Observation } from '../src/domain/observation.ts';
import { naturalKey } from '../src/domain/observation.ts';
import { DAY_MS, HOUR_MS } from '../src/domain/time.ts';

/** Observations of executions nobody has met yet, each about 740 bytes in 24 columns, spread over the last `days`. */
export function newObservations(count: number, days = 1): Observation[] {
  return Array.from({ length: count }, (_, index) =>
    newObservation(Date.now() - (index % (days * 24)) * HOUR_MS),
  );
}

/** For hand-written SQL, which makes no months: on the first day of a month rows of the last day belong to the month before. */
export async function createMonthOfYesterday(owner: pg.Pool): Promise<void> {
  await createMonth(owner, monthOf(instantOf(Date.now() - DAY_MS)));
}

function newObservation(createdAtMs: number): Observation {
  const uid = randomUUID();
  const name = `rr-${uid.slice(0, 12)}`;
  const at = instantOf(createdAtMs);
  return {
    table: 'workflow_execution_audit',
    cluster: 'bench',
    key: naturalKey(uid, `we-${name}`),
    phase: 'execution',
    sourceVersion: '4711',
    createdAt: at,
    createdAtSource: 'resource',
    observedAt: at,
    actor: 'watcher',
    columns: {
      remediation_id: name,
      correlation_id: name,
      remediation_uid: uid,
      namespace: 'kubernaut-system',
      source_kind: 'WorkflowExecution',
      source_uid: randomUUID(),
      source_shape: 'G3',
      workflow_id: `workflow-${uid.slice(0, 1)}`,
      workflow_name: 'restart-deployment',
      workflow_version: '1.4.2',
      container_image: `registry.example/bundles/restart:1.4.2@sha256:${uid.replaceAll('-', '').repeat(2)}`,
      target_resource: `payments/Deployment/api-${uid.slice(0, 2)}`,
      parameters: '{"GRACE_SECONDS":"30","NAMESPACE":"payments","REPLICAS":"3"}',
      total_duration: '00:03:30',
      pipelinerun_name: `run-${name}`,
      phase: 'Completed',
      status: 'Completed',
      outcome: 'Success',
      started_at: at,
      completed_at: at,
      total_steps: '4',
      steps_completed: '4',
      extra:
        '{"engine":"tekton","rationale":"the pod is restarted by its liveness probe every two minutes since the rollout"}',
    },
  };
}
