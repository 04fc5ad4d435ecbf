import type pg from 'pg';

import { monthOf } from '../../domain/instant.ts';
import type { PartitionState } from '../../domain/records/service-tables.ts';
import { quoteIdentifier } from '../sql.ts';
import { partitionsOf } from './month-detach.ts';

/*
 * Months: the life of a month of all partitioned tables, as `audit_partition` records it.
 *
 * In: the steps of retention and restore (activities, the archive), and records of months that do not exist yet. Out: the
 * state of each month, its partitions, and what retention does next (retention-plan). A month is created live
 * (partitions), detached (month-detach), dropped once its archive was read back (month-drop), attached again when it is
 * restored (month-restore, from tables that staged-month fills), and expires with its archive. archived-months says which
 * months a question must search in the archive.
 *
 * Must stay true: retention and restore change a month one at a time, under its lock; a step first checks that the month
 * is still in the state it expects (MonthMovedError); nothing is dropped that no verified manifest lists, that a hold matches, or that a
 * record re-opened; a partition that was detached keeps every row until it is dropped.
 */

/** One month as `audit_partition` has it. */
export interface MonthRow {
  readonly month: string;
  readonly state: PartitionState;
  /** Newest manifest, and the SHA-256 of its bytes in hexadecimal. */
  readonly manifest: string | null;
  readonly manifestSha256: string | null;
  /** Manifest of the last drop: its parts belong to every later manifest. */
  readonly settledManifest: string | null;
  readonly approvedBy: string | null;
  readonly approvedAt: string | null;
  readonly detachedAt: string | null;
  readonly droppedAt: string | null;
  /** When its archive was gone. */
  readonly expiredAt: string | null;
  readonly restoredBy: string | null;
  readonly restoredUntil: string | null;
  readonly fault: string | null;
}

/** The month is not where this step expected it: a record re-opened it, or another run was here. */
export class MonthMovedError extends Error {
  readonly month: string;

  constructor(month: string, expected: PartitionState) {
    super(
      `month ${month.slice(0, 7)} is no longer ${expected}: a record re-opened it, or another run goes on with it`,
    );
    this.name = 'MonthMovedError';
    this.month = month;
  }
}

const instant = (column: string): string => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const SELECT_MONTHS = `
  select month::text as month, state, manifest, encode(manifest_sha256, 'hex') as "manifestSha256",
    settled_manifest as "settledManifest", approved_by as "approvedBy", restored_by as "restoredBy", fault,
    ${instant('approved_at')} as "approvedAt", ${instant('detached_at')} as "detachedAt",
    ${instant('dropped_at')} as "droppedAt", ${instant('expired_at')} as "expiredAt",
    ${instant('restored_until')} as "restoredUntil"
  from audit_partition`;

/** Every month there ever was, oldest first. */
export async function selectMonths(client: pg.Pool | pg.ClientBase): Promise<readonly MonthRow[]> {
  return (await client.query<MonthRow>(`${SELECT_MONTHS} order by audit_partition.month`)).rows;
}

export async function selectMonth(
  client: pg.Pool | pg.ClientBase,
  month: string,
): Promise<MonthRow | undefined> {
  const { rows } = await client.query<MonthRow>({
    text: `${SELECT_MONTHS} where audit_partition.month = $1::date`,
    values: [month],
  });
  return rows[0];
}

/** From here on the month is being archived. Writers do not notice; what they still write is found at the end. */
export async function markArchiving(client: pg.ClientBase, month: string): Promise<void> {
  await move(client, { month, from: ['live', 'archiving'], set: "state = 'archiving'" });
}

/** Its archive was read back and matched, and its manifest is in the store. */
export async function markArchived(
  client: pg.ClientBase,
  month: string,
  manifest: {
    readonly key: string;
    readonly sha256: string;
    readonly rows: Readonly<Record<string, number>>;
  },
): Promise<void> {
  await move(client, {
    month,
    from: ['archiving'],
    set: `state = 'archived', archived_at = clock_timestamp(), fault = null, fault_at = null,
      manifest = $3::text, manifest_sha256 = decode($4::text, 'hex'), row_counts = $5::jsonb`,
    values: [manifest.key, manifest.sha256, JSON.stringify(manifest.rows)],
  });
}

/** Its detached tables were compared with the archive: nothing was written in between. */
export async function markDetached(client: pg.ClientBase, month: string): Promise<void> {
  await underMonthLock(client, month, async () => {
    const detached = await requireAllDetached(client, month, 'archived');
    // The caller of the plan searches for held rows, and what is detached has none of its parent's grants.
    for (const { relation } of detached)
      await client.query(`grant select on ${quoteIdentifier(relation)} to audit_writer, audit_reader`);
    await move(client, {
      month,
      from: ['archived', 'restored'],
      set: "state = 'detached', detached_at = clock_timestamp()",
    });
  });
}

