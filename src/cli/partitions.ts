import { type MonthState, selectMonths } from '../database/months/month-list.ts';
import { type PlannedMonth, planRetention } from '../database/months/retention-plan.ts';
import { instantOf } from '../domain/instant.ts';
import { jsonDocument } from '../terminal/json-document.ts';
import { type Cell, type TableColumn, tableText } from '../terminal/table.ts';
import type { View } from '../terminal/view.ts';
import { timeText } from '../terminal/view.ts';
import { readFlagsAlone } from './arguments.ts';
import { withCommandPool } from './command-pool.ts';
import { operatorView, sizeText, withOperatorProgress } from './operator-view.ts';
import { noteCommand } from './read-audit.ts';

const USAGE = `usage: remediation-audit partitions [--json]

  every month that was ever made, newest first: where it is, how large, how many holds keep it, and who approved its drop;
  \`retention plan\` says what becomes of each next

  --json        as GET /api/v1/partitions answers it
`;

const FLAGS = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;

/** `partitions`: the months as the API lists them; the table has also what the plan of retention knows of their size and holds. */
export async function runPartitions(args: readonly string[]): Promise<void> {
  const values = readFlagsAlone(args, FLAGS, USAGE);
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  await withCommandPool(
    { command: 'partitions', as: ['ownerUrl', 'url', 'readerUrl'] },
    async (pool, config) => {
      const months = await selectMonths(pool);
      const plan =
        values.json === true
          ? []
          : await withOperatorProgress('measuring the months', () =>
              planRetention(pool, config.retention.rules, instantOf(Date.now())),
            );
      await noteCommand(pool, config, { route: 'partitions', filter: {}, rows: months.length });
      process.stdout.write(
        values.json === true
          ? jsonDocument('PartitionList', JSON.stringify({ items: months }))
          : monthsText(months, plan, operatorView()),
      );
    },
  );
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'MONTH' },
  { title: 'STATE' },
  { title: 'SIZE', align: 'right', goes: 4 },
  { title: 'ROWS', align: 'right', goes: 3 },
  { title: 'HOLDS', align: 'right' },
  { title: 'APPROVAL', cut: 'end' },
  { title: 'ARCHIVED', goes: 2 },
  { title: 'RESTORED UNTIL', goes: 1 },
];

function monthsText(months: readonly MonthState[], plan: readonly PlannedMonth[], view: View): string {
  if (months.length === 0)
    return 'there is no month yet: `work` makes them, or `remediation-audit migrate` where the schema is missing\n';
  const planned = new Map(plan.map((one) => [one.month.slice(0, 7), one]));
  const rows = months.map((month) => rowOf(month, planned.get(month.month), view));
  return tableText(COLUMNS, rows, view);
}

function rowOf(month: MonthState, planned: PlannedMonth | undefined, view: View): Cell[] {
  const at = (instant: string | null): Cell => (instant === null ? null : timeText(instant, view));
  const isHere = planned !== undefined && planned.sizeBytes > 0;
  return [
    ...[month.month, month.state],
    isHere ? sizeText(planned.sizeBytes) : null,
    rowsText(month, planned),
    planned === undefined ? null : String(planned.holds.length),
    approvalText(month),
    at(month.archived_at),
    at(month.restored_until),
  ];
}

/** Counted when the month was archived; before that PostgreSQL's estimate. */
function rowsText({ row_counts: counts }: MonthState, planned: PlannedMonth | undefined): Cell {
  if (counts !== null) return String(Object.values(counts).reduce((sum, count) => sum + count, 0));
  return planned === undefined ? null : `~${planned.estimatedRows}`;
}

function approvalText(month: MonthState): Cell {
  const { approved_by: by, approved_at: at, revoked_by: revoker, revoked_at: revoked } = month;
  if (by !== null) return `by ${by}, ${(at ?? '').slice(0, 10)}`;
  return revoker === null ? null : `revoked by ${revoker}, ${(revoked ?? '').slice(0, 10)}`;
}
