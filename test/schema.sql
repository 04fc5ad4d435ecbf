-- Written by `npm run schema:dump` from a migrated database. Do not edit.

create table audit_ledger (
  record_id uuid not null,
  created_at timestamp with time zone not null,
  source_version bigint not null,
  content_hash bytea not null,
  seq bigint not null default nextval('audit_ledger_seq'::regclass),
  recorded_at timestamp with time zone not null default clock_timestamp(),
  observed_at timestamp with time zone not null,
  table_name text not null,
  cluster text not null,
  remediation_uid text,
  phase text not null,
  actor text not null,
  canonical text not null,
  salt bytea not null,
  payload_hash bytea not null,
  leaf_hash bytea not null
) partition by RANGE (created_at);
CREATE INDEX audit_ledger_remediation_uid_idx ON ONLY public.audit_ledger USING btree (remediation_uid, created_at);
CREATE TRIGGER audit_ledger_append_only BEFORE DELETE OR UPDATE ON public.audit_ledger FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
constraint audit_ledger_pkey PRIMARY KEY (record_id, created_at, source_version, content_hash);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=ar/audit_owner

create table audit_partition (
  month date not null,
  state text not null default 'live'::text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now()
);
constraint audit_partition_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric));
constraint audit_partition_pkey PRIMARY KEY (month);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=r/audit_owner

create table record_home (
  id uuid not null,
  table_name text not null,
  created_at timestamp with time zone not null
);
constraint record_home_pkey PRIMARY KEY (id);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=ar/audit_owner

create table schema_migration (
  version integer not null,
  name text not null,
  sha256 text not null,
  applied_at timestamp with time zone not null default clock_timestamp()
);
constraint schema_migration_pkey PRIMARY KEY (version);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=r/audit_owner

create table workflow_execution_audit (
  id uuid not null,
  remediation_id text,
  workflow_id text,
  workflow_version text,
  container_image text,
  target_resource text,
  parameters jsonb,
  total_duration interval,
  pipelinerun_name text,
  phase text,
  outcome text,
  failure_reason text,
  failure_message text,
  skip_reason text,
  conflicting_wfe text,
  started_at timestamp with time zone,
  completed_at timestamp with time zone,
  correlation_id text,
  workflow_name text,
  total_steps integer,
  steps_completed integer,
  steps_failed integer,
  effectiveness_score numeric,
  rollbacks_performed integer,
  step_executions jsonb,
  adaptive_adjustments jsonb,
  status text,
  error_message text,
  created_at timestamp with time zone not null,
  created_at_source text not null,
  cluster text not null,
  namespace text,
  remediation_uid text,
  source_kind text,
  source_uid text,
  source_version bigint not null,
  source_shape text,
  recorded_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  revision integer not null,
  extra jsonb
) partition by RANGE (created_at);
CREATE INDEX workflow_execution_audit_created_at_idx ON ONLY public.workflow_execution_audit USING btree (created_at DESC, id DESC);
CREATE INDEX workflow_execution_audit_phase_idx ON ONLY public.workflow_execution_audit USING btree (phase, completed_at DESC);
CREATE INDEX workflow_execution_audit_remediation_id_idx ON ONLY public.workflow_execution_audit USING btree (remediation_id, created_at DESC);
CREATE INDEX workflow_execution_audit_remediation_uid_idx ON ONLY public.workflow_execution_audit USING btree (remediation_uid);
CREATE INDEX workflow_execution_audit_target_resource_idx ON ONLY public.workflow_execution_audit USING btree (target_resource, created_at DESC);
CREATE INDEX workflow_execution_audit_workflow_id_idx ON ONLY public.workflow_execution_audit USING btree (workflow_id, created_at DESC);
constraint workflow_execution_audit_effectiveness_score_check CHECK (((effectiveness_score >= (0)::numeric) AND (effectiveness_score <= (1)::numeric)));
constraint workflow_execution_audit_pkey PRIMARY KEY (id, created_at);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=arw/audit_owner

CREATE OR REPLACE FUNCTION public.audit_create_month(wanted date)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET lock_timeout TO '500ms'
AS $function$
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
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'the audit ledger is append-only: % on % is refused', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end
$function$;
