import { UsageError } from '../config/settings.ts';
import type { Sources } from '../query/combined-answer.ts';
import { runCombinedReport } from '../query/reports/combined-report.ts';
import type { ReportFormat } from '../query/reports/formats.ts';
import { basisLines, formatReport, REPORT_FORMATS } from '../query/reports/formats.ts';
import type { ReportParameter } from '../query/reports/parameters.ts';
import { ReportParameterError } from '../query/reports/parameters.ts';
import { createReportLanes } from '../query/reports/report-lanes.ts';
import type { Report } from '../query/reports/reports.ts';
import { reportNamed, REPORTS, UnknownReportError } from '../query/reports/reports.ts';
import { ReportTooLargeError } from '../query/reports/run-report.ts';
import { jsonDocument } from '../terminal/json-document.ts';
import { readFlagsAlone } from './arguments.ts';
import { operatorView } from './operator-view.ts';
import type { WriteAnswer } from './read-audit.ts';

/** `remediation-audit report NAME [--since 7d] [--include-archive] [--format table|json|csv] [--json] [--raw]`; without a name it lists the reports. */
export async function reportCommand(
  args: readonly string[],
  { pool, openArchive, signal }: ReportCommandDependencies,
  write: WriteAnswer,
): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h') {
    await write(usage());
    return;
  }
  try {
    const report = reportNamed(name);
    const options = readOptions(report, rest);
    if (options === 'help') await write(usageOf(report));
    else {
      const { args, includeArchive, format, raw } = options;
      const archive = includeArchive ? openArchive() : { missing: '--include-archive was not given' };
      const answer = await runCombinedReport(
        { lanes: createReportLanes(pool), archive },
        { name: report.name, args },
        // Always true here: without --include-archive the archive is missing, and the answer names that as the reason.
        { signal, includeArchive: true },
      );
      const { basis, parameters, rows } = answer;
      const read = {
        route: 'report',
        filter: { name, ...parameters, include_archive: includeArchive },
        rows: rows.length,
      };
      const aside = format === 'csv' ? `${basisLines(basis, rows.length).join('\n')}\n` : undefined;
      const text = formatReport(answer, format, { csv: { raw }, view: operatorView() });
      await write(format === 'json' ? jsonDocument('Report', text) : text, read, aside);
    }
  } catch (error: unknown) {
    throw asUsageError(error);
  }
}

/** Refuses what `reportCommand` would refuse of the arguments: a typo needs no database to be found. */
export function checkReportArguments([name, ...rest]: readonly string[]): void {
  if (name === undefined || name === '--help' || name === '-h') return;
  try {
    readOptions(reportNamed(name), rest);
  } catch (error: unknown) {
    throw asUsageError(error);
  }
}

/** What the command needs from the process: it opens nothing itself but what is asked for. */
interface ReportCommandDependencies extends Pick<Sources, 'pool'> {
  /** Called only when the archive is asked for. */
  readonly openArchive: () => Sources['archive'];
  readonly signal: AbortSignal;
}

interface ReportOptions {
  readonly includeArchive: boolean;
  readonly format: ReportFormat;
  readonly raw: boolean;
  /** Values as they were typed, by the name of the parameter. */
  readonly args: Readonly<Record<string, string | undefined>>;
}

/** Flags into values for the report. What they mean is checked where the report is run, as for the API. */
function readOptions(report: Report, args: readonly string[]): ReportOptions | 'help' {
  const { format, help, json, raw, 'include-archive': includeArchive, ...flags } = parseFlags(report, args);
  if (help === true) return 'help';
  const wanted = json === true ? 'json' : format;
  const known = REPORT_FORMATS.find((candidate) => candidate === wanted);
  if (known === undefined) throw new UsageError(`--format must be ${REPORT_FORMATS.join(', ')}`);
  return {
    format: known,
    raw: raw === true,
    includeArchive: includeArchive === true,
    args: Object.fromEntries(
      report.parameters.map((parameter) => [parameter.name, textOf(flags[flagOf(parameter)])]),
    ),
  };
}

function parseFlags(report: Report, args: readonly string[]): Record<string, string | boolean | undefined> {
  // Each report has flags of its own, so an unknown one is refused with the usage of that report.
  const own = report.parameters.map((parameter) => [flagOf(parameter), { type: 'string' }] as const);
  const options = {
    ...Object.fromEntries(own),
    format: { type: 'string', default: 'table' },
    json: { type: 'boolean' },
    raw: { type: 'boolean' },
    'include-archive': { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  return readFlagsAlone(args, options, usageOf(report));
}

/** What the caller got wrong is said in one sentence with the flag as it was typed; anything else is not ours. */
function asUsageError(error: unknown): unknown {
  if (error instanceof ReportParameterError) {
    const flag = `--${error.parameter.replaceAll('_', '-')}`;
    return new UsageError(error.message.replace(error.parameter, flag));
  }
  if (error instanceof UnknownReportError || error instanceof ReportTooLargeError) {
    return new UsageError(error.message);
  }
  return error;
}

function usage(): string {
  const width = Math.max(...REPORTS.map(({ name }) => name.length));
  const lines = REPORTS.map(({ name, question }) => `  ${name.padEnd(width)}  ${question}`);
  return `usage: remediation-audit report NAME [--since 7d] [--include-archive] [--format ${REPORT_FORMATS.join('|')}] [--json] [--raw]

${lines.join('\n')}

  report NAME --help shows the flags of one.
`;
}

function usageOf(report: Report): string {
  const lines = report.parameters.map((parameter) => {
    const value = parameter.default === null ? 'all' : parameter.default;
    return `  --${flagOf(parameter).padEnd(12)} ${parameter.meaning}. Default: ${value}`;
  });
  return `usage: remediation-audit report ${report.name} [flags]

${report.question}

${lines.join('\n')}
  --include-archive
    ${''.padEnd(10)} Months that are in the archive too. Needs REMEDIATION_AUDIT_ARCHIVE_URL
  --${'format'.padEnd(12)} ${REPORT_FORMATS.join(', ')}. Default: table
  --${'json'.padEnd(12)} As --format json
  --${'raw'.padEnd(12)} For csv: text as it is stored. Otherwise text that a spreadsheet would take for a formula begins with '
`;
}

/** Flags have hyphens where parameters have underscores. */
function flagOf({ name }: ReportParameter): string {
  return name.replaceAll('_', '-');
}

function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
