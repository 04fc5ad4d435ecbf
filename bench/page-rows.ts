import type pg from 'pg';

import type { ReportRows } from './report-rows.ts';
import { DAYS_PER_MONTH, loadReportRows } from './report-rows.ts';

/**
 * The rows of the reports, each with its remediation: of remediation `i` every table has one row. What the watcher knows of
 * their resources and one entry of the ledger come with it.
 */
export async function loadPageRows(owner: pg.Pool, load: ReportRows): Promise<void> {
  const remediations = Math.ceil(load.rows / TABLES);
  await loadReportRows(owner, { ...load, rows: remediations * (TABLES - 1) });
  const daysPerRow = (load.months * DAYS_PER_MONTH) / remediations;
  for (let first = 0; first < remediations; first += CHUNK_ROWS) {
    const last = Math.min(first + CHUNK_ROWS, remediations) - 1;
    for (const insert of [INSERT_REMEDIATIONS, INSERT_RESOURCES, INSERT_ENTRIES])
      await owner.query(insert, [first, last, daysPerRow, load.until]);
    if (last % 200_000 < CHUNK_ROWS) load.report(`${last + 1} of ${remediations} remediations`);
  }
  for (const table of ['remediation_audit', 'observed_resource', 'audit_ledger'])
    await owner.query(`vacuum (analyze) ${table}`);
  await owner.query(
    `insert into watched_cluster (cluster, first_watched_at) values ('bench', now() - interval '2 years')`,
  );
}

const TABLES = 5;
const CHUNK_ROWS = 50_000;

const PLACE = `
  with place as (
    select i, $4::timestamptz - make_interval(secs => (i + 0.5) * $3::float8 * 86400) as at
    from generate_series($1::bigint, $2::bigint) as i
  )`;

/** Every fiftieth of the last two thousand is open; of the others one in two hundred was deleted before it ended. */
const INSERT_REMEDIATIONS = `${PLACE}
  insert into remediation_audit (id, created_at, created_at_source, cluster, source_version, revision, remediation_id,
    remediation_uid, namespace, extra, signal_fingerprint, signal_name, severity, target_kind, target_name, target_namespace,
    overall_phase, outcome, workflow_id, workflow_name, approval_required, verification_reason, verification_health_score,
    verification_alert_score, pre_remediation_spec_hash, post_remediation_spec_hash, started_at, completed_at, verdict,
    final_state_unknown, deleted_at)
  select md5('remediation_audit' || i)::uuid, at, 'resource', 'bench', i, 1, 'rr-' || md5('rr' || i), md5('uid' || i),
    'kubernaut-system', jsonb_build_object('environment', 'production', 'message', repeat('because of memory pressure ', 8)),
    md5('signal' || i % 20000), 'KubeContainerOOMKilled', 'critical', 'Deployment', 'service-' || i % 500,
    'namespace-' || i % 50,
    case when is_open then 'Executing' when i % 25 = 24 then 'Failed' else 'Completed' end,
    case when not is_open and i % 25 <> 24 then 'Remediated' end,
    'workflow-' || i % 40, 'increase-memory-limit-' || i % 40, i % 10 = 0, 'Full', 1, 1, md5('before' || i), md5('after' || i),
    at, case when not is_open then at + interval '7 minutes' end,
    case when is_open then 'open' when i % 200 = 7 then 'deleted-before-terminal' else 'terminal' end,
    i % 10000 = 7, case when i % 200 = 7 then at + interval '7 minutes' end
  from place
  cross join lateral (select i < 2000 and i % 50 = 0 as is_open) as state`;

/** A resource for each record, as the watcher notes them: all but the last two thousand remediations are deleted. */
const INSERT_RESOURCES = `${PLACE}
  insert into observed_resource (cluster, source_uid, kind, namespace, name, remediation_uid, source_version, phase, first_seen,
    last_seen, deleted_at, unmatched)
  select 'bench', md5('uid' || i || suffix), kind, 'kubernaut-system', 'rr-' || md5('rr' || i), md5('uid' || i), i,
    'Completed', at, at, case when i >= 2000 then at + interval '1 day' end, kind = 'RemediationRequest' and i < 2000
  from place
  cross join (values ('RemediationRequest', ''), ('SignalProcessing', 'sp'), ('AIAnalysis', 'ai'), ('WorkflowExecution', 'we'),
    ('KubernetesExecution', 'ke')) as resource (kind, suffix)`;

const INSERT_ENTRIES = `${PLACE}
  insert into audit_ledger (record_id, created_at, source_version, content_hash, observed_at, table_name, cluster,
    remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
  select md5('remediation_audit' || i)::uuid, at, i, sha256(('content' || i)::bytea), at, 'remediation_audit', 'bench',
    md5('uid' || i), 'progress', 'remediationorchestrator-controller',
    '{"overall_phase":"Executing","remediation_id":"rr-' || md5('rr' || i) || '"}', '\\x00', sha256('payload'), sha256('leaf')
  from place`;
