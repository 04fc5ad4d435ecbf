import type pg from 'pg';

import { monthOf } from '../../domain/instant.ts';
import type { PartitionState } from '../../domain/records/service-tables.ts';
import { instantText, quoteIdentifier } from '../sql.ts';
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
 * The states, and the events that lead from one to the next, are the table `MONTH_TRANSITIONS` below; nothing else changes
 * the state of a month:
 *   live       records are written to it. Entered by its first record, and by `reopen`.
 *   archiving  it is being exported. Writers do not notice; what they still write is found when it is compared.
 *   archived   its archive was read back, matched, and has a manifest.
 *   detached   its tables were taken out, and compared with the archive once more. No writer finds them.
 *   dropped    its rows are in the archive only.
 *   restored   its rows are in the database again, until a day that somebody named.
 *   expired    its archive is being removed, or was; nothing leads out of it but a record that comes late.
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
  /** The manifest that the consent is about, as SHA-256 in hexadecimal. */
  readonly approvedManifestSha256: string | null;
  /** The run whose export is under way. */
  readonly exportRun: string | null;
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

const SELECT_MONTHS = `
  select month::text as month, state, manifest, encode(manifest_sha256, 'hex') as "manifestSha256",
    settled_manifest as "settledManifest", approved_by as "approvedBy", restored_by as "restoredBy", fault,
    encode(approved_manifest_sha256, 'hex') as "approvedManifestSha256", export_run as "exportRun",
    ${instantText('approved_at')} as "approvedAt", ${instantText('detached_at')} as "detachedAt",
    ${instantText('dropped_at')} as "droppedAt", ${instantText('expired_at')} as "expiredAt",
    ${instantText('restored_until')} as "restoredUntil"
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

/** How one event changes a month. */
interface Transition {
  /** States in which it may come; `none` when the database never had the month. */
  readonly from: readonly (PartitionState | 'none')[];
  readonly to: PartitionState;
  /** Columns besides the state. The values that the event brings are $3, $4 and so on. */
  readonly set: readonly string[];
  /** Only while every row of the month is in the database. Default false. */
  readonly complete?: true;
}

const NO_FAULT = ['fault = null', 'fault_at = null'];
const MANIFEST = ['manifest = $3::text', "manifest_sha256 = decode($4::text, 'hex')"];

/**
 * $3 and $4 are the manifest, $5 until when the month stays, $6 who wants it. From now on the database holds all of the month,
 * so no later manifest has to carry the parts of this one: a month that changes is archived anew and completely, one that does
 * not is found equal to this manifest and dropped again.
 */
const RESTORED = [
  ...NO_FAULT,
  ...MANIFEST,
  'settled_manifest = null',
  'detached_at = null',
  'archived_at = coalesce(archived_at, clock_timestamp())',
  'restored_at = clock_timestamp()',
  'restored_by = $6::text',
  "restored_until = greatest($5::timestamptz, case when state = 'restored' then restored_until end)",
];

/** Every change of the state of a month. An event in any other state is a MonthMovedError, and changes nothing. */
export const MONTH_TRANSITIONS = {
  /** The export begins, or begins again: the run, and nothing is exported yet. */
  freeze: {
    from: ['live', 'archiving'],
    to: 'archiving',
    set: ['export_run = $3::text', "export_parts = '{}'"],
  },
  /** The archive was read back, matched, and its manifest is in the store: key, SHA-256, rows of each table. */
  seal: {
    from: ['archiving'],
    to: 'archived',
    set: [
      ...NO_FAULT,
      ...MANIFEST,
      'archived_at = clock_timestamp()',
      'row_counts = $5::jsonb',
      'export_run = null',
      'export_parts = null',
    ],
  },
  /** The tables were detached, and compared with the archive: nothing was written in between. */
  detach: { from: ['archived', 'restored'], to: 'detached', set: ['detached_at = clock_timestamp()'] },
  /** The detached tables are dropped. From now on the parts of this manifest belong to every later one. */
  drop: {
    from: ['detached'],
    to: 'dropped',
    set: [...NO_FAULT, 'settled_manifest = manifest', 'dropped_at = clock_timestamp()'],
  },
  /** A record came late, a hold matched, or a restore needs the tables: `audit_create_month` attaches or creates them. */
  reopen: {
    from: ['archived', 'detached', 'dropped', 'restored', 'expired'],
    to: 'live',
    set: [
      'approved_by = null',
      'approved_at = null',
      'approved_manifest_sha256 = null',
      'detached_at = null',
    ],
  },
  /** The staged tables were attached, or their rows merged into those of late records. */
  restore: {
    from: ['none', 'live', 'archiving', 'archived', 'dropped'],
    to: 'restored',
    set: RESTORED,
  },
  /** A restore of a month that retention has not dropped yet: it only stays longer. */
  keep: { from: ['archived', 'detached', 'restored'], to: 'restored', set: RESTORED, complete: true },
  /** Its time in the archive is over: from now on its archive is removed. */
  expire: {
    from: ['dropped'],
    to: 'expired',
    // A month that a record re-opened after an earlier removal has the time of that one.
    set: [...NO_FAULT, 'settled_manifest = null', 'expired_at = null'],
  },
  /** The manifest that says who removed what is in the store: key, SHA-256. */
  certify: { from: ['expired'], to: 'expired', set: MANIFEST },
  /** Its objects are gone from the store. */
  remove: { from: ['expired'], to: 'expired', set: ['expired_at = clock_timestamp()'] },
} as const satisfies Readonly<Record<string, Transition>>;

export type MonthEvent = keyof typeof MONTH_TRANSITIONS;

/** Whether the event may come now; `undefined` stands for a month that the database never had. */
export function canChange(
  row: Pick<MonthRow, 'state' | 'settledManifest'> | undefined,
  event: MonthEvent,
): boolean {
  const { from, complete }: Transition = MONTH_TRANSITIONS[event];
  if (complete === true && row?.settledManifest !== null) return false;
  return from.includes(row?.state ?? 'none');
}

/** `reopen` is what the database itself does for a record of the month: see `reopenMonth`. */
export async function changeMonth(
  client: pg.ClientBase,
  month: string,
  event: Exclude<MonthEvent, 'reopen'>,
  values: readonly unknown[] = [],
): Promise<void> {
  const { from, to, set, complete }: Transition = MONTH_TRANSITIONS[event];
  if (from.includes('none'))
    await client.query({
      text: 'insert into audit_partition (month) values ($1::date) on conflict (month) do nothing',
      values: [month],
    });
  const { rowCount } = await client.query({
    text: `
      update audit_partition set ${[`state = '${to}'`, 'updated_at = clock_timestamp()', ...set].join(', ')}
      where month = $1::date and state = any($2::text[])
        ${complete === true ? 'and settled_manifest is null' : ''}`,
    values: [month, from, ...values],
  });
  const expected = from.find((state) => state !== 'none');
  if (rowCount !== 1 && expected !== undefined) throw new MonthMovedError(month, expected);
}

/** Attaches what was detached: the month is live again, with every row it had. */
export async function reopenMonth(client: pg.ClientBase, month: string): Promise<void> {
  await client.query({ text: 'select audit_create_month($1::date)', values: [month] });
}

/** After the comparison of its detached tables. */
export async function noteDetached(client: pg.ClientBase, month: string): Promise<void> {
  await underMonthLock(client, month, async () => {
    const detached = await requireAllDetached(client, month, 'archived');
    // The caller of the plan searches for held rows, and what is detached has none of its parent's grants.
    for (const { relation } of detached)
      await client.query(`grant select on ${quoteIdentifier(relation)} to audit_writer, audit_reader`);
    await changeMonth(client, month, 'detach');
  });
}

/**
 * From here on its archive is removed. Holds cannot be created meanwhile: one that came since the holds were examined wins,
 * one that comes later is too late. `requireDue` throws where the plan of this moment says something else.
 */
export async function expireUnlessHeld(
  client: pg.ClientBase,
  month: string,
  { examinedHolds, requireDue }: { examinedHolds: readonly string[]; requireDue: () => Promise<unknown> },
): Promise<void> {
  await underMonthLock(client, month, async () => {
    await client.query('lock table audit_hold in share mode');
    const { rowCount } = await client.query({
      text: 'select from audit_hold where released_at is null and id <> all($1::uuid[])',
      values: [examinedHolds],
    });
    if (rowCount !== 0) throw new MonthMovedError(month, 'dropped');
    await requireDue();
    await changeMonth(client, month, 'expire');
  });
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

/**
 * Consents to the drop of a month as its manifest of this moment has it: whoever re-opens it, or archives it anew, needs a new
 * consent. Before it is archived there is nothing to consent to.
 */
export async function approveDrop(
  pool: pg.Pool | pg.ClientBase,
  month: string,
  approvedBy: string,
  { archiveDays = 0 }: { readonly archiveDays?: number } = {},
): Promise<boolean> {
  const { rows } = await pool.query<{ approved: boolean }>({
    text: 'select audit_approve_drop($1::date, $2::text, $3::text[]) as approved',
    values: [monthOf(month), approvedBy, approvableStates(archiveDays)],
  });
  return rows[0]?.approved === true;
}

/**
 * Takes back the consent to what has not been done yet; false where there is none. Waits for a step of retention that is under
 * way in the month: what it has dropped cannot be revoked.
 */
export async function revokeApproval(
  pool: pg.Pool | pg.ClientBase,
  month: string,
  revokedBy: string,
  { archiveDays = 0 }: { readonly archiveDays?: number } = {},
): Promise<boolean> {
  const { rows } = await pool.query<{ revoked: boolean }>({
    text: 'select audit_revoke_approval($1::date, $2::text, $3::text[]) as revoked',
    values: [monthOf(month), revokedBy, approvableStates(archiveDays)],
  });
  return rows[0]?.revoked === true;
}

/** Where archives end too, a month that was dropped has that before it. */
function approvableStates(archiveDays: number): readonly string[] {
  return ['archived', 'detached', 'restored', ...(archiveDays > 0 ? ['dropped'] : [])];
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