/**
 * From here on its archive is removed. Holds cannot be created meanwhile: one that came since the holds were examined wins,
 * one that comes later is too late.
 */
export async function markExpired(
  client: pg.ClientBase,
  month: string,
  examinedHolds: readonly string[],
): Promise<void> {
  await underMonthLock(client, month, async () => {
    await client.query('lock table audit_hold in share mode');
    const { rowCount } = await client.query({
      text: 'select from audit_hold where released_at is null and id <> all($1::uuid[])',
      values: [examinedHolds],
    });
    if (rowCount !== 0) throw new MonthMovedError(month, 'dropped');
    await move(client, {
      month,
      from: ['dropped'],
      set: "state = 'expired', settled_manifest = null, fault = null, fault_at = null",
    });
  });
}

/** The manifest that says that its archive was removed. */
export async function replaceManifest(
  client: pg.ClientBase,
  month: string,
  { key, sha256 }: { readonly key: string; readonly sha256: string },
): Promise<void> {
  const set = "manifest = $3::text, manifest_sha256 = decode($4::text, 'hex')";
  await move(client, { month, from: ['expired'], set, values: [key, sha256] });
}

/** Its objects are gone from the store. */
export async function markRemoved(client: pg.ClientBase, month: string): Promise<void> {
  await move(client, { month, from: ['expired'], set: 'expired_at = clock_timestamp()' });
}

/** Why retention stopped at this month; shown by the plan until it gets further. */
export async function noteFault(
  client: pg.Pool | pg.ClientBase,
  month: string,
  fault: string,
): Promise<void> {
  await client.query({
    text: `
      update audit_partition
      set fault = $2::text, fault_at = clock_timestamp(), updated_at = clock_timestamp()
      where month = $1::date`,
    values: [month, fault],
  });
}

/** Attaches what was detached: the month is live again, with every row it had. */
export async function reopenMonth(client: pg.ClientBase, month: string): Promise<void> {
  await client.query({ text: 'select audit_create_month($1::date)', values: [month] });
}

/** Consents to the drop of a month. Whoever re-opens it needs a new consent. */
export async function approveDrop(
  pool: pg.Pool | pg.ClientBase,
  month: string,
  approvedBy: string,
  { archiveDays = 0 }: { readonly archiveDays?: number } = {},
): Promise<boolean> {
  // Where archives end too, a month that was dropped has that before it.
  const states = [
    'live',
    'archiving',
    'archived',
    'detached',
    'restored',
    ...(archiveDays > 0 ? ['dropped'] : []),
  ];
  const { rowCount } = await pool.query({
    text: `
      update audit_partition
      set approved_by = $2::text, approved_at = clock_timestamp()
      where month = $1::date and state = any($3::text[])`,
    values: [monthOf(month), approvedBy, states],
  });
  return rowCount === 1;
}

/** Its tables that are left; all of them must be detached. */
export async function requireAllDetached(client: pg.ClientBase, month: string, expected: PartitionState) {
  const partitions = (await partitionsOf(client, month)).filter(({ attachment }) => attachment !== 'absent');
  if (partitions.some(({ attachment }) => attachment !== 'detached'))
    throw new MonthMovedError(month, expected);
  return partitions;
}

/** One transaction under the lock of `audit_create_month`: no writer makes or attaches this month meanwhile. */
export async function underMonthLock<T>(
  client: pg.ClientBase,
  month: string,
  work: () => Promise<T>,
): Promise<T> {
  await client.query('begin');
  try {
    await client.query({
      text: `select pg_advisory_xact_lock(hashtext('audit_create_month'), ($1::date - date '2000-01-01'))`,
      values: [month],
    });
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error: unknown) {
    // A connection that is gone has rolled back by itself; the first error says more.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

interface MonthMove {
  readonly month: string;
  readonly from: readonly PartitionState[];
  readonly set: string;
  readonly values?: readonly unknown[];
}

/** Changes the row of a month, provided that it is still in one of the states. */
export async function move(
  client: pg.ClientBase,
  { month, from, set, values = [] }: MonthMove,
): Promise<void> {
  const { rowCount } = await client.query({
    text: `
      update audit_partition set ${set}, updated_at = clock_timestamp()
      where month = $1::date and state = any($2::text[])`,
    values: [month, from, ...values],
  });
  const [expected] = from;
  if (rowCount !== 1 && expected !== undefined) throw new MonthMovedError(month, expected);
}
