import { randomUUID } from 'node:crypto';

import type pg from 'pg';

import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { instantOf } from '../../src/domain/instant.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import type { Columns } from '../../src/domain/records/definition.ts';
import { HOUR_MS } from '../../src/domain/time.ts';

/** A data set small enough to be added up by hand. Whole hours and days before now, so that no window's edge is near. */
const startedAt = Date.now();
export const hoursAgo = (hours: number): string => instantOf(startedAt - hours * HOUR_MS);
export const daysAgo = (days: number): string => hoursAgo(days * 24);

type Row = readonly [createdAt: string, columns: Columns];

const API = {
  target_resource: 'payments/Deployment/api',
  workflow_id: 'restart-api',
  workflow_name: 'restart api',
};
const DATABASE = {
  target_resource: 'shop/StatefulSet/db',
  workflow_id: 'scale-db',
  workflow_name: 'scale db',
};
const FRONT = {
  target_resource: 'web/Deployment/front',
  workflow_id: 'roll-front',
  workflow_name: 'roll front',
};
const success = { phase: 'Completed', outcome: 'Success' };
const failure = { phase: 'Failed', outcome: 'Failed' };

const EXECUTIONS: readonly Row[] = [
  [
    hoursAgo(3),
    {
      ...API,
      ...failure,
      remediation_id: 'rr-w1',
      total_duration: '00:01:30',
      failure_reason: 'OOMKilled',
      failure_message: 'out of memory',
      completed_at: hoursAgo(2),
    },
  ],
  [
    hoursAgo(10),
    {
      ...API,
      ...failure,
      failure_reason: 'DeadlineExceeded',
      failure_message: 'first line\nsecond, "quoted"',
      completed_at: hoursAgo(9),
    },
  ],
  [hoursAgo(31), { ...DATABASE, ...failure, failure_reason: 'Unknown', completed_at: hoursAgo(30) }],
  [hoursAgo(5), { ...API, ...success, completed_at: hoursAgo(4) }],
  [daysAgo(20), { ...API, ...success, completed_at: daysAgo(20) }],
  [daysAgo(40), { ...API, ...success, completed_at: daysAgo(40) }],
  [daysAgo(8), { ...DATABASE, phase: 'Completed', outcome: 'Partial', completed_at: daysAgo(8) }],
  [daysAgo(1), { ...FRONT, ...success, completed_at: daysAgo(1) }],
  [daysAgo(2), { ...FRONT, ...success, completed_at: daysAgo(2) }],
  [daysAgo(3), { ...FRONT, ...failure, completed_at: daysAgo(3) }],
  // It began in another month than it ended in: a window over its end must find it.
  [daysAgo(35), { ...DATABASE, ...failure, failure_reason: 'Forbidden', completed_at: hoursAgo(1) }],
  [daysAgo(1), { ...API, phase: 'Skipped', outcome: 'n/a', skip_reason: 'ResourceBusy' }],
  [daysAgo(6), { ...API, phase: 'Skipped', outcome: 'n/a', skip_reason: 'ResourceBusy' }],
  [daysAgo(2), { ...API, phase: 'Skipped', outcome: 'n/a', skip_reason: 'RecentlyRemediated' }],
  [daysAgo(8), { ...API, phase: 'Skipped', outcome: 'n/a', skip_reason: 'ResourceBusy' }],
  [hoursAgo(1), { ...API, phase: 'Running' }],
];

const STEP = { workflow_ref: 'alert-12345-workflow', remediation_id: 'rr-k1' };
const EU = { target_namespace: 'prod-eu', target_resource_kind: 'Deployment', target_resource_name: 'api' };
const US = { target_namespace: 'prod-us', target_resource_kind: 'Deployment', target_resource_name: 'web' };

const ACTIONS: readonly Row[] = [
  [
    hoursAgo(2.3),
    {
      ...STEP,
      ...EU,
      step_index: '0',
      execution_id: 'k1',
      action_type: 'scale_deployment',
      success: true,
      duration: '00:00:10',
      retry_count: '0',
      job_pod_name: 'pod-1',
      job_resource_usage: '{"cpu_millicores":250,"memory_bytes":1073741824}',
    },
  ],
  [
    hoursAgo(2.2),
    {
      ...STEP,
      ...EU,
      step_index: '1',
      execution_id: 'k2',
      action_type: 'rollout_restart',
      success: true,
      duration: '00:00:45',
      retry_count: '1',
      job_resource_usage: '{"cpu_millicores":100,"memory_bytes":9007199254740993}',
    },
  ],
  [
    hoursAgo(2.1),
    {
      ...STEP,
      ...US,
      step_index: '2',
      execution_id: 'k3',
      action_type: 'rollout_restart',
      success: false,
      error: 'timed out',
      duration: '00:01:30',
      retry_count: '3',
      completed_at: hoursAgo(1),
    },
  ],
  [
    daysAgo(3),
    {
      execution_id: 'k4',
      action_type: 'scale_deployment',
      target_namespace: 'staging',
      success: true,
      duration: '00:00:20',
      retry_count: '0',
      job_resource_usage: '{"cpu_millicores":500,"memory_bytes":1073741825}',
    },
  ],
  [
    daysAgo(6),
    {
      ...EU,
      execution_id: 'k5',
      action_type: 'scale_deployment',
      success: true,
      duration: '00:01:00',
      retry_count: '2',
    },
  ],
  [
    daysAgo(9),
    {
      ...EU,
      execution_id: 'k6',
      action_type: 'scale_deployment',
      success: true,
      duration: '00:05:00',
      retry_count: '2',
      job_resource_usage: '{"cpu_millicores":9000,"memory_bytes":1}',
    },
  ],
  [
    hoursAgo(31),
    {
      ...EU,
      execution_id: 'k7',
      action_type: 'delete_pod',
      success: false,
      error: 'not found',
      duration: '00:00:31',
      retry_count: '1',
      completed_at: hoursAgo(30),
    },
  ],
  // All that the test of source 001 posts.
  [hoursAgo(1), { execution_id: 'test-exec-1', action_type: 'scale-deployment', success: true }],
  [daysAgo(4), { ...EU, execution_id: 'k8', action_type: 'rollout_restart', retry_count: '2' }],
  [
    daysAgo(1),
    {
      execution_id: 'k9',
      action_type: 'cordon_node',
      target_namespace: 'prod',
      workflow_ref: 'alert-12345-workflow-2',
      success: true,
      duration: '00:00:01',
    },
  ],
  [
    daysAgo(45),
    { ...EU, execution_id: 'k10', action_type: 'drain_node', success: true, duration: '00:10:00' },
  ],
];

