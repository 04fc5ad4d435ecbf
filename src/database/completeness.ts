import type pg from 'pg';

import { instantFromSql } from './sql.ts';

/** Why a remediation's record is not what it should be. */
export type RecordGapReason =
  'without-verdict' | 'remediation-unseen' | 'overdue' | 'final-state-unknown' | 'quarantined';

export interface RecordedKind {
  readonly cluster: string;
  readonly kind: string;
  /** Resources that were ever observed. */
  readonly seen: number;
  /** Of these, those of which some state is recorded to its end. */
  readonly recorded: number;
  /** Not known to be deleted. */
  readonly present: number;
}

export interface RecordGap {
  readonly cluster: string;
  readonly reason: RecordGapReason;
  readonly remediationUid: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** Since when it is so, as far as known. */
  readonly since: string | undefined;
}

export interface RecordCompleteness {
  readonly kinds: readonly RecordedKind[];
  /** Remediations by their verdict, `open` included. */
  readonly verdicts: readonly {
    readonly cluster: string;
    readonly verdict: string;
    readonly remediations: number;
  }[];
  readonly gaps: readonly RecordGap[];
  /** There are more than `mostGaps`. */
  readonly hasMoreGaps: boolean;
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

const SELECT_KINDS = `
select
  observed.cluster,
  observed.kind,
  count(*)::integer as seen,
  count(observed.projection_hash)::integer as recorded,
  (count(*) filter (where observed.deleted_at is null))::integer as present
from observed_resource as observed
where $1::text in ('', observed.cluster)
group by observed.cluster, observed.kind
order by observed.cluster, observed.kind`;

const SELECT_VERDICTS = `
select
  remediation.cluster,
  coalesce(remediation.verdict, 'open') as verdict,
  count(*)::integer as remediations
from remediation_audit as remediation
where $1::text in ('', remediation.cluster)
group by 1, 2
order by 1, 2`;

/** One statement, so that all gaps are of one moment. */
const SELECT_GAPS = `
with gap as (
  select hub.cluster, 'without-verdict' as reason, hub.source_uid as remediation_uid, hub.namespace, hub.name,
    hub.deleted_at as since
  from observed_resource as hub
  left join remediation_audit as remediation
    on remediation.cluster = hub.cluster
    and remediation.remediation_uid = hub.source_uid
  where hub.kind = 'RemediationRequest'
    and hub.deleted_at is not null
    and coalesce(remediation.verdict, 'open') = 'open'
  union all
  select child.cluster, 'remediation-unseen', child.remediation_uid, child.namespace, child.name, child.first_seen
  from observed_resource as child
  where child.kind <> 'RemediationRequest'
    and not exists (
      select 1
      from observed_resource as hub
      where hub.cluster = child.cluster
        and hub.source_uid = child.remediation_uid
    )
  union all
  select open.cluster, 'overdue', open.remediation_uid, open.namespace, open.remediation_id, open.started_at
  from remediation_audit as open
  where coalesce(open.verdict, 'open') = 'open'
    and coalesce(open.started_at, open.created_at) < clock_timestamp() - make_interval(secs => $2::integer)
  union all
  select gone.cluster, 'final-state-unknown', gone.remediation_uid, gone.namespace, gone.remediation_id, gone.deleted_at
  from remediation_audit as gone
  where gone.final_state_unknown
    and gone.verdict = 'deleted-before-terminal'
  union all
  select aside.cluster, 'quarantined', aside.remediation_uid, null, null, aside.received_at
  from audit_quarantine as aside
  where aside.resolved_at is null
)
select gap.cluster, gap.reason, gap.remediation_uid, gap.namespace, gap.name, gap.since
from gap
where $1::text in ('', gap.cluster)
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

/** What the record holds, and what in it is not as it should be, by name. What only the watcher knows, it tells itself. */
export async function selectCompleteness(
  pool: pg.Pool,
  { cluster, overdueSeconds = DEFAULT_OVERDUE_SECONDS, mostGaps = DEFAULT_MOST_GAPS }: CompletenessQuery,
): Promise<RecordCompleteness> {
  const [kinds, verdicts, gaps] = await Promise.all([
    pool.query<RecordedKind>(SELECT_KINDS, [cluster]),
    pool.query<RecordCompleteness['verdicts'][number]>(SELECT_VERDICTS, [cluster]),
    pool.query<GapRow>(SELECT_GAPS, [cluster, overdueSeconds, mostGaps + 1]),
  ]);
  return {
    kinds: kinds.rows,
    verdicts: verdicts.rows,
    gaps: gaps.rows.slice(0, mostGaps).map(readGap),
    hasMoreGaps: gaps.rows.length > mostGaps,
  };
}

function readGap(row: GapRow): RecordGap {
  return {
    cluster: row.cluster ?? '',
    reason: row.reason,
    remediationUid: row.remediation_uid ?? undefined,
    namespace: row.namespace ?? undefined,
    name: row.name ?? undefined,
    since: row.since === null ? undefined : instantFromSql(row.since),
  };
}
