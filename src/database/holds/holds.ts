import type pg from 'pg';

import { addMonths } from '../../domain/instant.ts';
import { remediationAudit } from '../../domain/records/remediation-audit.ts';
import { instantText, quoteIdentifier } from '../sql.ts';

/*
 * Holds: records that must not be dropped, whatever their age.
 *
 * In: a scope, a reason and a name, from the API or the CLI. Out: which holds match a month or its rows (asked before a
 * month is dropped or its archive expires), and which archived months still lack the hold in the object store
 * (hold-archives), where legal holds on objects repeat it.
 *
 * Must stay true: a hold is never deleted, only released, with who and when; while a month is dropped no hold can be
 * created; a scope without members other than times matches everything in those times.
 */

/** What a hold is about: every member that is given must match. */
export interface HoldScope {
  readonly cluster?: string;
  readonly remediationUid?: string;
  /** Of the resource, or of the remediation's target. */
  readonly namespace?: string;
  /** `namespace/kind/name`, as `target_resource` of workflow executions. */
  readonly target?: string;
  /** Instants; rows created from the first to before the second. */
  readonly from?: string;
  readonly to?: string;
}

/** What a hold does to one archived month in the object store. */
export interface HoldInArchive {
  /** `2026-03`. */
  readonly month: string;
  /** `unsupported`: the store knows no legal holds, so only its permissions protect the objects. */
  readonly state: 'held' | 'unsupported' | 'released';
  readonly objects: number;
}

export interface Hold {
  readonly id: string;
  readonly scope: HoldScope;
  readonly reason: string;
  readonly placedBy: string;
  readonly placedAt: string;
  readonly releasedBy?: string;
  readonly releasedAt?: string;
  /** Months of the archive that it touches, as far as they were examined. */
  readonly archive: readonly HoldInArchive[];
}

export class UnknownHoldError extends Error {
  readonly id: string;

  constructor(id: string) {
    super(`there is no hold ${id} that could be released: list them with \`remediation-audit hold list\``);
    this.name = 'UnknownHoldError';
    this.id = id;
  }
}

interface HoldRow {
  id: string;
  cluster: string | null;
  remediation_uid: string | null;
  namespace: string | null;
  target_resource: string | null;
  from_time: string | null;
  to_time: string | null;
  reason: string;
  placed_by: string;
  placed_at: string;
  released_by: string | null;
  released_at: string | null;
  archive: string;
}

const instant = (column: string): string => `${instantText(column)} as ${column}`;
const HOLD_COLUMNS = `id, cluster, remediation_uid, namespace, target_resource, ${instant('from_time')},
  ${instant('to_time')}, reason, placed_by, ${instant('placed_at')}, released_by, ${instant('released_at')},
  (
    select coalesce(json_agg(json_build_object('month', left(month::text, 7), 'state', state, 'objects', objects)
      order by month), '[]')::text
    from audit_hold_archive
    where hold_id = id and state <> 'unmatched'
  ) as archive`;

/** Creates a hold. Who and why stay for ever. */
export async function placeHold(
  pool: pg.Pool | pg.ClientBase,
  scope: HoldScope,
  created: { readonly by: string; readonly reason: string },
): Promise<Hold> {
  const { rows } = await pool.query<{ id: string }>({
    text: `
      select audit_place_hold($1::text, $2::text, $3::text, $4::text, $5::timestamptz, $6::timestamptz, $7::text,
        $8::text) as id`,
    values: [
      ...[scope.cluster, scope.remediationUid, scope.namespace, scope.target, scope.from, scope.to],
      created.reason,
      created.by,
    ],
  });
  return selectHold(pool, rows[0]?.id ?? '');
}

/** Ends a hold; it stays readable. */
export async function releaseHold(
  pool: pg.Pool | pg.ClientBase,
  id: string,
  releasedBy: string,
): Promise<Hold> {
  const { rows } = await pool.query<{ id: string | null }>({
    text: 'select audit_release_hold($1::text, $2::text) as id',
    values: [id, releasedBy],
  });
  const released = rows[0]?.id ?? null;
  return released === null ? theOnly([], id) : selectHold(pool, released);
}

async function selectHold(pool: pg.Pool | pg.ClientBase, id: string): Promise<Hold> {
  const { rows } = await pool.query<HoldRow>({
    text: `select ${HOLD_COLUMNS} from audit_hold where id = $1::uuid`,
    values: [id],
  });
  return theOnly(rows, id);
}

/** Newest first; released ones only on request. */
export async function listHolds(
  pool: pg.Pool | pg.ClientBase,
  { released = false }: { readonly released?: boolean } = {},
): Promise<readonly Hold[]> {
  const { rows } = await pool.query<HoldRow>({
    text: `
      select ${HOLD_COLUMNS}
      from audit_hold
      where $1::boolean or released_at is null
      order by audit_hold.placed_at desc, id`,
    values: [released],
  });
  return rows.map(holdOf);
}

/** A relation that holds one month of a table. */
interface MonthRelation {
  readonly table: string;
  readonly relation: string;
}

/** The holds that prevent the drop of a month: those of its time alone, and those that match one of its rows. */
export async function holdsOfMonth(
  client: pg.Pool | pg.ClientBase,
  month: string,
  relations: readonly MonthRelation[],
): Promise<readonly Hold[]> {
  const matches = relations.map(({ table, relation }) => rowMatch(table, relation));
  const { rows } = await client.query<HoldRow>({
    text: `
      select ${HOLD_COLUMNS}
      from audit_hold as hold
      where released_at is null
        and coalesce(hold.from_time < $2::timestamptz, true)
        and coalesce(hold.to_time > $1::timestamptz, true)
        and (num_nonnulls(hold.cluster, hold.remediation_uid, hold.namespace, hold.target_resource) = 0
          ${matches.map((match) => `or ${match}`).join('\n          ')})
      order by hold.placed_at, id`,
    values: [`${month} 00:00:00+00`, `${addMonths(month, 1)} 00:00:00+00`],
  });
  return rows.map(holdOf);
}

