import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { basisStatement } from '../../src/query/reports/basis.ts';
import { readParameters } from '../../src/query/reports/parameters.ts';
import type { ReportName } from '../../src/query/reports/reports.ts';
import { reportNamed } from '../../src/query/reports/reports.ts';
import { reportStatement } from '../../src/query/reports/run-report.ts';

/** Every index with the question that it is there for; one that answers none costs each write and goes. */
interface Question {
  readonly index: string;
  readonly text: string;
  readonly values: readonly unknown[];
  /** The planner rightly reads a table of fewer rows from end to end. Default 1. */
  readonly fromRows?: number;
}

/** A page of a list as the API reads it, filtered by one column. */
const page = (table: string, column: string, value: string): Question => ({
  index: `${table}_${column}_idx`,
  text: `select * from ${table} where ${column} = $1::text and (created_at, id) < ($2::timestamptz, $3::uuid)
         order by created_at desc, id desc limit 50`,
  values: [value, 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
});

const lookup = (index: string, text: string, ...values: unknown[]): Question => ({ index, text, values });

const ofReport = (
  index: string,
  name: ReportName,
  given: Readonly<Record<string, string>> = {},
): Question => {
  const report = reportNamed(name);
  return { index, text: reportStatement(report), values: readParameters(report.parameters, given) };
};

/** Asked as at that instant. */
export const indexQuestions = (now: string): readonly Question[] => [
  ...RECORD_DEFINITIONS.flatMap(({ table }) => [
    lookup(
      `${table}_created_at_idx`,
      `select * from ${table} where (created_at, id) < ($1::timestamptz, $2::uuid) order by created_at desc, id desc limit 50`,
      now,
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
    ),
    page(table, 'remediation_id', 'rr-1'),
    lookup(
      `${table}_remediation_uid_idx`,
      `select * from ${table} where remediation_uid = $1::text order by created_at`,
      'uid-1',
    ),
  ]),
  ...RECORD_DEFINITIONS.filter(({ kind }) => kind !== 'remediation').map(({ table }) =>
    lookup(
      `${table}_client_id_idx`,
      `select id, created_at from ${table}
       where extra ->> 'client_id' is not null and left(extra ->> 'client_id', 36) = $1::text`,
      'client-1',
    ),
  ),
  page('workflow_execution_audit', 'target_resource', 'namespace-1/Deployment/service-1'),
  page('workflow_execution_audit', 'workflow_id', 'workflow-1'),
  page('workflow_execution_audit', 'correlation_id', 'rr-1'),
  ofReport('workflow_execution_audit_phase_idx', 'recent-failures'),
  page('kubernetes_execution_audit', 'execution_id', 'ke-1'),
  page('kubernetes_execution_audit', 'action_type', 'a_rare_one'),
  ofReport('kubernetes_execution_audit_workflow_ref_idx', 'executions-of-workflow'),
  ofReport('kubernetes_execution_audit_failed_idx', 'failed-executions'),
  {
    index: 'kubernetes_execution_audit_completed_at_idx',
    text: basisStatement(reportNamed('failed-executions')),
    values: ['24 hours'],
    fromRows: 700,
  },
  ofReport('kubernetes_execution_audit_target_resource_idx', 'namespace-actions', {
    namespace: 'elsewhere-%',
  }),
  ofReport('signal_processing_audit_signal_fingerprint_idx', 'signal-records'),
  ofReport('signal_processing_audit_completed_at_idx', 'classification-accuracy'),
  page('ai_analysis_audit', 'alert_fingerprint', 'a'),
  page('ai_analysis_audit', 'environment', 'A rare one'),
  page('remediation_audit', 'signal_fingerprint', 'a'),
  page('remediation_audit', 'target_namespace', 'namespace-1'),
  page('remediation_audit', 'target_name', 'service-1'),
  lookup(
    'remediation_audit_open_idx',
    `select id from remediation_audit
     where (verdict = 'open' or verdict is null) and coalesce(started_at, created_at) < now() - interval '1 hour'`,
  ),
  lookup(
    'remediation_audit_unseen_end_idx',
    `select id from remediation_audit where final_state_unknown and verdict = 'deleted-before-terminal'`,
  ),
  lookup(
    'audit_ledger_remediation_uid_idx',
    'select canonical from audit_ledger where remediation_uid = $1::text order by created_at',
    'uid-1',
  ),
  lookup(
    'ai_investigation_embeddings_alert_fingerprint_idx',
    'select id from ai_investigation_embeddings where alert_fingerprint = $1::text',
    'a',
  ),
  lookup(
    'ai_investigation_embeddings_environment_idx',
    'select id from ai_investigation_embeddings where environment = $1::text',
    'Test1',
  ),
  lookup(
    'ai_investigation_embeddings_remediation_uid_idx',
    'select investigation_text from ai_investigation_embeddings where remediation_uid = $1::text',
    'uid-1',
  ),
  lookup(
    'observed_resource_open_idx',
    `select source_uid from observed_resource where cluster = $1::text and kind = $2::text and deleted_at is null`,
    'bench',
    'AIAnalysis',
  ),
  lookup(
    'observed_resource_remediation_uid_idx',
    'select kind from observed_resource where remediation_uid = $1::text',
    'remediation-1',
  ),
  lookup(
    'observed_resource_unmatched_idx',
    `select source_uid from observed_resource where unmatched and kind <> 'RemediationRequest'`,
  ),
  lookup(
    'observed_resource_deleted_at_idx',
    `select source_uid from observed_resource where deleted_at < now() - interval '990 days'`,
  ),
  lookup(
    'record_move_left_behind_idx',
    `select id from record_move
     where left_behind and table_name = 'workflow_execution_audit' and from_created_at < now()
     order by from_created_at, id limit 50`,
  ),
  lookup(
    'audit_quarantine_open_idx',
    'select id from audit_quarantine where resolved_at is null order by received_at limit 50',
  ),
  lookup(
    'audit_access_created_at_idx',
    `select caller from audit_access where created_at > now() - interval '5 minutes'`,
  ),
];
