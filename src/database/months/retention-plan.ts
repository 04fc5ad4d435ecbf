import type pg from 'pg';

import { addMonths, millisecondsOf } from '../../domain/instant.ts';
import { isRecordTable } from '../../domain/records/index.ts';
import { DAY_MS, HOUR_MS } from '../../domain/time.ts';
import type { Hold } from '../holds/holds.ts';
import { describeHold, holdsOfMonth, listHolds } from '../holds/holds.ts';
import type { MonthPartition } from './month-detach.ts';
import { partitionsOf } from './month-detach.ts';
import type { MonthRow } from './month-states.ts';
import { selectMonth, selectMonths } from './month-states.ts';

export interface RetentionRules {
  /** Days a month stays in the database after its end. */
  readonly hotDays: number;
  /** Hours between detach and drop. */
  readonly dropGraceHours: number;
  /** Whether somebody must approve each drop. */
  readonly requireApproval: boolean;
  /** Days a month stays in the archive after its end. Default, and 0: for ever. */
  readonly archiveDays?: number;
}

/**
 * What the next run does with a month. `archive`: export, verify, detach, and so on as far as it gets. `detach`: it is
 * archived already. `drop`: it is detached, and its grace is over. `release`: it was restored for a time that is over.
 * `reattach`: a hold came after it was detached. `expire`: its time in the archive is over, too.
 * The others say why nothing is done.
 */
export const RETENTION_ACTIONS = [
  ...(['archive', 'detach', 'drop', 'release', 'reattach', 'expire'] as const),
  ...(['held', 'awaits-approval', 'in-grace', 'keep', 'gone'] as const),
] as const;
type RetentionAction = (typeof RETENTION_ACTIONS)[number];

export interface PlannedMonth {
  readonly month: string;
  readonly state: MonthRow['state'];
  readonly action: RetentionAction;
  /** For a person. */
  readonly reason: string;
  /** Of its tables with their indexes, as far as they are in the database. */
  readonly sizeBytes: number;
  /** What the planner takes for the number of rows. */
  readonly estimatedRows: number;
  readonly holds: readonly Hold[];
  /** Why retention last stopped at it. */
  readonly fault: string | null;
}

/** What the next run of retention would do, month by month, oldest first. Changes nothing. */
export async function planRetention(
  client: pg.Pool | pg.ClientBase,
  rules: RetentionRules,
  now: string,
): Promise<readonly PlannedMonth[]> {
  const planned: PlannedMonth[] = [];
  const active = await listHolds(client);
  for (const row of await selectMonths(client)) {
    const partitions = await partitionsOf(client, row.month);
    const decision = await decideMonth(client, row, { rules, now, partitions, active });
    const size = await sizeOf(client, partitions);
    planned.push({ month: row.month, ...decision, ...size, fault: row.fault });
  }
  return planned;
}

/** What the plan says of one month at this moment. */
export type MonthDecision = Pick<PlannedMonth, 'state' | 'action' | 'reason' | 'holds'>;

/** The plan of one month; undefined where the database has none of it. */
export async function planMonth(
  client: pg.ClientBase,
  month: string,
  terms: { readonly rules: RetentionRules; readonly now: string },
): Promise<MonthDecision | undefined> {
  const row = await selectMonth(client, month);
  if (row === undefined) return undefined;
  const [partitions, active] = [await partitionsOf(client, month), await listHolds(client)];
  return decideMonth(client, row, { ...terms, partitions, active });
}

interface PlanTerms {
  readonly rules: RetentionRules;
  readonly now: string;
  readonly partitions: readonly MonthPartition[];
  /** Every hold that counts, of whatever month. */
  readonly active: readonly Hold[];
}

async function decideMonth(
  client: pg.Pool | pg.ClientBase,
  row: MonthRow,
  { rules, now, partitions, active }: PlanTerms,
): Promise<MonthDecision> {
  const holds = GONE.has(row.state)
    ? active.filter((hold) => keepsArchive(hold, row.month))
    : active.length === 0
      ? []
      : await holdsOfMonth(client, row.month, await readableRelations(client, partitions));
  return { state: row.state, ...decide(row, { holds, rules, nowMs: millisecondsOf(now) }), holds };
}

const GONE: ReadonlySet<string> = new Set(['dropped', 'expired']);

/** As far as the archive was searched for its rows; before it is removed it is searched again. */
function keepsArchive({ archive }: Hold, month: string): boolean {
  return archive.some((touched) => touched.month === month.slice(0, 7) && touched.state !== 'released');
}

type Decision = Pick<PlannedMonth, 'action' | 'reason'>;

interface Circumstances {
  readonly holds: readonly Hold[];
  readonly rules: RetentionRules;
  readonly nowMs: number;
}

function decide(row: MonthRow, circumstances: Circumstances): Decision {
  const { holds, rules, nowMs } = circumstances;
  if (row.state === 'dropped') return decideArchived(row, circumstances);
  if (row.state === 'expired') return decideExpired(row);
  if (row.state === 'restored') return decideRestored(row, circumstances);
  const dueMs = endOf(row.month) + rules.hotDays * DAY_MS;
  if (nowMs < dueMs) return { action: 'keep', reason: `hot until ${dayOf(dueMs)}` };
  return holds.length > 0 ? decideHeld(row, holds) : decideDue(row, rules, nowMs);
}

