import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';
import type { WatcherReport } from './watched-cluster.ts';

/**
 * Why a remediation's record is not what it should be, as the database shows it. The watcher has reasons of
 * its own (GAP_REASONS); `overdue` is in both lists.
 */
export const RECORD_GAP_REASONS = [
  'without-verdict',
  'remediation-unseen',
  'overdue',
  'final-state-unknown',
  'quarantined',
] as const;
type RecordGapReason = (typeof RECORD_GAP_REASONS)[number];

interface CompletenessOfKind {
  readonly cluster: string;
  readonly kind: string;
  /** Resources of which any state was ever recorded. */
  readonly ever: number;
  /** Of these, those that are not known to be deleted. */
  readonly present: number;
  /** The rest is what the watcher reported lately; null where that is unknown. Resources that are there. */
  readonly seen: number | null;
  /** Of these, those whose newest state is recorded. */
  readonly recorded: number | null;
  /** Those with a state that Temporal does not have yet. */
  readonly waiting: number | null;
  readonly open: number | null;
  readonly overdue: number | null;
}

interface CompletenessGap {
  readonly cluster: string;
  readonly reason: string;
  readonly kind: string | null;
  /** Null in gaps that the watcher reported: they have kind, namespace and name. */
  readonly remediation_uid: string | null;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly detail: string | null;
  /** Since when it is so, as far as known. */
  readonly since: string | null;
}

interface CompletenessOfCluster {
  readonly cluster: string;
  /** `complete`: the newest state of everything that is there is recorded. `unknown`: nobody can say so now. */
  readonly state: 'complete' | 'incomplete' | 'unknown';
  /** Why it is not complete. */
  readonly detail: string | null;
  readonly first_watched_at: string | null;
  readonly reported_at: string | null;
}

/** Whether the record can be trusted, and what is missing by name; the names are those of the wire. */
export interface RecordState {
  readonly clusters: readonly CompletenessOfCluster[];
  readonly gaps: readonly CompletenessGap[];
  readonly has_more_gaps: boolean;
}

/** One answer, of the service, the command line and the watcher alike: the same with the number of all that is recorded. */
export interface Completeness extends RecordState {
  readonly kinds: readonly CompletenessOfKind[];
  /** Remediations by their verdict, `open` included. */
  readonly verdicts: readonly {
    readonly cluster: string;
    readonly verdict: string;
    readonly remediations: number;
  }[];
}

export interface CompletenessQuery {
  /** Empty for all. */
  readonly cluster: string;
  /** How long a remediation may stay open, in seconds. Default an hour, as long as kubernaut gives it. */
  readonly overdueSeconds?: number;
  /** Default 100. */
  readonly mostGaps?: number;
}

const DEFAULT_OVERDUE_SECONDS = 3_600;
const DEFAULT_MOST_GAPS = 100;
/** A watcher reports every ten seconds. */
const LATE_REPORT_SECONDS = 60;

/** Parameter 1 is the name of the cluster; empty for all of them. What a watcher may not read itself are functions of the schema. */
const SELECT_KINDS = `
select
  observed.cluster,
  observed.kind,
  count(*)::integer as ever,
  (count(*) filter (where observed.deleted_at is null))::integer as present
from observed_resource as observed
where $1::text in ('', observed.cluster)
group by observed.cluster, observed.kind
order by observed.cluster, observed.kind`;

const SELECT_CLUSTERS = `
select
  watched.cluster,
  watched.first_watched_at,
  watched.reported_at,
  watched.reported_at < clock_timestamp() - make_interval(secs => $2::integer) as is_late,
  watched.report
from audit_watched_clusters($1::text) as watched`;

const SELECT_RECORDED_CLUSTERS = `
select recorded.cluster
from audit_recorded_clusters($1::text) as recorded (cluster)`;

const SELECT_VERDICTS = `
select known.cluster, known.verdict, known.remediations
from audit_verdicts($1::text) as known`;

const SELECT_GAPS = `
select gap.cluster, gap.reason, gap.remediation_uid, gap.namespace, gap.name, gap.since
from audit_gaps($1::text, $2::integer) as gap
order by gap.since nulls last, gap.remediation_uid
limit $3::integer`;

interface GapRow {
  readonly cluster: string | null;
  readonly reason: RecordGapReason;
  readonly remediation_uid: string | null;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly since: string | null;
}

const SELECT_GAPS_OF_REMEDIATION = `
select gap.cluster, gap.reason, gap.remediation_uid, gap.namespace, gap.name, gap.since
from audit_gaps($1::text, $2::integer, $3::text) as gap
order by gap.since nulls last, gap.reason
limit $4::integer`;

const SELECT_GAP_COUNTS = `
select gap.reason, count(*)::integer as gaps
from audit_gaps($1::text, $2::integer) as gap
group by gap.reason`;

interface ClusterRow {
  readonly cluster: string;
  readonly first_watched_at: string;
  readonly reported_at: string | null;
  readonly is_late: boolean | null;
  readonly report: string | null;
}

