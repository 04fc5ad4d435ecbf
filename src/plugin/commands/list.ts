import { UsageError } from '../../config/settings.ts';
import type { JsonObject } from '../../domain/json.ts';
import { instantOrAgo, SINCE_ALLOWED } from '../../domain/length-of-time.ts';
import { secondsBetween } from '../../query/remediation/facts.ts';
import { type Cell, type TableColumn, tableText } from '../../terminal/table.ts';
import { spanText, timeText, type View } from '../../terminal/view.ts';
import type { PluginCommand } from '../command.ts';
import type { QueryValues } from '../connection/api-client.ts';
import type { Connected } from '../connection/connect.ts';
import { type CommandLine, type Flags, hasFlag, textFlag } from '../flags.ts';
import type { CommandAnswer } from '../output/format.ts';
import { addressOf, addressText } from './address.ts';
import { objectsIn, shownAt, textAt, unsearchedRemarks } from './answers.ts';
import { coverageOf } from './coverage.ts';
import { targetQuery } from './target.ts';

const DEFAULT_LIMIT = '50';
const MOST = 1_000;

/** Flags that are a filter of the API, by the name of its column. */
const FILTERS = {
  cluster: 'cluster',
  phase: 'overall_phase',
  outcome: 'outcome',
  verdict: 'verdict',
  signal: 'signal_name',
  severity: 'severity',
  workflow: 'workflow_name',
  'approved-by': 'approval_decided_by',
} as const;

const FLAGS: Flags = {
  since: {
    type: 'string',
    value: 'TIME',
    meaning: 'Begun at or after it: an instant, or so long ago, such as 1h',
  },
  until: { type: 'string', value: 'TIME', meaning: 'Begun before it' },
  target: {
    type: 'string',
    value: 'TARGET',
    meaning: 'Of NAME, KIND/NAME or NAMESPACE/KIND/NAME; deploy, sts, ds, po work',
  },
  cluster: { type: 'string', value: 'NAME', meaning: 'Of this cluster' },
  phase: {
    type: 'string',
    value: 'PHASES',
    meaning: 'In one of these phases, with commas between them',
    words: [
      'Pending',
      'Processing',
      'Analyzing',
      'AwaitingApproval',
      'Executing',
      'Verifying',
      'Blocked',
      'Completed',
      'Failed',
      'TimedOut',
      'Skipped',
      'Cancelled',
    ],
  },
  outcome: { type: 'string', value: 'OUTCOMES', meaning: 'With one of these outcomes' },
  verdict: {
    type: 'string',
    value: 'VERDICT',
    meaning: 'open, terminal, or deleted-before-terminal',
    words: ['open', 'terminal', 'deleted-before-terminal'],
  },
  open: { type: 'boolean', meaning: 'That are not over: as --verdict open, the longest first' },
  signal: { type: 'string', value: 'NAME', meaning: 'Caused by this signal' },
  severity: { type: 'string', value: 'WORD', meaning: 'Of this severity' },
  workflow: { type: 'string', value: 'NAME', meaning: 'That chose this workflow' },
  'approved-by': { type: 'string', value: 'NAME', meaning: 'That this person decided' },
  filter: {
    type: 'string',
    multiple: true,
    value: 'COLUMN=VALUE',
    meaning: 'Any other filter of the API (docs/api.md)',
  },
  oldest: { type: 'boolean', meaning: 'The oldest first' },
  limit: {
    type: 'string',
    value: 'NUMBER',
    meaning: `At most so many; default ${DEFAULT_LIMIT}, at most ${MOST}`,
  },
  'no-archive': { type: 'boolean', meaning: 'Only what is in the database' },
};

export const LIST: PluginCommand = {
  summary: 'remediations, the newest first: what happened, to what, and how it ended',
  takes: '',
  flags: FLAGS,
  formats: ['table', 'wide', 'json', 'yaml', 'csv', 'name'],
  examples: [
    'list --target payments/deploy/api --since 1h',
    'list --open -A',
    'list --verdict deleted-before-terminal --since 7d',
  ],
  prepare(line) {
    if (line.positionals.length > 0)
      throw new UsageError(
        `list takes no arguments; \`kubectl remediation show ${line.positionals[0] ?? ''}\` shows one`,
      );
    const query = queryOf(line);
    return async (connected, nowMs) => listAnswer(connected, query, nowMs);
  },
};

function queryOf(line: CommandLine): QueryValues {
  for (const name of ['since', 'until']) checkTime(name, textFlag(line, name));
  const isOpen = hasFlag(line, 'open');
  if (isOpen && textFlag(line, 'verdict') !== undefined)
    throw new UsageError('--open and --verdict are mutually exclusive');
  return {
    ...otherFilters(line),
    ...Object.fromEntries(Object.entries(FILTERS).map(([flag, column]) => [column, textFlag(line, flag)])),
    ...targetQuery(textFlag(line, 'target')),
    ...(isOpen ? { verdict: 'open' } : {}),
    since: textFlag(line, 'since'),
    until: textFlag(line, 'until'),
    order: isOpen || hasFlag(line, 'oldest') ? 'oldest' : 'newest',
    include_archive: hasFlag(line, 'no-archive') ? 'false' : undefined,
    limit: limitOf(textFlag(line, 'limit')),
  };
}

function limitOf(text = DEFAULT_LIMIT): string {
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= MOST) return text;
  throw new UsageError(`--limit takes a whole number from 1 to ${MOST}, not ${text}`);
}

