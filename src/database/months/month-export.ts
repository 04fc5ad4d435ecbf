import type pg from 'pg';

import type { DueTerms, MonthStep } from './due-step.ts';
import { requireDue } from './due-step.ts';
import { changeMonth, MonthMovedError, underMonthLock } from './month-states.ts';

/*
 * What an export has written, as the database keeps it between the steps of one run: by table the parts, and whether they were
 * read back. A manifest is made from this alone. What the caller of a step says about parts is not used, because whoever can
 * complete a task of Temporal could say anything.
 */

/** The parts of one table, as the process that wrote them describes them. */
export interface ExportedTable<Part> {
  readonly parts: readonly Part[];
  /** Whether they were read back from the store and matched. */
  readonly verified: boolean;
}

/** One run of retention at one month. */
export interface ExportRun {
  readonly month: string;
  /** Whatever another run has exported is not this one's. */
  readonly run: string;
}

/** The export of the month begins, or begins again: nothing that was exported before counts. */
export async function beginExport(
  client: pg.ClientBase,
  { month, run }: ExportRun,
  terms: DueTerms,
): Promise<void> {
  await underMonthLock(client, month, async () => {
    await requireDue(client, month, 'freeze', terms);
    await changeMonth(client, month, 'freeze', [run]);
  });
}

/** By table, what the export of this run has written so far. Throws where the step is not due, or the export is of another run. */
export async function selectExport<Part>(
  client: pg.ClientBase,
  { month, run }: ExportRun,
  { step, ...terms }: DueTerms & { readonly step: MonthStep },
): Promise<Readonly<Record<string, ExportedTable<Part>>>> {
  await requireDue(client, month, step, terms);
  const { rows } = await client.query<{ parts: string }>({
    text: `
      select export_parts::text as parts
      from audit_partition
      where month = $1::date and state = 'archiving' and export_run = $2::text`,
    values: [month, run],
  });
  if (rows[0] === undefined) throw new MonthMovedError(month, 'archiving');
  return JSON.parse(rows[0].parts) as Readonly<Record<string, ExportedTable<Part>>>;
}

/** Keeps what was written, or that it was read back. */
export async function saveExport<Part>(
  client: pg.ClientBase,
  { month, run }: ExportRun,
  table: string,
  exported: ExportedTable<Part>,
): Promise<void> {
  const { rowCount } = await client.query({
    text: `
      update audit_partition
      set export_parts = export_parts || jsonb_build_object($3::text, $4::jsonb), updated_at = clock_timestamp()
      where month = $1::date and state = 'archiving' and export_run = $2::text`,
    values: [month, run, table, JSON.stringify(exported)],
  });
  if (rowCount !== 1) throw new MonthMovedError(month, 'archiving');
}
