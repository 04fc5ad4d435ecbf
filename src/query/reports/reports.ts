import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { ReportParameter } from './parameters.ts';

/** A question that one of the source documents asks, as a file of SQL with parameters. */
export interface Report {
  /** Name of the file, on the command line and in URLs. */
  readonly name: string;
  readonly title: string;
  /** Number of the source document that asks it. */
  readonly source: string;
  readonly question: string;
  /** In the order of the statement's `$1`, `$2`, … */
  readonly parameters: readonly ReportParameter[];
}

/** The SQL files stand beside this one; the build copies them. */
const SQL_DIRECTORY = new URL('./sql/', import.meta.url);

/** Every report has a window; without one it answers for all months there are. */
function since(byDefault: string | null): ReportParameter {
  return {
    name: 'since',
    type: 'duration',
    default: byDefault,
    meaning: 'How far back to look: `7d`, `36h`, `24 hours`; `all` for everything',
  };
}

export const REPORTS = [
  {
    name: 'recent-failures',
    title: 'Recent failures by target',
    source: '000',
    question: 'Which executions failed, where, and why?',
    parameters: [since('24 hours')],
  },
  {
    name: 'lock-effectiveness',
    title: 'Resource lock effectiveness',
    source: '000',
    question: 'How often did each lock keep a workflow from running?',
    parameters: [since('7 days')],
  },
  {
    name: 'success-rate-by-target',
    title: 'Workflow success rate by target',
    source: '000',
    question: 'How often does each workflow succeed on each target?',
    parameters: [since('30 days')],
  },
  {
    name: 'executions-of-workflow',
    title: 'Executions of a workflow',
    source: '001',
    question: 'What did one workflow execution do, step by step?',
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
    parameters: [since('24 hours')],
  },
  {
    name: 'duration-by-action',
    title: 'Execution duration by action type',
    source: '001',
    question: 'How long does each kind of action take when it succeeds?',
    parameters: [since('7 days')],
  },
  {
    name: 'slow-executions',
    title: 'Slow executions',
    source: '001',
    question: 'Which actions took longest?',
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
    parameters: [since('7 days')],
  },
  {
    name: 'resource-usage',
    title: 'Resource usage by action type',
    source: '001',
    question: 'What do the jobs behind each kind of action use?',
    parameters: [since('7 days')],
  },
  {
    name: 'signal-records',
    title: 'Records of a signal',
    source: '002',
    question: 'How was one signal processed, each time it came?',
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
    parameters: [since('7 days')],
  },
  {
    name: 'priority-distribution',
    title: 'Priority distribution',
    source: '002',
    question: 'How are the signals spread over the priorities?',
    parameters: [since('7 days')],
  },
  {
    name: 'slow-enrichments',
    title: 'Slow enrichments',
    source: '002',
    question: 'For which signals did the first phase, the enrichment, take long?',
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
    parameters: [since(null)],
  },
  {
    name: 'investigation-performance',
    title: 'Investigation performance by environment',
    source: '003',
    question: 'How long do investigations take in each environment, and how sure are they?',
    parameters: [since(null)],
  },
  {
    name: 'hallucination-trend',
    title: 'Hallucination trend',
    source: '003',
    question: 'How many analyses of each day were found to claim what they had no grounds for?',
    parameters: [since(null)],
  },
] as const satisfies readonly Report[];

export type ReportName = (typeof REPORTS)[number]['name'];

export class UnknownReportError extends Error {
  readonly report: string;

  constructor(report: string) {
    super(
      `there is no report ${JSON.stringify(report)}; known are ${REPORTS.map(({ name }) => name).join(', ')}`,
    );
    this.name = 'UnknownReportError';
    this.report = report;
  }
}

export function reportNamed(name: string): Report {
  const report = REPORTS.find((candidate) => candidate.name === name);
  if (report === undefined) throw new UnknownReportError(name);
  return report;
}

const texts = new Map<string, string>();

/** The report's SQL, read once. */
export function reportSql({ name }: Report): string {
  const known = texts.get(name) ?? readFileSync(fileURLToPath(new URL(`${name}.sql`, SQL_DIRECTORY)), 'utf8');
  texts.set(name, known);
  return known;
}
