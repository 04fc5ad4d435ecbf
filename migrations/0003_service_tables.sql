-- What changes: the tables of the service itself, and what audit_partition lacks to follow a month to its archive.
-- Locks: ACCESS EXCLUSIVE on audit_partition for the moment it takes to add columns. Online: yes.
-- Undo by hand: drop table observed_resource, audit_quarantine, audit_hold, audit_access, audit_cluster;
--   alter table audit_partition drop constraint audit_partition_state_check, drop column row_counts, drop column manifest,
--   drop column manifest_sha256, drop column approved_by, drop column approved_at, drop column archived_at,
--   drop column detached_at, drop column dropped_at, drop column restored_at, drop column restored_until;
--   delete from schema_migration where version = 3;

alter table audit_partition
  add column row_counts       jsonb,
  add column manifest         text,
  add column manifest_sha256  bytea,
  add column approved_by      text,
  add column approved_at      timestamptz,
  add column archived_at      timestamptz,
  add column detached_at      timestamptz,
  add column dropped_at       timestamptz,
  add column restored_at      timestamptz,
  add column restored_until   timestamptz,
  add constraint audit_partition_state_check
    check (state in ('live', 'archiving', 'archived', 'detached', 'dropped', 'restored'));

-- What the watcher knows of each resource. Written with the records, also for a repetition; losing it costs repetition only.
create table observed_resource (
  cluster          text        not null,
  source_uid       text        not null,
  kind             text        not null,
  namespace        text        not null,
  name             text        not null,
  remediation_uid  text,
  source_version   bigint      not null,
  projection_hash  bytea       not null,
  phase            text,
  first_seen       timestamptz not null,
  last_seen        timestamptz not null,
  deleted_at       timestamptz,
  primary key (cluster, source_uid)
);
-- After each list the watcher asks which of the open ones were not on it.
create index observed_resource_open_idx on observed_resource (cluster, kind) where deleted_at is null;
create index observed_resource_remediation_uid_idx on observed_resource (remediation_uid);
-- Rows go some time after their resource.
create index observed_resource_deleted_at_idx on observed_resource (deleted_at) where deleted_at is not null;

-- What could not be stored. The payload is text: it may hold exactly what jsonb refuses.
create table audit_quarantine (
  id               uuid        not null default gen_random_uuid() primary key,
  received_at      timestamptz not null default clock_timestamp(),
  table_name       text        not null,
  cluster          text,
  remediation_uid  text,
  reason           text        not null,
  sqlstate         text,
  payload          text        not null,
  payload_hash     bytea       not null,
  last_refused_at  timestamptz not null default clock_timestamp(),
  refusals         integer     not null default 1,
  resolved_at      timestamptz,
  resolved_by      text,
  -- A retry brings the same poison again: that is the same entry, refused once more.
  constraint audit_quarantine_payload_key unique (table_name, payload_hash)
);
create index audit_quarantine_open_idx on audit_quarantine (received_at) where resolved_at is null;

create table audit_hold (
  id               uuid        not null default gen_random_uuid() primary key,
  cluster          text,
  remediation_uid  text,
  namespace        text,
  target_resource  text,
  from_time        timestamptz,
  to_time          timestamptz,
  reason           text        not null,
  placed_by        text        not null,
  placed_at        timestamptz not null default clock_timestamp(),
  released_by      text,
  released_at      timestamptz,
  -- A hold without any scope would keep everything for ever; whoever means that says so with a time range.
  constraint audit_hold_scope_check
    check (num_nonnulls(cluster, remediation_uid, namespace, target_resource, from_time, to_time) > 0),
  constraint audit_hold_to_time_check check (to_time > from_time),
  constraint audit_hold_released_by_check check (num_nonnulls(released_by, released_at) in (0, 2))
);

-- Reads of records are audited too.
create table audit_access (
  id             bigint      not null generated always as identity primary key,
  accessed_at    timestamptz not null default clock_timestamp(),
  caller         text        not null,
  route          text        not null,
  filter         jsonb,
  rows_returned  bigint,
  request_id     text
);
create index audit_access_accessed_at_idx on audit_access (accessed_at);

-- A cluster that is not listed has epoch 0.
create table audit_cluster (
  cluster    text   not null primary key,
  epoch      bigint not null default 0 constraint audit_cluster_epoch_check check (epoch >= 0),
  raised_by  text,
  raised_at  timestamptz
);

grant select, insert, update on observed_resource to audit_writer;
-- Poison is never deleted and its content never changes: it is refused again, or settled.
grant select, insert, update (reason, sqlstate, last_refused_at, refusals, resolved_at, resolved_by)
  on audit_quarantine to audit_writer;
grant select, insert, update (released_by, released_at) on audit_hold to audit_writer;
-- Whoever reads through the service can neither see nor change the trace of it.
grant insert on audit_access to audit_writer;
grant select on audit_cluster to audit_writer;
grant select on observed_resource, audit_quarantine, audit_hold, audit_access, audit_cluster to audit_reader;
