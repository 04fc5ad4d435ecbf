import type pg from 'pg';

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