/** What of a remediation's record a hold may name. */
type HeldRemediation = Readonly<
  Record<
    'cluster' | 'remediation_uid' | 'namespace' | 'target_namespace' | 'target_kind' | 'target_name',
    string | null
  >
> & { readonly created_at: string };

/** Active holds that cover the record of a remediation, wherever its month is. */
export async function holdsOfRemediation(
  client: pg.Pool | pg.ClientBase,
  remediation: HeldRemediation,
): Promise<readonly Hold[]> {
  const { rows } = await client.query<HoldRow>({
    name: 'select-holds-of-remediation',
    text: `
      with covering as (
        select hold.id
        from audit_hold as hold
        cross join (
          values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::timestamptz)
        ) as row (cluster, remediation_uid, namespace, target_namespace, target_kind, target_name, created_at)
        where hold.released_at is null
          and ${rowCondition(remediationAudit.table)}
      )
      select ${HOLD_COLUMNS}
      from audit_hold
      where id in (select id from covering)
      order by placed_at desc, id`,
    values: [
      ...[remediation.cluster, remediation.remediation_uid, remediation.namespace],
      ...[remediation.target_namespace, remediation.target_kind, remediation.target_name],
      remediation.created_at,
    ],
  });
  return rows.map(holdOf);
}

/** The columns by which a hold finds a row: the target's, in their order, and each that may name its namespace. */
interface HeldColumns {
  readonly target: readonly string[];
  readonly namespace: readonly string[];
}

/** Tables that are not listed know no target and match no hold by one. */
const HELD_COLUMNS: Readonly<Record<string, HeldColumns>> = {
  workflow_execution_audit: { target: ['target_resource'], namespace: ['namespace'] },
  remediation_audit: {
    target: ['target_namespace', 'target_kind', 'target_name'],
    namespace: ['namespace', 'target_namespace'],
  },
  kubernetes_execution_audit: {
    target: ['target_namespace', 'target_resource_kind', 'target_resource_name'],
    namespace: ['namespace', 'target_namespace'],
  },
};

export function heldColumns(table: string): HeldColumns {
  return HELD_COLUMNS[table] ?? { target: [], namespace: ['namespace'] };
}

function rowMatch(table: string, relation: string): string {
  return `exists (
            select from ${quoteIdentifier(relation)} as row
            where row.created_at >= $1::timestamptz
              and row.created_at < $2::timestamptz
              and ${rowCondition(table)})`;
}

/** Whether `row`, of this table, is one that `hold` is about. */
export function rowCondition(table: string): string {
  const { target, namespace } = heldColumns(table);
  const columns = (names: readonly string[]): string => names.map((name) => `row.${name}`).join(', ');
  const targets = target.length === 0 ? 'null::text' : `concat_ws('/', ${columns(target)})`;
  return `(hold.cluster is null or row.cluster = hold.cluster)
              and (hold.remediation_uid is null or row.remediation_uid = hold.remediation_uid)
              and (hold.namespace is null or hold.namespace in (${columns(namespace)}))
              and (hold.target_resource is null or ${targets} = hold.target_resource)
              and (hold.from_time is null or row.created_at >= hold.from_time)
              and (hold.to_time is null or row.created_at < hold.to_time)`;
}

function theOnly(rows: readonly HoldRow[], id: string): Hold {
  const [row] = rows;
  if (row === undefined) throw new UnknownHoldError(id);
  return holdOf(row);
}

function holdOf(row: HoldRow): Hold {
  const scope = {
    cluster: row.cluster,
    remediationUid: row.remediation_uid,
    namespace: row.namespace,
    target: row.target_resource,
    from: row.from_time,
    to: row.to_time,
  };
  return {
    id: row.id,
    scope: Object.fromEntries(Object.entries(scope).filter(([, value]) => value !== null)),
    reason: row.reason,
    placedBy: row.placed_by,
    placedAt: row.placed_at,
    ...(row.released_by === null ? {} : { releasedBy: row.released_by }),
    ...(row.released_at === null ? {} : { releasedAt: row.released_at }),
    archive: JSON.parse(row.archive) as HoldInArchive[],
  };
}

/** One line for people: what is held, by whom, and why. */
export function describeHold({ id, scope, placedBy, reason }: Hold): string {
  const what = Object.entries(scope).map(([name, value]) => `${name} ${String(value)}`);
  return `hold ${id} on ${what.join(', ')} by ${placedBy}: ${reason}`;
}

/** The same for a list: since when, and until when. */
export function describeHoldInTime(hold: Hold): string {
  const { placedAt, releasedBy, releasedAt } = hold;
  const released = releasedAt === undefined ? '' : `; released ${releasedAt} by ${releasedBy ?? ''}`;
  return `${describeHold(hold)}; placed ${placedAt}${released}`;
}

/** One line for people: how the archive follows the hold; undefined while no archived month is touched. */
export function describeHoldInArchive({ archive }: Hold): string | undefined {
  const months = (state: HoldInArchive['state']): string =>
    archive
      .filter((touched) => touched.state === state)
      .map(({ month }) => month)
      .join(', ');
  const [held, unsupported] = [months('held'), months('unsupported')];
  const said = [
    ...(held === '' ? [] : [`held in the archive: ${held}`]),
    ...(unsupported === ''
      ? []
      : [`NOT held in the archive, whose store knows no legal holds: ${unsupported}`]),
  ];
  return said.length === 0 ? undefined : said.join('; ');
}
