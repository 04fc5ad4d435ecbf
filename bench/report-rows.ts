import type pg from 'pg';

import { createMonth } from '../src/database/months/partitions.ts';
import { addMonths, monthOf } from '../src/domain/instant.ts';

/** Rows of the four tables that the reports ask, spread evenly over the time before an instant, made by the server itself. */
export interface ReportRows {
  /** Rows in all; each table has a quarter of them. */
  readonly rows: number;
  /** Months that they are spread over. */
  readonly months: number;
  /** When the youngest was created. */
  readonly until: string;
  readonly report: (line: string) => void;
}

/** `i` counts the rows of a table, `day` places them; everything else follows from `i`, so that every load is the same. */
const COMMON_NAMES =
  'id, created_at, created_at_source, cluster, source_version, revision, remediation_id, remediation_uid, namespace, extra';
const COMMON = `
    md5('%table%' || i)::uuid, at, 'resource', 'bench', i, 1, 'rr-' || md5('rr' || i), md5('uid' || i), 'kubernaut-system',
    jsonb_build_object('engine', 'tekton', 'rationale', repeat('because of memory pressure ', 8))`;

const INSERTS: Readonly<Record<string, string>> = {
  workflow_execution_audit: `
    insert into workflow_execution_audit (${COMMON_NAMES},
      workflow_id, workflow_version, container_image, target_resource, parameters, total_duration, pipelinerun_name,
      phase, outcome, failure_reason, failure_message, skip_reason, started_at, completed_at, correlation_id)
    select ${COMMON},
      'workflow-' || i % 40, '1.0.' || i % 7, 'registry/bundle-' || i % 40 || '@sha256:' || md5('image' || i % 40),
      'namespace-' || i % 50 || '/Deployment/service-' || i % 500, '{"REPLICAS": "3", "GRACE": "30s"}',
      make_interval(secs => 20 + i % 300), 'run-' || i,
      case when i % 25 < 20 then 'Completed' when i % 25 < 23 then 'Failed' else 'Skipped' end,
      case when i % 25 < 20 then 'Success' when i % 25 < 23 then 'Failed' else 'n/a' end,
      case when i % 25 between 20 and 22 then (array['OOMKilled', 'DeadlineExceeded', 'Forbidden'])[1 + i % 3] end,
      case when i % 25 between 20 and 22 then 'step failed with ' || md5('message' || i) end,
      case when i % 25 > 22 then (array['ResourceBusy', 'RecentlyRemediated', 'ExponentialBackoff'])[1 + i % 3] end,
      case when i % 25 < 23 then at end,
      case when i % 25 < 23 then at + make_interval(secs => 20 + i % 300) end, 'rr-' || md5('rr' || i)
    from place`,
  kubernetes_execution_audit: `
    insert into kubernetes_execution_audit (${COMMON_NAMES},
      execution_id, workflow_ref, step_index, action_type, action_parameters, target_namespace, target_resource_kind,
      target_resource_name, success, output, error, start_time, end_time, duration, job_name, job_resource_usage,
      retry_count, max_retries, completed_at, phase)
    select ${COMMON},
      'ke-' || i, case when i % 100000 < 3 then 'alert-12345-workflow' else 'we-' || i / 3 end, i % 3, 'action_' || i % 10,
      '{"deployment": "api", "replicas": 3}',
      case when i % 10 = 3 then 'prod-' || i % 7 else 'namespace-' || i % 50 end, 'Deployment', 'service-' || i % 500,
      i % 20 <> 0, 'done: ' || md5('output' || i), case when i % 20 = 0 then 'timed out: ' || md5('error' || i) end,
      at, at + make_interval(secs => i % 33), make_interval(secs => i % 33), 'job-' || i,
      case when i % 2 = 0 then jsonb_build_object('cpu_millicores', i % 1000, 'memory_bytes', 1048576 * (i % 900)) end,
      case when i % 10 = 0 then 1 + i % 3 else 0 end, 3, at + make_interval(secs => i % 33), 'completed'
    from place`,
  signal_processing_audit: `
    insert into signal_processing_audit (${COMMON_NAMES},
      signal_fingerprint, processing_phases, enrichment_quality, enrichment_sources, context_size_bytes, environment,
      confidence, business_criticality, sla_requirement, priority, priority_score, routed_to_service, routing_priority,
      completed_at, status)
    select ${COMMON},
      case when i % 20000 = 7 then 'mem-pressure-prod-123' else md5('signal' || i % 20000) end,
      jsonb_build_array(
        jsonb_build_object('phase', 'enriching', 'start_time', at, 'duration',
          '00:00:0' || case when i % 50 = 0 then 3 else 1 end || '.25', 'enrichmentResults', '{"contextQuality": 0.9}'::jsonb),
        jsonb_build_object('phase', 'classifying', 'start_time', at, 'duration', '00:00:00.1')),
      0.9, '["kubernetes", "prometheus"]', 10000 + i % 90000,
      (array['Production', 'Staging', 'Development', 'Test'])[1 + i % 4], 0.5 + (i % 50) / 100.0, 'High', 'Gold',
      'P' || i % 4, i % 100, 'ai-analysis', 1 + i % 4, at + interval '3 seconds', 'Completed'
    from place`,
  ai_analysis_audit: `
    insert into ai_analysis_audit (${COMMON_NAMES},
      crd_name, crd_namespace, alert_fingerprint, environment, severity, investigation_start, investigation_duration_ms,
      investigation_report, confidence_score, hallucination_detected, recommendations, top_recommendation,
      effectiveness_probability, historical_success_rate, completion_status)
    select ${COMMON},
      'ai-' || i, 'kubernaut-system', md5('signal' || i % 20000),
      (array['Production', 'Staging', 'Development', 'Test'])[1 + i % 4], 'critical', at, 60000 + i % 90000,
      'The pod was killed because its limit is below its working set. ' || md5('report' || i),
      0.5 + (i % 50) / 100.0, i % 40 = 0, '[{"action": "restart", "rank": 1}, {"action": "scale", "rank": 2}]',
      'action-' || i % 30, 0.4 + (i % 60) / 100.0, 0.3 + (i % 70) / 100.0,
      case when i % 12 = 0 then 'failed' else 'completed' end
    from place`,
};