/** In the archive, for ever unless there is a limit. Consent to a drop is none to this: it must have come after it. */
function decideArchived(row: MonthRow, { holds, rules, nowMs }: Circumstances): Decision {
  const { archiveDays = 0, requireApproval } = rules;
  const location = `in the archive: ${row.manifest ?? ''}`;
  if (archiveDays === 0) return { action: 'gone', reason: location };
  const dueMs = endOf(row.month) + archiveDays * DAY_MS;
  if (nowMs < dueMs) return { action: 'gone', reason: `${location}, until ${dayOf(dueMs)}` };
  if (holds.length > 0) return { action: 'held', reason: holds.map(describeHold).join('; ') };
  if (requireApproval && !isApprovedAfterDrop(row))
    return { action: 'awaits-approval', reason: 'nobody has approved yet that its archive is removed' };
  return { action: 'expire', reason: `in the archive for more than ${archiveDays} days` };
}

function decideExpired({ expiredAt }: MonthRow): Decision {
  return expiredAt === null
    ? { action: 'expire', reason: 'its archive is being removed' }
    : { action: 'gone', reason: `its archive was removed on ${expiredAt.slice(0, 10)} because of its age` };
}

/** A consent is about one manifest. */
function isApproved({ approvedBy, approvedManifestSha256, manifestSha256 }: MonthRow): boolean {
  return approvedBy !== null && approvedManifestSha256 !== null && approvedManifestSha256 === manifestSha256;
}

function isApprovedAfterDrop(row: MonthRow): boolean {
  return isApproved(row) && (row.approvedAt ?? '') > (row.droppedAt ?? '');
}

function endOf(month: string): number {
  return millisecondsOf(`${addMonths(month, 1)}T00:00:00Z`);
}

function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

function decideDue(row: MonthRow, rules: RetentionRules, nowMs: number): Decision {
  if (row.state === 'live' || row.state === 'archiving')
    return { action: 'archive', reason: 'older than the hot days' };
  if (rules.requireApproval && !isApproved(row))
    return { action: 'awaits-approval', reason: 'archived; nobody has approved the drop yet' };
  if (row.state === 'archived') return { action: 'detach', reason: 'archived' };
  return decideDetached(row, rules, nowMs);
}

/** What was detached before the hold came is attached again: held rows are answered from the database. */
function decideHeld({ state }: MonthRow, holds: readonly Hold[]): Decision {
  const reason = holds.map(describeHold).join('; ');
  return { action: state === 'archived' || state === 'detached' ? 'reattach' : 'held', reason };
}

function decideRestored({ restoredUntil }: MonthRow, { holds, nowMs }: Circumstances): Decision {
  if (restoredUntil !== null && millisecondsOf(restoredUntil) > nowMs)
    return { action: 'keep', reason: `restored until ${restoredUntil}` };
  if (holds.length > 0) return { action: 'held', reason: holds.map(describeHold).join('; ') };
  return { action: 'release', reason: 'the time it was restored for is over' };
}

function decideDetached(
  { detachedAt }: MonthRow,
  { dropGraceHours }: RetentionRules,
  nowMs: number,
): Decision {
  const dropMs = detachedAt === null ? nowMs : millisecondsOf(detachedAt) + dropGraceHours * HOUR_MS;
  // Without a grace the clocks of two machines, of which one noted the time, must not make one.
  if (dropGraceHours > 0 && nowMs < dropMs)
    return { action: 'in-grace', reason: `dropped after ${new Date(dropMs).toISOString()}` };
  return { action: 'drop', reason: 'archived, compared, and its grace is over' };
}

/** Through the parent where it is attached: a role without ownership may read it there only. */
async function readableRelations(client: pg.Pool | pg.ClientBase, partitions: readonly MonthPartition[]) {
  const wanted = partitions
    .filter(({ table, attachment }) => isRecordTable(table) && attachment !== 'absent')
    .map(({ table, relation, attachment }) => ({
      table,
      relation: attachment === 'attached' ? table : relation,
    }));
  const { rows } = await client.query<{ relation: string }>({
    text: `
      select wanted.relation
      from unnest($1::text[]) as wanted (relation)
      where has_table_privilege(wanted.relation::regclass, 'select')`,
    values: [wanted.map(({ relation }) => relation)],
  });
  const readable = new Set(rows.map(({ relation }) => relation));
  return wanted.filter(({ relation }) => readable.has(relation));
}

async function sizeOf(
  client: pg.Pool | pg.ClientBase,
  partitions: readonly MonthPartition[],
): Promise<{ sizeBytes: number; estimatedRows: number }> {
  const { rows } = await client.query<{ bytes: string; rows: string }>({
    text: `
      select coalesce(sum(pg_total_relation_size(class.oid)), 0)::text as bytes,
        coalesce(sum(greatest(class.reltuples, 0)), 0)::bigint::text as rows
      from unnest($1::text[]) as wanted (relation)
      join pg_class as class on class.oid = to_regclass(wanted.relation)`,
    values: [partitions.map(({ relation }) => relation)],
  });
  return { sizeBytes: Number(rows[0]?.bytes ?? 0), estimatedRows: Number(rows[0]?.rows ?? 0) };
}