interface KindRow {
  readonly cluster: string;
  readonly kind: string;
  readonly ever: number;
  readonly present: number;
}

/**
 * Of each cluster whether its record can be trusted, and what is missing by name: what the watchers reported, and what the record
 * itself shows. It reads what may be missing and not all that is recorded, so that views may ask for it.
 */
export async function selectRecordState(pool: pg.Pool, query: CompletenessQuery): Promise<RecordState> {
  const { watched, recorded, gaps } = await readGaps(pool, query);
  return { clusters: statesOf(watched, recorded, gaps), ...boundedGaps(gaps, watched, query) };
}

/** The same, and what is there and what of it is recorded as numbers: that reads a row of each resource and remediation. */
export async function selectCompleteness(pool: pg.Pool, query: CompletenessQuery): Promise<Completeness> {
  const [{ watched, recorded, gaps }, kinds, verdicts] = await Promise.all([
    readGaps(pool, query),
    pool.query<KindRow>(SELECT_KINDS, [query.cluster]),
    pool.query<Completeness['verdicts'][number]>(SELECT_VERDICTS, [query.cluster]),
  ]);
  return {
    // Remediations that were restored into another database come without what was observed.
    clusters: statesOf(watched, [...recorded, ...verdicts.rows], gaps),
    kinds: mergeKinds(kinds.rows, watched),
    verdicts: verdicts.rows,
    ...boundedGaps(gaps, watched, query),
  };
}

interface FoundGaps {
  readonly watched: readonly Watched[];
  readonly recorded: readonly { readonly cluster: string }[];
  /** One more than wanted, where there are more. */
  readonly gaps: readonly CompletenessGap[];
}

async function readGaps(
  pool: pg.Pool,
  { cluster, overdueSeconds = DEFAULT_OVERDUE_SECONDS, mostGaps = DEFAULT_MOST_GAPS }: CompletenessQuery,
): Promise<FoundGaps> {
  const [clusters, recorded, gaps] = await Promise.all([
    pool.query<ClusterRow>(SELECT_CLUSTERS, [cluster, LATE_REPORT_SECONDS]),
    pool.query<{ cluster: string }>(SELECT_RECORDED_CLUSTERS, [cluster]),
    pool.query<GapRow>(SELECT_GAPS, [cluster, overdueSeconds, mostGaps + 1]),
  ]);
  const watched = clusters.rows.map(readCluster);
  const reported = watched.flatMap(gapsOf);
  const known = new Set(reported.map(keyOfGap));
  const found = [...reported, ...gaps.rows.map(readGap).filter((gap) => !known.has(keyOfGap(gap)))];
  return { watched, recorded: [...recorded.rows, ...found], gaps: found };
}

function boundedGaps(
  gaps: readonly CompletenessGap[],
  watched: readonly Watched[],
  { mostGaps = DEFAULT_MOST_GAPS }: CompletenessQuery,
): Pick<RecordState, 'gaps' | 'has_more_gaps'> {
  return {
    gaps: gaps.slice(0, mostGaps),
    has_more_gaps: gaps.length > mostGaps || watched.some(({ report }) => (report?.gapsLeftOut ?? 0) > 0),
  };
}

/** Whether one remediation was watched, and what is missing of it. */
export interface RemediationCompleteness {
  /** Of its cluster; null where nobody ever watched it. */
  readonly first_watched_at: string | null;
  /** The last report of a watcher. */
  readonly reported_at: string | null;
  readonly gaps: readonly CompletenessGap[];
}

/** The gaps of `selectCompleteness` that are about this remediation: found by its keys, however much is recorded. */
export async function selectRemediationCompleteness(
  pool: pg.Pool,
  remediation: Record<'cluster' | 'uid' | 'namespace' | 'name', string>,
): Promise<RemediationCompleteness> {
  const { cluster, uid, namespace, name } = remediation;
  const [clusters, gaps] = await Promise.all([
    pool.query<ClusterRow>(SELECT_CLUSTERS, [cluster, LATE_REPORT_SECONDS]),
    pool.query<GapRow>(SELECT_GAPS_OF_REMEDIATION, [
      ...[cluster, DEFAULT_OVERDUE_SECONDS, uid],
      DEFAULT_MOST_GAPS,
    ]),
  ]);
  const [watched] = clusters.rows.map(readCluster);
  const reported = (watched === undefined ? [] : gapsOf(watched)).filter(
    (gap) => gap.kind === 'RemediationRequest' && gap.namespace === namespace && gap.name === name,
  );
  const known = new Set(reported.map(keyOfGap));
  return {
    first_watched_at: watched?.firstWatchedAt ?? null,
    reported_at: watched?.reportedAt ?? null,
    gaps: [...reported, ...gaps.rows.map(readGap).filter((gap) => !known.has(keyOfGap(gap)))],
  };
}