export const REPORTED_TABLES = Object.keys(INSERTS);

const CHUNK_ROWS = 50_000;
const LOADERS = 2;
export const DAYS_PER_MONTH = 30.4375;

/** Makes the months, loads the rows and leaves the tables as autovacuum would. */
export async function loadReportRows(
  owner: pg.Pool,
  { rows, months, until, report }: ReportRows,
): Promise<void> {
  const lastMonth = monthOf(until);
  // One more than the months: their average length may reach a day or two into the one before.
  for (let back = -months - 1; back <= 1; back += 1) await createMonth(owner, addMonths(lastMonth, back));
  const perTable = Math.ceil(rows / REPORTED_TABLES.length);
  const chunks = REPORTED_TABLES.flatMap((table) =>
    Array.from({ length: Math.ceil(perTable / CHUNK_ROWS) }, (_, index) => ({
      table,
      first: index * CHUNK_ROWS,
    })),
  );
  const daysPerRow = (months * DAYS_PER_MONTH) / perTable;
  let loaded = 0;
  const load = async (): Promise<void> => {
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      const last = Math.min(chunk.first + CHUNK_ROWS, perTable) - 1;
      await owner.query(insertStatement(chunk.table), [chunk.first, last, daysPerRow, until]);
      loaded += last - chunk.first + 1;
      if (loaded % 500_000 < CHUNK_ROWS) report(`${loaded} of ${rows} rows`);
    }
  };
  await Promise.all(Array.from({ length: LOADERS }, load));
  for (const table of REPORTED_TABLES) await owner.query(`vacuum (analyze) ${table}`);
}

function insertStatement(table: string): string {
  return `
    with place as (
      select i, $4::timestamptz - make_interval(secs => (i + 0.5) * $3::float8 * 86400) as at
      from generate_series($1::bigint, $2::bigint) as i
    )
    ${(INSERTS[table] ?? '').replaceAll('%table%', table)}`;
}