const enriching = (duration: string): string =>
  `[{"phase":"enriching","duration":"${duration}"},{"phase":"classifying","duration":"00:10:00"}]`;
const MEMORY = { signal_fingerprint: 'mem-pressure-prod-123' };
const OTHER = { signal_fingerprint: 'disk-full-456' };

const SIGNALS: readonly Row[] = [
  [
    hoursAgo(1),
    {
      ...MEMORY,
      remediation_id: 'rr-1',
      processing_phases: enriching('00:00:03.5'),
      environment: 'Production',
      confidence: '0.95',
      priority: 'P0',
      priority_score: '95',
      completed_at: hoursAgo(1),
    },
  ],
  [
    daysAgo(50),
    {
      ...MEMORY,
      remediation_id: 'rr-2',
      processing_phases: enriching('00:00:01'),
      environment: 'Production',
      confidence: '0.5',
      priority: 'P0',
      priority_score: '1',
      completed_at: daysAgo(50),
    },
  ],
  [
    daysAgo(2),
    {
      ...OTHER,
      remediation_id: 'rr-3',
      processing_phases: enriching('00:00:02.5'),
      environment: 'Staging',
      confidence: '0.8',
      priority: 'P2',
      priority_score: '40',
      completed_at: daysAgo(2),
    },
  ],
  [
    daysAgo(6),
    {
      ...OTHER,
      remediation_id: 'rr-4',
      processing_phases: enriching('00:00:02'),
      environment: 'Production',
      confidence: '0.999',
      priority: 'P0',
      priority_score: '90',
      completed_at: daysAgo(6),
    },
  ],
  // It failed: no end, no environment, no priority.
  [daysAgo(3), { ...OTHER, remediation_id: 'rr-5', processing_phases: enriching('24:00:01') }],
];

const RESTART = {
  top_recommendation: 'restart-api',
  completion_status: 'completed',
  environment: 'production',
};

/** Days are counted in UTC, so these have fixed dates: no window is over them. */
const ANALYSES: readonly Row[] = [
  [
    '2026-03-05T23:59:59.999999Z',
    {
      ...RESTART,
      effectiveness_probability: '0.9',
      historical_success_rate: '0.8',
      investigation_duration_ms: '76000',
      confidence_score: '0.95',
      hallucination_detected: false,
    },
  ],
  [
    '2026-03-06T00:00:00.000000Z',
    {
      ...RESTART,
      effectiveness_probability: '0.7',
      investigation_duration_ms: '106001',
      confidence_score: '0.9',
      hallucination_detected: false,
    },
  ],
  [
    '2026-03-06T12:00:00.000000Z',
    {
      top_recommendation: 'scale-db',
      completion_status: 'completed',
      environment: 'staging',
      effectiveness_probability: '0.95',
      historical_success_rate: '0.5',
      confidence_score: '0.8',
      hallucination_detected: true,
    },
  ],
  [
    '2026-04-01T00:00:00.000000Z',
    { environment: 'production', completion_status: 'failed', investigation_duration_ms: '120000' },
  ],
];

/** Through the record store, as everything else: months are made on the way. */
export async function recordReportData(writer: pg.Pool): Promise<void> {
  const observations = [
    ...observationsOf('workflow_execution_audit', 'execution', EXECUTIONS),
    ...observationsOf('kubernetes_execution_audit', 'action', ACTIONS),
    ...observationsOf('signal_processing_audit', 'signal-processing', SIGNALS),
    ...observationsOf('ai_analysis_audit', 'analysis', ANALYSES),
  ];
  await createRecordStore(writer).record(observations);
}

function observationsOf(table: string, phase: Observation['phase'], rows: readonly Row[]): Observation[] {
  return rows.map(([createdAt, columns]) => ({
    table,
    cluster: 'test',
    key: naturalKey(randomUUID()),
    phase,
    sourceVersion: '1',
    createdAt,
    createdAtSource: 'post',
    observedAt: createdAt,
    actor: 'test',
    columns,
  }));
}
