import type pg from 'pg';

import type { KindCompleteness } from '../../domain/kind-completeness.ts';

const REGISTER = 'select audit_register_cluster($1::text, $2::text) as identity';

const FORGET = `
update watched_cluster
set identity = null, reported_at = null, report = null
where cluster = $1::text`;

const REPORT = 'select audit_report_cluster($1::text, $2::jsonb)';

/** What a watcher has seen of its cluster, and what of that it knows to be recorded. */
export interface WatcherReport {
  readonly kinds: readonly KindCompleteness[];
  readonly gaps: readonly {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly reason: string;
    readonly detail: string | undefined;
  }[];
  /** There are more gaps than are named. */
  readonly gapsLeftOut: number;
}

/** Which cluster a name means. Written by the watcher, as role audit_watcher. */
export interface ClusterRegister {
  /** The identity that is recorded for this name: the given one, unless another cluster had the name before. */
  register(cluster: string, identity: string): Promise<string>;
  /** Replaces what was reported before. */
  report(cluster: string, report: WatcherReport): Promise<void>;
}

export function createClusterRegister(pool: pg.Pool): ClusterRegister {
  return {
    async register(cluster, identity) {
      const { rows } = await pool.query<{ identity: string }>(REGISTER, [cluster, identity]);
      return rows[0]?.identity ?? identity;
    },
    async report(cluster, { kinds, gaps, gapsLeftOut }) {
      await pool.query(REPORT, [cluster, JSON.stringify({ kinds, gaps, gapsLeftOut })]);
    },
  };
}

/** The next cluster that is watched under this name is taken for it. As role audit_owner. */
export async function forgetIdentity(client: pg.ClientBase, cluster: string): Promise<void> {
  await client.query(FORGET, [cluster]);
}

const RAISE_EPOCH = `
insert into audit_cluster as known (cluster, epoch, raised_by, raised_at)
values ($1::text, 1, $2::text, clock_timestamp())
on conflict (cluster) do update set
  epoch = known.epoch + 1,
  raised_by = excluded.raised_by,
  raised_at = excluded.raised_at
returning known.epoch::text as epoch`;

/** From now on what is observed of the cluster is newer than all that was recorded before. As role audit_owner. */
export async function raiseEpoch(client: pg.ClientBase, cluster: string, raisedBy: string): Promise<bigint> {
  const { rows } = await client.query<{ epoch: string }>(RAISE_EPOCH, [cluster, raisedBy]);
  const [raised] = rows;
  if (raised === undefined) throw new Error(`the epoch of cluster ${cluster} was not raised`);
  return BigInt(raised.epoch);
}
