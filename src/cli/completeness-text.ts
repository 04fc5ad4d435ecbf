import type { Completeness } from '../database/reading/completeness.ts';
import { type TableColumn, tableText } from '../terminal/table.ts';
import { safeText, wrapped } from '../terminal/text.ts';
import { colourOf, painted, timeText, type View } from '../terminal/view.ts';

const KIND_COLUMNS: readonly TableColumn[] = [
  { title: 'KIND', cut: 'end' },
  { title: 'SEEN', align: 'right' },
  { title: 'RECORDED', align: 'right' },
  { title: 'WAITING', align: 'right', goes: 1 },
  { title: 'OPEN', align: 'right', goes: 2 },
  { title: 'OVERDUE', align: 'right', goes: 3 },
];

const GAP_COLUMNS: readonly TableColumn[] = [
  { title: 'CLUSTER', cut: 'middle', goes: 3 },
  { title: 'SINCE', align: 'right', goes: 1 },
  { title: 'REASON' },
  { title: 'KIND', cut: 'end', goes: 2 },
  { title: 'WHAT', cut: 'middle' },
  { title: 'DETAIL', cut: 'end', goes: 4 },
];

/** Each cluster with its kinds below it, then the gaps by name. */
export function completenessText({ clusters, kinds, verdicts, gaps }: Completeness, view: View): string {
  const watched = clusters.map(({ cluster, state, detail }) => {
    const rows = kinds
      .filter((kind) => kind.cluster === cluster)
      .map(({ kind, seen, recorded, waiting, open, overdue }) => [
        kind,
        ...[seen, recorded, waiting, open, overdue].map(countText),
      ]);
    const why = detail === null ? '' : `: ${safeText(detail)}`;
    const lines = linesOf(`${safeText(cluster)} is ${state}${why}`, view);
    const heading = lines.replace(` ${state}`, ` ${painted(state, colourOf(state), view)}`);
    const counted = verdicts
      .filter((one) => one.cluster === cluster)
      .map(({ verdict, remediations }) => `${remediations} ${verdict}`);
    const ended = counted.length === 0 ? '' : linesOf(`remediations: ${counted.join(', ')}`, view);
    return `${heading}${ended}${rows.length === 0 ? '' : tableText(KIND_COLUMNS, rows, view)}`;
  });
  const missing = gaps.map(
    ({ cluster, since, reason, kind, namespace, name, remediation_uid: uid, detail }) => [
      cluster,
      since === null ? null : timeText(since, view),
      ...[reason, kind, name === null ? uid : `${namespace ?? ''}/${name}`, detail],
    ],
  );
  return [...watched, ...(missing.length === 0 ? [] : [tableText(GAP_COLUMNS, missing, view)])].join('\n');
}

/** Null without a recent report of the watcher. That is unknown, and must not read like 0. */
const countText = (count: number | null): string => (count === null ? 'unknown' : String(count));

/** The sentence with a line break at its end, broken between words on a terminal. */
function linesOf(sentence: string, { width }: View): string {
  const lines = width === undefined ? [sentence] : wrapped(sentence, width);
  return lines.map((line) => `${line}\n`).join('');
}
