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

The named questions of the source documents. Each is one file in \`src/query/reports/sql\`; its columns are those of the source's
own query, its parameters are the literals of that query. The queries of the sources also run as they stand, pasted into
psql, and give the same answers. Written by \`npx vitest run --project database reports-document --update\`; a test holds it.

\`\`\`
remediation-audit report                                     list them
remediation-audit report recent-failures --since 7d          a table for people
remediation-audit report recent-failures --format json|csv   for programs and spreadsheets
remediation-audit report recent-failures --include-archive   months that are in the archive too
\`\`\`

A duration is written \`7d\`, \`2w\`, \`36h\`, \`1d12h\`, \`90s\`, \`P30D\` or \`24 hours\`. Without a bound a report answers for
all months that are in the database, with \`--include-archive\` also for those in the [archive](retention.md#query-it): the same SQL over
both. An answer has at most ${MAX_REPORT_ROWS.toLocaleString('en-US')} rows and ${MAX_REPORT_BYTES / 2 ** 20} MiB of values; a larger one is refused, never shortened. In JSON,
numbers have all their digits and intervals are PostgreSQL's text. In CSV, text that a spreadsheet would take for a formula begins
with \`'\`; \`--raw\`, in the URL \`raw=true\`, leaves it as it is stored, for programs.
`;

function parameterRow({ name, type, default: byDefault, meaning }: ReportParameter): string {
  return `| \`--${name.replaceAll('_', '-')}\` | ${type} | ${byDefault === null ? 'no bound' : `\`${byDefault}\``} | ${meaning} |`;
}

function section(report: Report, columns: readonly ReportColumn[]): string {
  return `## ${report.name}

${report.title} (source ${report.source}). ${report.question}

| flag | type | default | meaning |
|---|---|---|---|
${report.parameters.map(parameterRow).join('\n')}

Columns: ${columns.map(({ name, type }) => `\`${name}\` ${type}`).join(', ')}.

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
