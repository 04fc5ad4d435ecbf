import type { ReportName } from '../../src/query/reports/reports.ts';
import { queries } from '../sources/documents.ts';

/** The reports in the order in which the source documents ask their questions. */
const IN_ORDER = [
  'recent-failures',
  'lock-effectiveness',
  'success-rate-by-target',
  'executions-of-workflow',
  'failed-executions',
  'duration-by-action',
  'slow-executions',
  'namespace-actions',
  'retry-patterns',
  'resource-usage',
  'signal-records',
  'classification-accuracy',
  'priority-distribution',
  'slow-enrichments',
  'recommendation-success',
  'investigation-performance',
  'hallucination-trend',
] as const satisfies readonly ReportName[];

export type SourceReportName = (typeof IN_ORDER)[number];

const QUERIES = queries().map(({ text }) => text);

/** The queries of the source documents, to the letter: they are the contract and must run as they stand. */
export const VERBATIM = Object.fromEntries(
  IN_ORDER.map((name, index) => [name, QUERIES[index] ?? '']),
) as Readonly<Record<SourceReportName, string>>;
