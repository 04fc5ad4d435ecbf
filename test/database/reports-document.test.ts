import { afterAll, beforeAll, expect, test } from 'vitest';

import { REPORT_COLUMNS } from '../../src/query/reports/columns.ts';
import type { ReportParameter } from '../../src/query/reports/parameters.ts';
import { MAX_REPORT_ROWS } from '../../src/query/reports/parameters.ts';
import type { Report } from '../../src/query/reports/reports.ts';
import { REPORTS } from '../../src/query/reports/reports.ts';
import type { ReportColumn } from '../../src/query/reports/run-report.ts';
import { MAX_REPORT_BYTES, reportSql, runReport } from '../../src/query/reports/run-report.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const INTRODUCTION = `# Reports

The named questions of the source documents, and one of our own. Each is one file in \`src/query/reports/sql\`. Its columns are first those
of the source's own query, then those by which a person finds the rest: the remediation and the name of the workflow. Its parameters are
the literals of that query. The queries of the sources also run as they stand, pasted into psql, and give the same answers. Written by \`npx vitest run --project database reports-document --update\`; a test holds it.

\`\`\`
remediation-audit report                                     list them
remediation-audit report recent-failures --since 7d          a table for people
remediation-audit report recent-failures --format json|csv   for programs and spreadsheets
remediation-audit report recent-failures --include-archive   months that are in the archive too
\`\`\`

A duration is written \`7d\`, \`2w\`, \`36h\`, \`1d12h\`, \`90s\`, \`P30D\` or \`24 hours\`. Without a bound a report answers for
all months that are in the database, with \`--include-archive\` also for those in the [archive](retention.md#query-it): the same SQL over
both. An answer has at most ${MAX_REPORT_ROWS.toLocaleString('en-US')} rows and ${MAX_REPORT_BYTES / 2 ** 20} MiB of values; a larger one is refused, never shortened. In JSON,
numbers have all their digits and intervals are PostgreSQL's text, but for the durations of \`processing_phases\`, which are integer
nanoseconds as in records. In CSV, text that a spreadsheet would take for a formula begins
with \`'\`; \`--raw\`, in the URL \`raw=true\`, leaves it as it is stored, for programs.

Each answer names its basis: how many records lie in the window (at most 100,000 are counted), how many of them have the fields that the
report is made of, and, where it is empty or a field is unknown throughout, why. JSON has it as \`basis\`, CSV in the header \`report-basis\`
or on standard error, the table below its rows. A rate of 0 over records that nobody assessed is not 0: see \`assessed\`.
`;

function parameterRow({ name, type, default: byDefault, meaning }: ReportParameter): string {
  return `| \`--${name.replaceAll('_', '-')}\` | ${type} | ${byDefault === null ? 'no bound' : `\`${byDefault}\``} | ${meaning} |`;
}

function section(report: Report, columns: readonly ReportColumn[]): string {
  return `## ${report.name}

${report.title} (${report.source === undefined ? 'our own' : `source ${report.source}`}). ${report.question}

| flag | type | default | meaning |
|---|---|---|---|
${report.parameters.map(parameterRow).join('\n')}

Columns: ${columns.map(({ name, type }) => `\`${name}\` ${type}`).join(', ')}.

Basis: ${Object.keys(report.reads.basis)
    .map((name) => `\`${name}\``)
    .join(', ')}.

\`\`\`sql
${reportSql(report).trimEnd()}
\`\`\`
`;
}

test('docs/reports.md is what the catalogue says and the database answers', async () => {
  const sections: string[] = [];
  for (const report of REPORTS) {
    const { columns } = await runReport(database.writer, report.name);
    expect(Object.entries(REPORT_COLUMNS[report.name])).toEqual(
      columns.map(({ name, type }) => [name, type]),
    );
    sections.push(section(report, columns));
  }
  await expect([INTRODUCTION, ...sections].join('\n')).toMatchFileSnapshot('../../docs/reports.md');
});