function checkTime(name: string, text: string | undefined): void {
  if (text !== undefined && instantOrAgo(text, 0) === undefined)
    throw new UsageError(`--${name} takes ${SINCE_ALLOWED}, not ${text}`);
}

function otherFilters({ values }: CommandLine): Record<string, string[]> {
  const filters: Record<string, string[]> = {};
  for (const text of (values['filter'] as readonly string[] | undefined) ?? []) {
    const [, column, value] = /^([a-z_]+)=(.*)$/s.exec(text) ?? [];
    if (column === undefined || value === undefined)
      throw new UsageError(`--filter takes COLUMN=VALUE, such as workflow_id_prefix=restart-, not ${text}`);
    (filters[column] ??= []).push(value);
  }
  return filters;
}

async function listAnswer(
  { client, namespace }: Connected,
  query: QueryValues,
  nowMs: number,
): Promise<CommandAnswer> {
  const asked = { target_namespace: namespace, ...withoutUnset(query) };
  const data = await client.get('/api/v1/remediations', asked);
  const items = objectsIn(data['items']);
  const { cluster, since, until } = query as Record<string, string | undefined>;
  const coverage =
    items.length === 0 ? await coverageOf(client, { cluster, since, until }, nowMs) : undefined;
  const rows = items.map(rowOf);
  return {
    kind: 'RemediationList',
    data,
    text: (view, isWide) => (items.length === 0 ? '' : listText(rows, view, isWide)),
    csv: { header: CSV_COLUMNS, rows: items.map((item) => CSV_COLUMNS.map((name) => shownAt(item, name))) },
    names: items.map((item) => addressText(addressOf(item))),
    remarks: [
      ...(items.length === 0 ? [emptyText(asked)] : []),
      ...(coverage?.remarks ?? []),
      ...(textAt(data, 'next_cursor') === null
        ? []
        : [`there are more than these ${items.length}: narrow it down, or raise --limit`]),
      ...unsearchedRemarks(data),
    ],
    isNeverWatched: coverage?.isNeverWatched ?? false,
  };
}

/** A filter that was not given must not undo the namespace. */
function withoutUnset(query: QueryValues): QueryValues {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
}

function emptyText({ target_namespace: namespace }: QueryValues): string {
  return typeof namespace === 'string'
    ? `no remediation of a target in namespace ${namespace} matches; -A searches all namespaces`
    : 'no remediation matches';
}

const CSV_COLUMNS = (
  'cluster namespace remediation_id remediation_uid created_at started_at completed_at target_namespace target_kind target_name ' +
  'signal_name severity overall_phase outcome verdict failure_phase failure_reason workflow_name workflow_version ' +
  'approval_decision approval_decided_by verification_reason deleted_at source'
).split(' ');

interface ListRow {
  readonly started: string | null;
  readonly cells: Readonly<Record<Exclude<keyof typeof COLUMNS, 'started'>, Cell>>;
}

const COLUMNS = {
  started: { title: 'STARTED', align: 'right' },
  name: { title: 'NAME' },
  target: { title: 'TARGET', cut: 'middle' },
  signal: { title: 'SIGNAL', cut: 'middle', goes: 2 },
  workflow: { title: 'WORKFLOW', cut: 'middle', goes: 1 },
  phase: { title: 'PHASE', hasColour: true },
  outcome: { title: 'OUTCOME', cut: 'end', goes: 4, hasColour: true },
  took: { title: 'TOOK', align: 'right', goes: 3 },
  severity: { title: 'SEVERITY' },
  decision: { title: 'DECISION', hasColour: true },
  by: { title: 'BY' },
  verdict: { title: 'VERDICT', hasColour: true },
  cluster: { title: 'CLUSTER' },
  namespace: { title: 'NAMESPACE' },
} as const satisfies Record<string, TableColumn>;
const NARROW = ['started', 'name', 'target', 'signal', 'workflow', 'phase', 'outcome', 'took'] as const;
const WIDE = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];

function rowOf(item: JsonObject): ListRow {
  const started = textAt(item, 'started_at') ?? textAt(item, 'created_at');
  const seconds = secondsBetween(started, textAt(item, 'completed_at') ?? textAt(item, 'deleted_at'));
  const { cluster, namespace, name } = addressOf(item);
  const target = ['target_namespace', 'target_kind', 'target_name'].map((part) => textAt(item, part));
  return {
    started,
    cells: {
      ...{ cluster, namespace, name },
      target: target.filter((part) => part !== null).join('/'),
      signal: textAt(item, 'signal_name'),
      workflow: textAt(item, 'workflow_name') ?? textAt(item, 'workflow_id'),
      phase: textAt(item, 'overall_phase'),
      outcome: endOf(item),
      took: seconds === null ? null : spanText(seconds),
      severity: textAt(item, 'severity'),
      decision: textAt(item, 'approval_decision'),
      by: textAt(item, 'approval_decided_by'),
      verdict: textAt(item, 'verdict'),
    },
  };
}

/** What one wants to know of its end: that it was deleted before, how it came out, or why it failed. */
function endOf(item: JsonObject): string | null {
  if (textAt(item, 'verdict') === 'deleted-before-terminal') return 'deleted-before-terminal';
  return textAt(item, 'outcome') ?? textAt(item, 'failure_reason');
}

function listText(rows: readonly ListRow[], view: View, isWide: boolean): string {
  const names = isWide ? WIDE : NARROW;
  const cells = rows.map(({ started, cells: row }) =>
    names.map((name) => (name === 'started' ? started && timeText(started, view) : row[name])),
  );
  return tableText(
    names.map((name) => COLUMNS[name]),
    cells,
    view,
  );
}
