import { nearestOf } from '../../domain/nearest-word.ts';
import type { ReportParameter } from './parameters.ts';

/** The rows that a report reads: declared here and nowhere else, for the database and for the archive. */
interface ReportSource {
  readonly table: string;
  /** The columns that its SQL names, without `id` and `created_at`, which are always read. */
  readonly columns: readonly string[] | typeof EVERY_COLUMN;
  /** The column that the parameter `since` bounds. */
  readonly window: 'created_at' | 'completed_at';
  /** Fields without which the report says nothing, as SQL over the rows: the answer says how many records have them. */
  readonly basis: Readonly<Record<string, string>>;
}

/** For a report that selects whole rows. */
export const EVERY_COLUMN = '*';

/** A question of one of the source documents, or of our own, as a file of SQL with parameters. */
export interface Report {
  /** Name of the file, on the command line and in URLs. */
  readonly name: string;
  readonly title: string;
  /** Number of the source document that asks it; absent for a question of our own. */
  readonly source?: string;
  /** In one sentence what the report answers, for people who choose among them. */
  readonly question: string;
  /** Its SQL has `:rows` for them and `:since` for the window. */
  readonly reads: ReportSource;
  /** In the order of the statement's `$1`, `$2`, … */
  readonly parameters: readonly ReportParameter[];
}

/** Every report has a window; without one it answers for all months there are. */
function since(byDefault: string | null): ReportParameter {
  return {
    name: 'since',
    type: 'since',
    default: byDefault,
    meaning: 'How far back to look: `7d`, `36h`, `24 hours`, an instant; `all` for everything',
  };
}

/**
 * All reports, in the order in which they are listed. Names, parameters and defaults are public: routes,
 * the command and the description of the API follow from them.
 */
