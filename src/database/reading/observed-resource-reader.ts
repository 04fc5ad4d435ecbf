import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';

const PAGE_ROWS = 1_000;

/** A resource that is recorded and not known to be deleted. */
export interface ObservedResourceRow {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Undefined when the RemediationRequest itself is not recorded. */
  readonly remediation:
    | { readonly namespace: string; readonly name: string; readonly uid: string }
    | undefined;
  /** A 64-bit integer as text: a number of JavaScript would lose digits. */
  readonly sourceVersion: string;
  /** In hex; undefined until a complete state was recorded. */
  readonly projectionHash: string | undefined;
  readonly phase: string | undefined;
  readonly firstSeen: string;
}

/** What the watcher reads, as role audit_watcher: nothing of it is written here. */
interface ObservedResourceReader {
  /** Page by page, by uid: what is recorded meanwhile may or may not be among them. */
  openResources(cluster: string, kind: string): AsyncIterable<readonly ObservedResourceRow[]>;
  /** Of these uids, those of resources whose deletion is recorded. */
  recordedEnds(cluster: string, uids: readonly string[]): Promise<readonly string[]>;
  /** Of these uids, the hash of the last state that is recorded completely, in hex. */
  recordedHashes(cluster: string, uids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** How often an operator said that the versions of the cluster begin anew; 0 when never. */
  epoch(cluster: string): Promise<bigint>;
}

// The remediation's name is in its own row: rows of other kinds carry its uid only.
const SELECT_OPEN_PAGE = `
select
  observed.source_uid,
  observed.namespace,
  observed.name,
  observed.source_version::text as source_version,
  encode(observed.projection_hash, 'hex') as projection_hash,
  observed.phase,
  observed.first_seen,
  remediation.namespace as remediation_namespace,
  remediation.name as remediation_name,
  remediation.source_uid as remediation_uid
from observed_resource as observed
left join observed_resource as remediation
  on remediation.cluster = observed.cluster
  and remediation.source_uid = observed.remediation_uid
where observed.cluster = $1::text
  and observed.kind = $2::text
  and observed.deleted_at is null
  and observed.source_uid > $3::text
order by observed.source_uid
limit $4::integer`;

const SELECT_ENDS = `
select observed.source_uid
from observed_resource as observed
where observed.cluster = $1::text
  and observed.source_uid = any($2::text[])
  and observed.deleted_at is not null`;

const SELECT_HASHES = `
select observed.source_uid, encode(observed.projection_hash, 'hex') as projection_hash
from observed_resource as observed
where observed.cluster = $1::text
  and observed.source_uid = any($2::text[])
  and observed.projection_hash is not null`;

const SELECT_EPOCH = 'select audit_cluster_epoch($1::text)::text as epoch';

interface Row {
  readonly source_uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly source_version: string;
  readonly projection_hash: string | null;
  readonly phase: string | null;
  readonly first_seen: string;
  readonly remediation_namespace: string | null;
  readonly remediation_name: string | null;
  readonly remediation_uid: string | null;
}

export function createObservedResourceReader(pool: pg.Pool): ObservedResourceReader {
  return {
    async *openResources(cluster, kind) {
      let after = '';
      for (;;) {
        const { rows } = await pool.query<Row>({
          name: 'select-open-resources',
          text: SELECT_OPEN_PAGE,
          values: [cluster, kind, after, PAGE_ROWS],
        });
        if (rows.length > 0) yield rows.map(readRow);
        after = rows.at(-1)?.source_uid ?? '';
        if (rows.length < PAGE_ROWS) return;
      }
    },
    async recordedEnds(cluster, uids) {
      const { rows } = await pool.query<Pick<Row, 'source_uid'>>({
        name: 'select-recorded-ends',
        text: SELECT_ENDS,
        values: [cluster, uids],
      });
      return rows.map(({ source_uid: uid }) => uid);
    },
    async recordedHashes(cluster, uids) {
      const { rows } = await pool.query<{ source_uid: string; projection_hash: string }>({
        name: 'select-recorded-hashes',
        text: SELECT_HASHES,
        values: [cluster, uids],
      });
      return new Map(rows.map(({ source_uid: uid, projection_hash: hash }) => [uid, hash]));
    },
    async epoch(cluster) {
      const { rows } = await pool.query<{ epoch: string }>({
        name: 'select-cluster-epoch',
        text: SELECT_EPOCH,
        values: [cluster],
      });
      return BigInt(rows[0]?.epoch ?? 0);
    },
  };
}

function readRow(row: Row): ObservedResourceRow {
  return {
    uid: row.source_uid,
    namespace: row.namespace,
    name: row.name,
    remediation: remediationOf(row),
    sourceVersion: row.source_version,
    projectionHash: row.projection_hash ?? undefined,
    phase: row.phase ?? undefined,
    firstSeen: instantFromSql(row.first_seen),
  };
}

function remediationOf(row: Row): ObservedResourceRow['remediation'] {
  const { remediation_namespace: namespace, remediation_name: name, remediation_uid: uid } = row;
  return namespace === null || name === null || uid === null ? undefined : { namespace, name, uid };
}
