-- What changes: a table says which cluster stands behind each name, so that another one under the same name is noticed before
--   the resources of the first are taken for deleted, and what its watcher last reported of what it has seen.
-- Locks: none that anybody waits for. Online: yes.
-- Undo by hand: drop table watched_cluster; delete from schema_migration where version = 11;

create table watched_cluster (
  cluster           text        not null primary key,
  -- The uid of its namespace kube-system, which lives as long as the cluster does and comes back with a restored etcd.
  -- Unknown as long as the watcher may not read it.
  identity          text,
  first_watched_at  timestamptz not null default clock_timestamp(),
  reported_at       timestamptz,
  report            jsonb
);

grant select, insert, update (identity, reported_at, report) on watched_cluster to audit_writer;
grant select on watched_cluster to audit_reader;
