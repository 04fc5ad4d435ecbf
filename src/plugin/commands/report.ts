import { UsageError } from '../../config/settings.ts';
import type { JsonObject } from '../../domain/json.ts';
import { numberLexeme } from '../../domain/json.ts';
import { dataColumns } from '../../terminal/data-columns.ts';
import { tableText } from '../../terminal/table.ts';
import { timeText, type View } from '../../terminal/view.ts';
import type { PluginCommand } from '../command.ts';
import { type ApiClient, ApiError } from '../connection/api-client.ts';
import { type CommandLine, hasFlag, textFlag } from '../flags.ts';
import type { CommandAnswer } from '../output/format.ts';
import { objectAt, objectsIn, shownAt, textAt, unsearchedRemarks } from './answers.ts';

export const REPORT: PluginCommand = {
  summary: 'answer one of the named questions; without a name it lists them',
  takes: '[NAME]',
  flags: {
    since: {
      type: 'string',
      value: 'TIME',
      meaning: 'Of records since it: an instant, or so long ago, such as 7d',
    },
    param: {
      type: 'string',
      multiple: true,
      value: 'NAME=VALUE',
      meaning: 'Any other parameter of the report',
    },
    archive: { type: 'boolean', meaning: 'Months that are in the archive, too' },
  },
  formats: ['table', 'wide', 'json', 'yaml', 'csv', 'name'],
  examples: [
    'report',
    'report workflow-outcomes --since 30d',
    'report namespace-actions --param namespace=pay%',
  ],
  prepare(line) {
    const [name, ...others] = line.positionals;
    if (others.length > 0)
      throw new UsageError('report takes one name; `kubectl remediation report` lists them');
    const query = parametersOf(line);
    if (name === undefined && Object.values(query).some((value) => value !== undefined))
      throw new UsageError('name a report for these parameters; `kubectl remediation report` lists them');
    return ({ client }) => (name === undefined ? listOfReports(client) : reportNamed(client, name, query));
  },
};

function parametersOf(line: CommandLine): Record<string, string | undefined> {
  const parameters: Record<string, string | undefined> = {
    since: textFlag(line, 'since'),
    include_archive: hasFlag(line, 'archive') ? 'true' : undefined,
  };
  for (const text of (line.values['param'] as readonly string[] | undefined) ?? []) {
    const [, name, value] = /^([\w-]+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined) throw new UsageError(`--param takes NAME=VALUE, not ${text}`);
    parameters[name.replaceAll('-', '_')] = value;
  }
  return parameters;
}

async function listOfReports(client: ApiClient): Promise<CommandAnswer> {
  const data = await client.get('/api/v1/reports');
  const reports = objectsIn(data['items']);
  const rows = reports.map((report) => [
    textAt(report, 'name'),
    textAt(report, 'question'),
    objectsIn(report['parameters'])
      .map((one) => textAt(one, 'name'))
      .join(' '),
  ]);
  return {
    kind: 'ReportList',
    data,
    text: (view) =>
      tableText(
        [{ title: 'NAME' }, { title: 'QUESTION', cut: 'end' }, { title: 'PARAMETERS', cut: 'end' }],
        rows,
        view,
      ),
    csv: { header: ['name', 'question', 'parameters'], rows },
    names: reports.map((report) => textAt(report, 'name') ?? ''),
  };
}

async function reportNamed(
  client: ApiClient,
  name: string,
  query: Record<string, string | undefined>,
): Promise<CommandAnswer> {
  const data = await knownReport(client, name, query);
  const rows = objectsIn(data['rows']);
  const columns = Object.keys(rows[0] ?? {});
  const basis = objectAt(data, 'basis');
  const note = textAt(basis, 'note');
  return {
    kind: 'Report',
    data,
    text: (view) => (rows.length === 0 ? '' : rowsText(columns, rows, view)),
    csv: { header: columns, rows: rows.map((row) => columns.map((column) => shownAt(row, column))) },
    names: [name],
    remarks: [
      `${rows.length} rows, of ${shownAt(basis, 'records') ?? 'an unknown number of'} records`,
      ...(note === null ? [] : [note]),
      ...unsearchedRemarks(data),
    ],
  };
}

/** Only the service knows which reports it has; its list is asked for where it does not know this one. */
async function knownReport(
  client: ApiClient,
  name: string,
  query: Record<string, string | undefined>,
): Promise<JsonObject> {
  try {
    return await client.get(`/api/v1/reports/${encodeURIComponent(name)}`, query);
  } catch (error: unknown) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    const { items } = await client.get('/api/v1/reports');
    const known = objectsIn(items).map((report) => textAt(report, 'name'));
    throw new UsageError(`unknown report ${name}; there are ${known.join(', ')}`);
  }
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;

function rowsText(columns: readonly string[], rows: readonly JsonObject[], view: View): string {
  const isNumber = (column: string): boolean =>
    rows.every((row) => row[column] === null || numberLexeme(row[column]) !== undefined);
  const isInstant = (column: string): boolean => rows.some((row) => INSTANT.test(textAt(row, column) ?? ''));
  const titles = dataColumns(
    columns.map((column) => ({
      title: column.toUpperCase(),
      values: rows.map((row) => shownAt(row, column)),
      type: isNumber(column) ? 'number' : isInstant(column) ? 'instant' : 'other',
    })),
  );
  return tableText(
    titles,
    rows.map((row) => columns.map((column) => cellOf(row, column, view))),
    view,
  );
}

function cellOf(row: JsonObject, column: string, view: View): string | null {
  const text = shownAt(row, column);
  return text !== null && INSTANT.test(text) ? timeText(text, view) : text;
}
