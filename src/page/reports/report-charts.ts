import { parseInterval } from '../../domain/duration.ts';
import type { ReportName } from '../../query/reports/reports.ts';
import type { ReportAnswer } from '../../query/reports/run-report.ts';
import type { Bar } from '../charts.ts';

/** What the chart of a report shows: one bar per row, or one per value of a column with the number of its rows. */
interface ReportChart {
  readonly title: string;
  readonly label: readonly string[];
  /** Column with the length of a bar; absent: the number of rows with the label. */
  readonly value?: string;
  /** Value of a full bar. */
  readonly full?: number;
}

/** One for each report: the compiler names one that is forgotten. */
const REPORT_CHARTS: Readonly<Record<ReportName, ReportChart>> = {
  'recent-failures': { title: 'Failed executions by reason', label: ['failure_reason'] },
  'lock-effectiveness': { title: 'Skipped executions by lock', label: ['skip_reason'], value: 'skip_count' },
  'success-rate-by-target': {
    title: 'Success in percent by workflow and target',
    label: ['workflow_name', 'target_resource'],
    value: 'success_rate_pct',
    full: 100,
  },
  'executions-of-workflow': {
    title: 'Duration of each step',
    label: ['action_type', 'target_resource_name'],
    value: 'duration',
  },
  'failed-executions': { title: 'Failed actions by type', label: ['action_type'] },
  'duration-by-action': {
    title: 'Duration that 95 of 100 actions keep to, by type',
    label: ['action_type'],
    value: 'p95_duration',
  },
  'slow-executions': {
    title: 'Duration of the slowest actions',
    label: ['action_type', 'target_resource_name'],
    value: 'duration',
  },
  'namespace-actions': { title: 'Actions by type', label: ['action_type'] },
  'retry-patterns': {
    title: 'Actions with several attempts by type and namespace',
    label: ['action_type', 'target_namespace'],
    value: 'total_with_retries',
  },
  'resource-usage': {
    title: 'Processor use in thousandths of a core by type',
    label: ['action_type'],
    value: 'avg_cpu_millicores',
  },
  'signal-records': { title: 'Records by environment', label: ['environment'] },
  'classification-accuracy': {
    title: 'Mean confidence by environment',
    label: ['environment'],
    value: 'avg_confidence',
    full: 1,
  },
  'priority-distribution': { title: 'Signals by priority', label: ['priority'], value: 'count' },
  'slow-enrichments': {
    title: 'Duration of the slowest enrichments',
    label: ['remediation_id'],
    value: 'enrichment_duration',
  },
  'recommendation-success': {
    title: 'Expected effectiveness by recommendation',
    label: ['top_recommendation'],
    value: 'avg_effectiveness',
    full: 1,
  },
  'investigation-performance': {
    title: 'Mean duration of investigations in milliseconds by environment',
    label: ['environment'],
    value: 'avg_duration',
  },
  'hallucination-trend': {
    title: 'Analyses without grounds by day',
    label: ['date'],
    value: 'hallucinations',
  },
  'workflow-outcomes': { title: 'Failed executions by workflow', label: ['workflow_name'], value: 'failed' },
};

/** The chart of an answer. Rows in which the value is not known have no bar. */
export function chartOf(
  name: ReportName,
  answer: Pick<ReportAnswer, 'columns' | 'rows'>,
): { readonly title: string; readonly bars: readonly Bar[]; readonly full?: number } {
  const { title, label, value, full } = REPORT_CHARTS[name];
  const bars = value === undefined ? countedBars(answer, label) : measuredBars(answer, label, value);
  return { title, bars, ...(full === undefined ? {} : { full }) };
}

type Answer = Pick<ReportAnswer, 'columns' | 'rows'>;
type ReportRow = ReportAnswer['rows'][number];

function labelOf({ columns }: Answer, row: ReportRow, names: readonly string[]): string {
  const texts = names.map((name) => row[columns.findIndex((column) => column.name === name)] ?? '');
  return texts.filter((text) => text !== '').join(' · ') || 'unknown';
}

function countedBars(answer: Answer, label: readonly string[]): Bar[] {
  const counts = new Map<string, number>();
  for (const row of answer.rows) {
    const name = labelOf(answer, row, label);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .map(([name, count]) => ({ label: name, value: count, text: String(count) }))
    .toSorted((left, right) => right.value - left.value);
}

function measuredBars(answer: Answer, label: readonly string[], value: string): Bar[] {
  const index = answer.columns.findIndex(({ name }) => name === value);
  const isInterval = answer.columns[index]?.type === 'interval';
  return answer.rows.flatMap((row) => {
    const text = row[index];
    if (text === null || text === undefined) return [];
    const number = isInterval ? Number(parseInterval(text) ?? 0n) : Number(text);
    return Number.isFinite(number) ? [{ label: labelOf(answer, row, label), value: number, text }] : [];
  });
}
