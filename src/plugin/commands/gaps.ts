import { UsageError } from '../../config/settings.ts';
import type { JsonObject } from '../../domain/json.ts';
import { parseLengthOfTime } from '../../domain/length-of-time.ts';
import { type TableColumn, tableText } from '../../terminal/table.ts';
import { timeText, type View } from '../../terminal/view.ts';
import type { PluginCommand } from '../command.ts';
import { textFlag } from '../flags.ts';
import { objectsIn, shownAt, textAt } from './answers.ts';

const NANOSECONDS_PER_SECOND = 1_000_000_000n;

export const GAPS: PluginCommand = {
  summary: 'is anything missing: what is watched since when, whether all of it is recorded, each gap by name',
  takes: '',
  flags: {
    cluster: { type: 'string', value: 'NAME', meaning: 'Only of this cluster' },
    'overdue-after': {
      type: 'string',
      value: 'TIME',
      meaning: 'How long a remediation may stay open; default 1h',
    },
    limit: { type: 'string', value: 'NUMBER', meaning: 'Gaps at most; default 100' },
  },
  formats: ['table', 'wide', 'json', 'yaml', 'csv'],
  examples: ['gaps', 'gaps --cluster prod-1 --overdue-after 30m'],
  prepare(line) {
    if (line.positionals.length > 0)
      throw new UsageError('gaps takes no arguments; --cluster names a cluster');
    const cluster = textFlag(line, 'cluster');
    const query = {
      cluster,
      overdue_seconds: secondsOf(textFlag(line, 'overdue-after')),
      limit: textFlag(line, 'limit'),
    };
    return async ({ client }) => {
      const data = await client.get('/api/v1/completeness', query);
      const clusters = objectsIn(data['clusters']);
      const isWatched = clusters.some((one) => textAt(one, 'first_watched_at') !== null);
      const gaps = objectsIn(data['gaps']);
      return {
        kind: 'GapList',
        data,
        text: (view, isWide) => textOf(clusters, gaps, { view, isWide }),
        csv: { header: FIELDS, rows: gaps.map((gap) => FIELDS.map((field) => shownAt(gap, field))) },
        remarks: [
          ...(isWatched ? [] : [`${neverText(cluster)}: that no gap is known here says nothing`]),
          ...(gaps.length === 0 && isWatched ? ['no gap is known'] : []),
          ...(data['has_more_gaps'] === true ? ['there are more gaps than these; --limit names more'] : []),
        ],
        isNeverWatched: !isWatched,
      };
    };
  },
};

function neverText(cluster: string | undefined): string {
  return cluster === undefined ? 'no cluster was ever watched' : `cluster ${cluster} was never watched`;
}

function secondsOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const seconds = (parseLengthOfTime(text) ?? 0n) / NANOSECONDS_PER_SECOND;
  if (seconds < 1n) throw new UsageError(`--overdue-after takes a length of time such as 30m, not ${text}`);
  return String(seconds);
}

const FIELDS = ['cluster', 'reason', 'kind', 'namespace', 'name', 'remediation_uid', 'since', 'detail'];

const CLUSTER_COLUMNS: readonly TableColumn[] = [
  { title: 'CLUSTER', cut: 'middle' },
  { title: 'STATE', hasColour: true },
  { title: 'WATCHED', align: 'right' },
  { title: 'REPORTED', align: 'right' },
  { title: 'DETAIL', cut: 'end' },
];

const GAP_COLUMNS: readonly TableColumn[] = [
  { title: 'SINCE', align: 'right' },
  { title: 'REASON' },
  { title: 'KIND', cut: 'end' },
  { title: 'WHAT', cut: 'middle' },
  { title: 'DETAIL', cut: 'end' },
];

interface Shown {
  readonly view: View;
  readonly isWide: boolean;
}

function textOf(
  clusters: readonly JsonObject[],
  gaps: readonly JsonObject[],
  { view, isWide }: Shown,
): string {
  const watched = clusters.map((one) => [
    textAt(one, 'cluster'),
    textAt(one, 'state'),
    ...['first_watched_at', 'reported_at'].map((name) => timeOf(one, name, view)),
    textAt(one, 'detail'),
  ]);
  const rows = gaps.map((gap) => [
    ...(isWide ? [textAt(gap, 'cluster')] : []),
    timeOf(gap, 'since', view),
    textAt(gap, 'reason'),
    textAt(gap, 'kind'),
    nameOf(gap),
    textAt(gap, 'detail'),
  ]);
  const columns = isWide ? [{ title: 'CLUSTER' }, ...GAP_COLUMNS] : GAP_COLUMNS;
  return [
    ...(clusters.length === 0 ? [] : [tableText(CLUSTER_COLUMNS, watched, view)]),
    ...(gaps.length === 0 ? [] : [tableText(columns, rows, view)]),
  ].join('\n');
}

function timeOf(value: JsonObject, name: string, view: View): string | null {
  const instant = textAt(value, name);
  return instant === null ? null : timeText(instant, view);
}

function nameOf(gap: JsonObject): string | null {
  const name = textAt(gap, 'name');
  return name === null ? textAt(gap, 'remediation_uid') : `${textAt(gap, 'namespace') ?? ''}/${name}`;
}