export const REPORTS = [
  {
    name: 'recent-failures',
    title: 'Recent failures by target',
    source: '000',
    question: 'Which executions failed, where, and why?',
    reads: {
      table: 'workflow_execution_audit',
      columns: [
        'workflow_id',
        'target_resource',
        'phase',
        'failure_reason',
        'failure_message',
        'completed_at',
        'remediation_id',
        'workflow_name',
      ],
      window: 'completed_at',
      basis: { phase: 'phase', failure_reason: 'failure_reason' },
    },
    parameters: [since('24 hours')],
  },
  {
    name: 'lock-effectiveness',
    title: 'Resource lock effectiveness',
    source: '000',
    question: 'How often did each lock keep a workflow from running?',
    reads: {
      table: 'workflow_execution_audit',
      columns: ['phase', 'skip_reason'],
      window: 'created_at',
      basis: { skip_reason: 'skip_reason' },
    },
    parameters: [since('7 days')],
  },
  {
    name: 'success-rate-by-target',
    title: 'Workflow success rate by target',
    source: '000',
    question: 'How often does each workflow succeed on each target?',
    reads: {
      table: 'workflow_execution_audit',
      columns: ['workflow_id', 'target_resource', 'phase', 'outcome', 'workflow_name'],
      window: 'created_at',
      basis: { outcome: 'outcome' },
    },
    parameters: [since('30 days')],
  },
  {
    name: 'executions-of-workflow',
    title: 'Executions of a workflow',
    source: '001',
    question: 'What did one workflow execution do, step by step?',
    reads: {
      table: 'kubernetes_execution_audit',
      columns: [
        'execution_id',
        'workflow_ref',
        'step_index',
        'action_type',
        'target_resource_name',
        'success',
        'duration',
        'retry_count',
        'remediation_id',
      ],
      window: 'created_at',
      basis: { workflow_ref: 'workflow_ref' },
    },
    parameters: [
      {
        name: 'workflow',
        type: 'text',
        default: 'alert-12345-workflow',
        meaning: 'Name of the workflow execution',
      },
      since(null),
    ],
  },
  {
    name: 'failed-executions',
    title: 'Failed executions with errors',
    source: '001',
    question: 'Which actions failed, on what, and with which error?',
    reads: {
      table: 'kubernetes_execution_audit',
      columns: [
        'execution_id',
        'action_type',
        'target_namespace',
        'target_resource_name',
        'success',
        'error',
        'retry_count',
        'completed_at',
        'remediation_id',
        'workflow_ref',
      ],
      window: 'completed_at',
      basis: { success: 'success' },
    },
    parameters: [since('24 hours')],
  },
  {
    name: 'duration-by-action',
    title: 'Execution duration by action type',
    source: '001',
    question: 'How long does each kind of action take when it succeeds?',
    reads: {
      table: 'kubernetes_execution_audit',
      columns: ['action_type', 'success', 'duration'],
      window: 'created_at',
      basis: { duration: 'duration' },
    },
    parameters: [since('7 days')],
  },
  {
    name: 'slow-executions',
    title: 'Slow executions',
    source: '001',
    question: 'Which actions took longest?',
    reads: {
      table: 'kubernetes_execution_audit',
      columns: [
        'execution_id',
        'action_type',
        'target_resource_name',
        'duration',
        'job_resource_usage',
        'remediation_id',
        'workflow_ref',
      ],
      window: 'created_at',
      basis: { duration: 'duration' },
    },
    parameters: [
      {
        name: 'longer_than',
        type: 'duration',
        default: '30 seconds',
        meaning: 'Only what took longer: `30s`, `2m`',
      },
      since('24 hours'),
      { name: 'limit', type: 'count', default: '100', meaning: 'Rows at most' },
    ],
  },
  {
    name: 'namespace-actions',
    title: 'Actions in a namespace',
    source: '001',
    question: 'What was done in the namespaces that match a pattern?',
    reads: {
      table: 'kubernetes_execution_audit',
      columns: [
        'execution_id',
        'action_type',
        'target_namespace',
        'target_resource_kind',
        'target_resource_name',
        'success',
        'job_pod_name',
        'remediation_id',
        'workflow_ref',
      ],
      window: 'created_at',
      basis: { target_namespace: 'target_namespace' },
    },
    parameters: [
      {
        name: 'namespace',
        type: 'text',
        default: 'prod-%',
        meaning: 'Namespace; `%` stands for any text, `_` for any character',
      },
      since('30 days'),
    ],
  },
  {
    name: 'retry-patterns',
    title: 'Retry patterns',
    source: '001',
    question: 'Which actions need more than one attempt, and where?',
    reads: {
      table: 'kubernetes_execution_audit',
      columns: ['action_type', 'target_namespace', 'retry_count'],
      window: 'created_at',
      basis: { retry_count: 'retry_count' },
    },
    parameters: [since('7 days')],
  },
  {
    name: 'resource-usage',
    title: 'Resource usage by action type',
    source: '001',
    question: 'What do the jobs behind each kind of action use?',
    reads: {
      table: 'kubernetes_execution_audit',
      columns: ['action_type', 'job_resource_usage'],
      window: 'created_at',
      basis: { job_resource_usage: 'job_resource_usage' },
    },
    parameters: [since('7 days')],
  },
  {
    name: 'signal-records',
    title: 'Records of a signal',
    source: '002',
    question: 'How was one signal processed, each time it came?',
    reads: {
      table: 'signal_processing_audit',
      columns: EVERY_COLUMN,
      window: 'created_at',
      basis: { signal_fingerprint: 'signal_fingerprint' },
    },
    parameters: [
      {
        name: 'fingerprint',
        type: 'text',
        default: 'mem-pressure-prod-123',
        meaning: 'Fingerprint of the signal',
      },
      since(null),
    ],
  },
  {
    name: 'classification-accuracy',
    title: 'Classification accuracy by environment',
    source: '002',
    question: 'How sure is the classification of each environment?',
    reads: {
      table: 'signal_processing_audit',
      columns: ['environment', 'confidence', 'completed_at'],
      window: 'completed_at',
      basis: { confidence: 'confidence' },
    },
    parameters: [since('7 days')],
  },
  {
    name: 'priority-distribution',
    title: 'Priority distribution',
    source: '002',
    question: 'How are the signals spread over the priorities?',
    reads: {
      table: 'signal_processing_audit',
      columns: ['priority', 'priority_score', 'completed_at'],
      window: 'completed_at',
      basis: { priority_score: 'priority_score' },
    },
    parameters: [since('7 days')],
  },
  {
    name: 'slow-enrichments',
    title: 'Slow enrichments',
    source: '002',
    question:
      'For which signals did the first phase, the enrichment, take long? Those whose resource never says when it ended (G0, and G1 but for the documented objects) are in no answer.',
    reads: {
      table: 'signal_processing_audit',
      columns: ['remediation_id', 'signal_fingerprint', 'processing_phases'],
      window: 'created_at',
      basis: { 'processing_phases[0].duration': "processing_phases->0->>'duration'" },
    },
    parameters: [
      {
        name: 'longer_than',
        type: 'duration',
        default: '2 seconds',
        meaning: 'Only what took longer: `2s`, `500ms`',
      },
      since(null),
    ],
  },
  {
    name: 'recommendation-success',
    title: 'Historical success by recommendation',
    source: '003',
    question: 'How well does each recommendation do, as expected and as it did before?',
    reads: {
      table: 'ai_analysis_audit',
      columns: [
        'top_recommendation',
        'effectiveness_probability',
        'historical_success_rate',
        'completion_status',
      ],
      window: 'created_at',
      basis: {
        effectiveness_probability: 'effectiveness_probability',
        historical_success_rate: 'historical_success_rate',
      },
    },
    parameters: [since(null)],
  },
  {
    name: 'investigation-performance',
    title: 'Investigation performance by environment',
    source: '003',
    question: 'How long do investigations take in each environment, and how sure are they?',
    reads: {
      table: 'ai_analysis_audit',
      columns: ['environment', 'investigation_duration_ms', 'confidence_score'],
      window: 'created_at',
      basis: { investigation_duration_ms: 'investigation_duration_ms', confidence_score: 'confidence_score' },
    },
    parameters: [since(null)],
  },
  {
    name: 'hallucination-trend',
    title: 'Hallucination trend',
    source: '003',
    question: 'How many analyses of each day were found to claim what they had no grounds for?',
    reads: {
      table: 'ai_analysis_audit',
      columns: ['hallucination_detected'],
      window: 'created_at',
      basis: { hallucination_detected: 'hallucination_detected' },
    },
    parameters: [since(null)],
  },
  {
    name: 'workflow-outcomes',
    title: 'Outcomes by workflow',
    question: 'What became of the executions of each workflow, and which fails most?',
    reads: {
      table: 'workflow_execution_audit',
      columns: [
        'remediation_id',
        'workflow_id',
        'workflow_name',
        'target_resource',
        'phase',
        'outcome',
        'failure_reason',
        'total_duration',
        'completed_at',
      ],
      window: 'created_at',
      basis: { workflow_id: 'workflow_id', outcome: 'outcome' },
    },
    parameters: [since('30 days')],
  },
] as const satisfies readonly Report[];

/** The names as a union of literals: the compiler finds a report without columns in `columns.ts`. */
export type ReportName = (typeof REPORTS)[number]['name'];

/** A name that is not in the catalogue. The message lists those that are. */
export class UnknownReportError extends Error {
  readonly report: string;

  constructor(report: string) {
    const nearest = nearestOf(
      report,
      REPORTS.map(({ name }) => name),
    );
    const meant = nearest === undefined ? '' : `did you mean ${nearest}? `;
    super(
      `there is no report ${JSON.stringify(report)}; ${meant}known are ${REPORTS.map(({ name }) => name).join(', ')}`,
    );
    this.name = 'UnknownReportError';
    this.report = report;
  }
}

/** The report of a name as a person or a URL spells it. Throws UnknownReportError. */
export function reportNamed(name: string): Report {
  const report = REPORTS.find((candidate) => candidate.name === name);
  if (report === undefined) throw new UnknownReportError(name);
  return report;
}
