import type { Hold } from '../database/holds/holds.ts';
import { describeHoldInArchive, describeHoldInTime } from '../database/holds/holds.ts';
import { type TableColumn, tableText } from '../terminal/table.ts';
import { timeText, type View } from '../terminal/view.ts';

/*
 * Holds as people read them: a table of many, a sentence of one.
 */

const COLUMNS: readonly TableColumn[] = [
  { title: 'ID' },
  { title: 'PLACED', align: 'right', goes: 3 },
  { title: 'BY', cut: 'end', goes: 5 },
  { title: 'SCOPE', cut: 'end', goes: 6 },
  { title: 'REASON', cut: 'end', goes: 4 },
  { title: 'ARCHIVE', cut: 'end', goes: 2 },
  { title: 'RELEASED', cut: 'end', goes: 1 },
];

/** The id stays whatever the width: `hold release` takes it. */
export function holdsText(holds: readonly Hold[], view: View): string {
  if (holds.length === 0) return '';
  const isAnyReleased = holds.some(({ releasedAt }) => releasedAt !== undefined);
  const columns = isAnyReleased ? COLUMNS : COLUMNS.slice(0, -1);
  const rows = holds.map((hold) => {
    const { id, scope, reason, placedBy, placedAt, releasedAt, releasedBy } = hold;
    const what = Object.entries(scope).map(([name, value]) => `${name} ${String(value)}`);
    return [
      ...[id, timeText(placedAt, view), placedBy, what.join(', '), reason],
      describeHoldInArchive(hold) ?? null,
      releasedAt === undefined ? null : `${timeText(releasedAt, view)} by ${releasedBy ?? ''}`,
    ];
  });
  return tableText(columns, rows, view);
}

/** One of them as a sentence. */
export function holdLine(hold: Hold): string {
  const inArchive = describeHoldInArchive(hold);
  return inArchive === undefined ? describeHoldInTime(hold) : `${describeHoldInTime(hold)}; ${inArchive}`;
}