/** How many gaps of each kind the record itself shows. */
export async function selectGapCounts(
  pool: pg.Pool,
  cluster: string,
): Promise<ReadonlyMap<RecordGapReason, number>> {
  const { rows } = await pool.query<{ reason: RecordGapReason; gaps: number }>(SELECT_GAP_COUNTS, [
    cluster,
    DEFAULT_OVERDUE_SECONDS,
  ]);
  return new Map(rows.map(({ reason, gaps }) => [reason, gaps]));
}

interface Watched {
  readonly cluster: string;
  readonly firstWatchedAt: string;
  readonly reportedAt: string | undefined;
  /** Undefined when there is none that is recent: an old one says nothing of today. */
  readonly report: WatcherReport | undefined;
}

function readCluster(row: ClusterRow): Watched {
  return {
    cluster: row.cluster,
    firstWatchedAt: instantFromSql(row.first_watched_at),
    reportedAt: row.reported_at === null ? undefined : instantFromSql(row.reported_at),
    report:
      row.report === null || row.is_late !== false ? undefined : (JSON.parse(row.report) as WatcherReport),
  };
}

function gapsOf({ cluster, report }: Watched): readonly CompletenessGap[] {
  return (report?.gaps ?? []).map(({ kind, namespace, name, reason, detail }) => ({
    ...{ cluster, reason, kind, namespace, name },
    remediation_uid: null,
    detail: detail ?? null,
    since: null,
  }));
}

/** Both may find a remediation overdue: the watcher knows its own timeout, the record only its start. */
function keyOfGap({ cluster, reason, namespace, name }: CompletenessGap): string {
  return JSON.stringify([cluster, reason, namespace, name]);
}

function readGap(row: GapRow): CompletenessGap {
  return {
    cluster: row.cluster ?? '',
    reason: row.reason,
    kind: null,
    remediation_uid: row.remediation_uid,
    namespace: row.namespace,
    name: row.name,
    detail: null,
    since: row.since === null ? null : instantFromSql(row.since),
  };
}

function mergeKinds(rows: readonly KindRow[], watched: readonly Watched[]): readonly CompletenessOfKind[] {
  const ofKind = new Map(rows.map((row) => [JSON.stringify([row.cluster, row.kind]), row]));
  const reported = new Map(
    watched.flatMap(({ cluster, report }) =>
      (report?.kinds ?? []).map((kind) => [JSON.stringify([cluster, kind.kind]), kind] as const),
    ),
  );
  return [...new Set([...ofKind.keys(), ...reported.keys()])].sort().map((key) => {
    const [cluster, kind] = JSON.parse(key) as [string, string];
    const { ever = 0, present = 0 } = ofKind.get(key) ?? {};
    const { seen, recorded, waiting, open, overdue } = reported.get(key) ?? {};
    return {
      ...{ cluster, kind, ever, present },
      seen: seen ?? null,
      recorded: recorded ?? null,
      waiting: waiting ?? null,
      open: open ?? null,
      overdue: overdue ?? null,
    };
  });
}

/** Facts that no waiting mends, and lateness of the controller: they are named and make nothing incomplete. */
const HARMLESS: readonly string[] = ['overdue', 'final-state-unknown'];

/**
 * Each cluster that is watched or has records. Unknown comes before incomplete: without a report nobody can
 * say what is there.
 */
function statesOf(
  watched: readonly Watched[],
  recorded: readonly { readonly cluster: string }[],
  gaps: readonly CompletenessGap[],
): readonly CompletenessOfCluster[] {
  const byName = new Map(watched.map((one) => [one.cluster, one]));
  return [...new Set([...byName.keys(), ...recorded.map(({ cluster }) => cluster)])].sort().map((cluster) => {
    const one = byName.get(cluster);
    const detail = doubtOf(one);
    const lack =
      detail ??
      lackOf(
        one?.report,
        gaps.filter((gap) => gap.cluster === cluster),
      );
    return {
      cluster,
      state: detail !== undefined ? 'unknown' : lack === undefined ? 'complete' : 'incomplete',
      detail: lack ?? null,
      first_watched_at: one?.firstWatchedAt ?? null,
      reported_at: one?.reportedAt ?? null,
    };
  });
}

function doubtOf(watched: Watched | undefined): string | undefined {
  if (watched?.reportedAt === undefined) return 'no watcher has reported on this cluster';
  const { report, reportedAt } = watched;
  if (report === undefined) return `no watcher has reported since ${reportedAt}`;
  if (report.kinds.some(({ recorded }) => recorded === undefined))
    return 'the watcher cannot read what is recorded';
  return undefined;
}

function lackOf(report: WatcherReport | undefined, gaps: readonly CompletenessGap[]): string | undefined {
  const lacking = (report?.kinds ?? []).reduce((sum, { seen, recorded }) => sum + seen - (recorded ?? 0), 0);
  if (lacking > 0) return `the newest state of ${lacking} resources is not recorded`;
  const harmful = gaps.filter(({ reason }) => !HARMLESS.includes(reason));
  return harmful.length > 0 || (report?.gapsLeftOut ?? 0) > 0
    ? `there are gaps (${harmful.length} named)`
    : undefined;
}
