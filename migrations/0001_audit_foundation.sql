-- What changes: the months, the home of every record, the ledger, and the audit table of workflow executions.
-- Locks: none that matter, every table is new. Online: yes.
-- Undo by hand: drop table workflow_execution_audit, audit_ledger, record_home, audit_partition cascade;
--   drop function audit_create_month, audit_refuse_change; delete from schema_migration where version = 1;

-- One row per month: all partitioned tables and their ledger live, are archived and are held together.
create table audit_partition (
  month       date        not null primary key check (extract(day from month) = 1),
  state       text        not null default 'live',
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now()
);

-- Where a record lives is decided by its first acceptance and never again: an id is unique through this table,
-- because the primary key of a partitioned table must carry the month and so cannot make it unique by itself.
create table record_home (
  id          uuid        not null primary key,
  table_name  text        not null,
  created_at  timestamptz not null
);

create sequence audit_ledger_seq as bigint;

-- Every observation once, for ever. The row of a record is the fold of its entries here.
create table audit_ledger (
  record_id        uuid        not null,
  created_at       timestamptz not null,
  source_version   bigint      not null,
  content_hash     bytea       not null,
  seq              bigint      not null default nextval('audit_ledger_seq'),
  recorded_at      timestamptz not null default clock_timestamp(),
  observed_at      timestamptz not null,
  table_name       text        not null,
  cluster          text        not null,
  remediation_uid  text,
  phase            text        not null,
  actor            text        not null,
  canonical        text        not null,
  salt             bytea       not null,
  payload_hash     bytea       not null,
  leaf_hash        bytea       not null,
  primary key (record_id, created_at, source_version, content_hash)
) partition by range (created_at);
alter sequence audit_ledger_seq owned by audit_ledger.seq;

create index audit_ledger_remediation_uid_idx on audit_ledger (remediation_uid, created_at);

-- Privileges are the guard; this trigger also stops the owner's slip of the hand.
create function audit_refuse_change() returns trigger
language plpgsql
as $$
begin
  raise exception 'the audit ledger is append-only: % on % is refused', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end
$$;

create trigger audit_ledger_append_only
  before update or delete on audit_ledger
  for each row execute function audit_refuse_change();

create table workflow_execution_audit (
  id                    uuid        not null,
  remediation_id        text,
  workflow_id           text,
  workflow_version      text,
  container_image       text,
  target_resource       text,
  parameters            jsonb,
  total_duration        interval,
  pipelinerun_name      text,
  phase                 text,
  outcome               text,
  failure_reason        text,
  failure_message       text,
  skip_reason           text,
  conflicting_wfe       text,
  started_at            timestamptz,
  completed_at          timestamptz,
  correlation_id        text,
  workflow_name         text,
  total_steps           integer,
  steps_completed       integer,
  steps_failed          integer,
  effectiveness_score   numeric constraint workflow_execution_audit_effectiveness_score_check
                          check (effectiveness_score between 0 and 1),
  rollbacks_performed   integer,
  step_executions       jsonb,
  adaptive_adjustments  jsonb,
  status                text,
  error_message         text,
  created_at            timestamptz not null,
  created_at_source     text        not null,
  cluster               text        not null,
  namespace             text,
  remediation_uid       text,
  source_kind           text,
  source_uid            text,
  source_version        bigint      not null,
  source_shape          text,
  recorded_at           timestamptz not null default clock_timestamp(),
  updated_at            timestamptz not null default clock_timestamp(),
  revision              integer     not null,
  extra                 jsonb,
  primary key (id, created_at)
) partition by range (created_at);

-- Lists page by (created_at, id); the others serve one question each of the sources.
create index workflow_execution_audit_created_at_idx on workflow_execution_audit (created_at desc, id desc);
create index workflow_execution_audit_remediation_id_idx on workflow_execution_audit (remediation_id, created_at desc);
create index workflow_execution_audit_remediation_uid_idx on workflow_execution_audit (remediation_uid);
create index workflow_execution_audit_target_resource_idx on workflow_execution_audit (target_resource, created_at desc);
create index workflow_execution_audit_workflow_id_idx on workflow_execution_audit (workflow_id, created_at desc);
create index workflow_execution_audit_phase_idx on workflow_execution_audit (phase, completed_at desc);

-- Makes one month of every partitioned table, or does nothing if it is there. Runs as the owner, so that the writer
-- can make a record's month without owning anything. CREATE LIKE + ATTACH never takes ACCESS EXCLUSIVE on the parent:
-- readers and writers of other months go on.
create function audit_create_month(wanted date) returns boolean
language plpgsql
security definer
set search_path = public, pg_temp
set timezone = 'UTC'
set lock_timeout = '500ms'
as $$
declare
  parent  record;
  child   text;
  made    boolean := false;
begin
  wanted := date_trunc('month', wanted)::date;
  -- The same bounds stand in domain/limits.ts; a month outside them is a typing error, not a record.
  if wanted < date '2015-01-01' or wanted > (date_trunc('month', now()) + interval '24 months')::date then
    raise exception 'no partition for %: outside 2015-01 … 24 months ahead', to_char(wanted, 'YYYY-MM')
      using errcode = 'datetime_field_overflow';
  end if;

  -- Two writers may miss the same month at once; the second waits and finds it made.
  perform pg_advisory_xact_lock(hashtext('audit_create_month'), (wanted - date '2000-01-01'));

  for parent in
    select class.oid, class.relname
    from pg_partitioned_table as partitioned
    join pg_class as class on class.oid = partitioned.partrelid
    where class.relnamespace = 'public'::regnamespace
    order by class.relname
  loop
    child := format('%s_%s', parent.relname, to_char(wanted, 'YYYY_MM'));
    continue when exists (
      select
      from pg_inherits
      join pg_class as class on class.oid = pg_inherits.inhrelid
      where pg_inherits.inhparent = parent.oid and class.relname = child
    );
    execute format(
      'create table %I (like %I including defaults including constraints including generated including storage)',
      child, parent.relname);
    execute format(
      'alter table %I attach partition %I for values from (%L) to (%L)',
      parent.relname, child,
      to_char(wanted, 'YYYY-MM-DD" 00:00:00+00"'),
      to_char((wanted + interval '1 month')::date, 'YYYY-MM-DD" 00:00:00+00"'));
    made := true;
  end loop;

  insert into audit_partition (month) values (wanted) on conflict (month) do nothing;
  return made;
end
$$;

revoke all on function audit_create_month(date) from public;
grant execute on function audit_create_month(date) to audit_writer;

grant select, insert, update on workflow_execution_audit to audit_writer;
grant select, insert on audit_ledger to audit_writer;
grant usage on sequence audit_ledger_seq to audit_writer;
grant select, insert on record_home to audit_writer;
grant select on audit_partition to audit_writer;
grant select on workflow_execution_audit, audit_ledger, record_home, audit_partition to audit_reader;
