-- Written by `npm run schema:dump` from a migrated database. Do not edit.

create table ai_analysis_audit (
  id uuid not null,
  crd_name text,
  crd_namespace text,
  alert_fingerprint text,
  environment text,
  severity text,
  investigation_start timestamp with time zone,
  investigation_end timestamp with time zone,
  investigation_duration_ms bigint,
  root_cause_count integer,
  investigation_report text,
  analysis_start timestamp with time zone,
  analysis_end timestamp with time zone,
  analysis_duration_ms bigint,
  confidence_score numeric,
  hallucination_detected boolean,
  recommendation_start timestamp with time zone,
  recommendation_end timestamp with time zone,
  recommendations jsonb,
  top_recommendation text,
  effectiveness_probability numeric,
  historical_success_rate numeric,
  workflow_crd_name text,
  workflow_crd_namespace text,
  completion_status text,
  failure_reason text,
  agent_sessions jsonb,
  remediation_id text,
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
CREATE INDEX ai_analysis_audit_alert_fingerprint_idx ON ONLY public.ai_analysis_audit USING btree (alert_fingerprint, created_at DESC);
CREATE INDEX ai_analysis_audit_client_id_idx ON ONLY public.ai_analysis_audit USING btree ("left"((extra ->> 'client_id'::text), 36)) WHERE ((extra ->> 'client_id'::text) IS NOT NULL);
CREATE INDEX ai_analysis_audit_created_at_idx ON ONLY public.ai_analysis_audit USING btree (created_at);
CREATE INDEX ai_analysis_audit_environment_idx ON ONLY public.ai_analysis_audit USING btree (environment, created_at DESC);
CREATE INDEX ai_analysis_audit_remediation_id_idx ON ONLY public.ai_analysis_audit USING btree (remediation_id, created_at DESC);
CREATE INDEX ai_analysis_audit_remediation_uid_idx ON ONLY public.ai_analysis_audit USING btree (remediation_uid);
constraint ai_analysis_audit_confidence_score_check CHECK (((confidence_score >= (0)::numeric) AND (confidence_score <= (1)::numeric)));
constraint ai_analysis_audit_effectiveness_probability_check CHECK (((effectiveness_probability >= (0)::numeric) AND (effectiveness_probability <= (1)::numeric)));
constraint ai_analysis_audit_historical_success_rate_check CHECK (((historical_success_rate >= (0)::numeric) AND (historical_success_rate <= (1)::numeric)));
constraint ai_analysis_audit_pkey PRIMARY KEY (id, created_at);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=arw/audit_owner

create table ai_investigation_embeddings (
  id uuid not null,
  alert_fingerprint text,
  investigation_text text not null,
  embedding real[],
  root_cause text,
  confidence_score numeric,
  environment text,
  created_at timestamp with time zone not null,
  model text,
  dimension integer,
  cluster text not null,
  remediation_id text,
  remediation_uid text,
  updated_at timestamp with time zone not null default clock_timestamp()
);
CREATE INDEX ai_investigation_embeddings_alert_fingerprint_idx ON public.ai_investigation_embeddings USING btree (alert_fingerprint);
CREATE INDEX ai_investigation_embeddings_environment_idx ON public.ai_investigation_embeddings USING btree (environment);
CREATE INDEX ai_investigation_embeddings_remediation_uid_idx ON public.ai_investigation_embeddings USING btree (remediation_uid);
constraint ai_investigation_embeddings_confidence_score_check CHECK (((confidence_score >= (0)::numeric) AND (confidence_score <= (1)::numeric)));
constraint ai_investigation_embeddings_embedding_check CHECK (((cardinality(embedding) = 1536) AND (array_position(embedding, NULL::real) IS NULL)));
constraint ai_investigation_embeddings_pkey PRIMARY KEY (id);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=arw/audit_owner

create table audit_access (
  id bigint not null default nextval('audit_access_seq'::regclass),
  created_at timestamp with time zone not null,
  caller text not null,
  route text not null,
  filter jsonb,
  rows_returned bigint,
  request_id text,
  status integer,
  address text,
  times integer not null,
  noted_as text not null
) partition by RANGE (created_at);
CREATE INDEX audit_access_created_at_idx ON ONLY public.audit_access USING btree (created_at);
CREATE TRIGGER audit_access_append_only BEFORE DELETE OR UPDATE ON public.audit_access FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.audit_access FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
constraint audit_access_pkey PRIMARY KEY (id, created_at);

create table audit_cluster (
  cluster text not null,
  epoch bigint not null default 0,
  raised_by text,
  raised_at timestamp with time zone
);
constraint audit_cluster_epoch_check CHECK ((epoch >= 0));
constraint audit_cluster_pkey PRIMARY KEY (cluster);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=r/audit_owner

create table audit_hold (
  id uuid not null default gen_random_uuid(),
  cluster text,
  remediation_uid text,
  namespace text,
  target_resource text,
  from_time timestamp with time zone,
  to_time timestamp with time zone,
  reason text not null,
  placed_by text not null,
  placed_at timestamp with time zone not null default clock_timestamp(),
  released_by text,
  released_at timestamp with time zone
);
constraint audit_hold_pkey PRIMARY KEY (id);
constraint audit_hold_released_by_check CHECK ((num_nonnulls(released_by, released_at) = ANY (ARRAY[0, 2])));
constraint audit_hold_scope_check CHECK ((num_nonnulls(cluster, remediation_uid, namespace, target_resource, from_time, to_time) > 0));
constraint audit_hold_to_time_check CHECK ((to_time > from_time));
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=ar/audit_owner
-- privilege column released_at audit_writer=w/audit_owner
-- privilege column released_by audit_writer=w/audit_owner

create table audit_hold_archive (
  hold_id uuid not null,
  month date not null,
  state text not null,
  manifest text,
  objects integer not null default 0,
  changed_at timestamp with time zone not null default clock_timestamp()
);
constraint audit_hold_archive_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES audit_hold(id);
constraint audit_hold_archive_pkey PRIMARY KEY (hold_id, month);
constraint audit_hold_archive_state_check CHECK ((state = ANY (ARRAY['unmatched'::text, 'held'::text, 'unsupported'::text, 'released'::text])));
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=r/audit_owner

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
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.audit_ledger FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
constraint audit_ledger_pkey PRIMARY KEY (record_id, created_at, source_version, content_hash);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=ar/audit_owner
-- privilege sequence audit_ledger_seq audit_owner=rwU/audit_owner
-- privilege sequence audit_ledger_seq audit_writer=U/audit_owner

create table audit_partition (
  month date not null,
  state text not null default 'live'::text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  row_counts jsonb,
  manifest text,
  manifest_sha256 bytea,
  approved_by text,
  approved_at timestamp with time zone,
  approved_manifest_sha256 bytea,
  archived_at timestamp with time zone,
  detached_at timestamp with time zone,
  dropped_at timestamp with time zone,
  restored_at timestamp with time zone,
  restored_until timestamp with time zone,
  settled_manifest text,
  fault text,
  fault_at timestamp with time zone,
  restored_by text,
  expired_at timestamp with time zone,
  made_by text,
  made_at timestamp with time zone,
  export_run text,
  export_parts jsonb
);
constraint audit_partition_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric));
constraint audit_partition_pkey PRIMARY KEY (month);
constraint audit_partition_state_check CHECK ((state = ANY (ARRAY['live'::text, 'archiving'::text, 'archived'::text, 'detached'::text, 'dropped'::text, 'restored'::text, 'expired'::text])));
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=r/audit_owner
-- privilege column approved_at audit_writer=w/audit_owner
-- privilege column approved_by audit_writer=w/audit_owner
-- privilege column approved_manifest_sha256 audit_writer=w/audit_owner

create table audit_quarantine (
  id uuid not null default gen_random_uuid(),
  received_at timestamp with time zone not null default clock_timestamp(),
  table_name text not null,
  cluster text,
  remediation_uid text,
  reason text not null,
  sqlstate text,
  payload text not null,
  payload_hash bytea not null,
  last_refused_at timestamp with time zone not null default clock_timestamp(),
  refusals integer not null default 1,
  resolved_at timestamp with time zone,
  resolved_by text
);
CREATE INDEX audit_quarantine_open_idx ON public.audit_quarantine USING btree (received_at) WHERE (resolved_at IS NULL);
CREATE UNIQUE INDEX audit_quarantine_payload_key ON public.audit_quarantine USING btree (table_name, payload_hash);
constraint audit_quarantine_payload_key UNIQUE (table_name, payload_hash);
constraint audit_quarantine_pkey PRIMARY KEY (id);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=ar/audit_owner
-- privilege column last_refused_at audit_writer=w/audit_owner
-- privilege column reason audit_writer=w/audit_owner
-- privilege column refusals audit_writer=w/audit_owner
-- privilege column resolved_at audit_writer=w/audit_owner
-- privilege column resolved_by audit_writer=w/audit_owner
-- privilege column sqlstate audit_writer=w/audit_owner

create table kubernetes_execution_audit (
  id uuid not null,
  execution_id text,
  workflow_ref text,
  step_index integer,
  action_type text,
  action_parameters jsonb,
  target_namespace text,
  target_resource_kind text,
  target_resource_name text,
  success boolean,
  output text,
  error text,
  start_time timestamp with time zone,
  end_time timestamp with time zone,
  duration interval,
  job_name text,
  job_pod_name text,
  job_exit_code integer,
  job_resource_usage jsonb,
  retry_count integer,
  max_retries integer,
  completed_at timestamp with time zone,
  phase text,
  deleted_at timestamp with time zone,
  remediation_id text,
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
CREATE INDEX kubernetes_execution_audit_action_type_idx ON ONLY public.kubernetes_execution_audit USING btree (action_type, created_at DESC);
CREATE INDEX kubernetes_execution_audit_client_id_idx ON ONLY public.kubernetes_execution_audit USING btree ("left"((extra ->> 'client_id'::text), 36)) WHERE ((extra ->> 'client_id'::text) IS NOT NULL);
CREATE INDEX kubernetes_execution_audit_created_at_idx ON ONLY public.kubernetes_execution_audit USING btree (created_at);
CREATE INDEX kubernetes_execution_audit_execution_id_idx ON ONLY public.kubernetes_execution_audit USING btree (execution_id);
CREATE INDEX kubernetes_execution_audit_failed_idx ON ONLY public.kubernetes_execution_audit USING btree (completed_at DESC) WHERE (NOT success);
CREATE INDEX kubernetes_execution_audit_remediation_id_idx ON ONLY public.kubernetes_execution_audit USING btree (remediation_id, created_at DESC);
CREATE INDEX kubernetes_execution_audit_remediation_uid_idx ON ONLY public.kubernetes_execution_audit USING btree (remediation_uid);
CREATE INDEX kubernetes_execution_audit_target_resource_idx ON ONLY public.kubernetes_execution_audit USING btree (target_namespace text_pattern_ops, target_resource_kind, target_resource_name);
CREATE INDEX kubernetes_execution_audit_workflow_ref_idx ON ONLY public.kubernetes_execution_audit USING btree (workflow_ref, step_index);
constraint kubernetes_execution_audit_pkey PRIMARY KEY (id, created_at);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=arw/audit_owner

create table observed_resource (
  cluster text not null,
  source_uid text not null,
  kind text not null,
  namespace text not null,
  name text not null,
  remediation_uid text,
  source_version bigint not null,
  projection_hash bytea,
  phase text,
  first_seen timestamp with time zone not null,
  last_seen timestamp with time zone not null,
  deleted_at timestamp with time zone,
  phase_version bigint not null default 0
);
CREATE INDEX observed_resource_deleted_at_idx ON public.observed_resource USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);
CREATE INDEX observed_resource_open_idx ON public.observed_resource USING btree (cluster, kind) WHERE (deleted_at IS NULL);
CREATE INDEX observed_resource_remediation_uid_idx ON public.observed_resource USING btree (remediation_uid);
constraint observed_resource_pkey PRIMARY KEY (cluster, source_uid);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_watcher=r/audit_owner
-- privilege audit_writer=arw/audit_owner

create table record_home (
  id uuid not null,
  table_name text not null,
  created_at timestamp with time zone not null,
  is_final boolean not null
);
constraint record_home_pkey PRIMARY KEY (id);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=ar/audit_owner

create table record_move (
  id uuid not null,
  table_name text not null,
  from_created_at timestamp with time zone not null,
  to_created_at timestamp with time zone not null,
  entries integer not null,
  moved_at timestamp with time zone not null default clock_timestamp()
);
constraint record_move_pkey PRIMARY KEY (id);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=r/audit_owner

create table remediation_audit (
  id uuid not null,
  remediation_id text,
  signal_fingerprint text,
  signal_name text,
  severity text,
  signal_type text,
  signal_source text,
  signal_labels jsonb,
  target_kind text,
  target_name text,
  target_namespace text,
  overall_phase text,
  outcome text,
  failure_phase text,
  failure_reason text,
  workflow_id text,
  workflow_name text,
  workflow_version text,
  workflow_confidence numeric,
  approval_required boolean,
  approval_decision text,
  approval_decided_by text,
  approval_decided_via text,
  approval_decided_at timestamp with time zone,
  approval_override jsonb,
  verification_reason text,
  verification_health_score numeric,
  verification_alert_score numeric,
  verification_metrics_score numeric,
  pre_remediation_spec_hash text,
  post_remediation_spec_hash text,
  current_spec_hash text,
  notifications jsonb,
  investigation_sessions jsonb,
  started_at timestamp with time zone,
  completed_at timestamp with time zone,
  deleted_at timestamp with time zone,
  verdict text,
  final_state_unknown boolean,
  retention_expires_at timestamp with time zone,
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
CREATE INDEX remediation_audit_created_at_idx ON ONLY public.remediation_audit USING btree (created_at);
CREATE INDEX remediation_audit_open_idx ON ONLY public.remediation_audit USING btree (created_at) WHERE (verdict = 'open'::text);
CREATE INDEX remediation_audit_remediation_id_idx ON ONLY public.remediation_audit USING btree (remediation_id, created_at DESC);
CREATE INDEX remediation_audit_remediation_uid_idx ON ONLY public.remediation_audit USING btree (remediation_uid);
CREATE INDEX remediation_audit_signal_fingerprint_idx ON ONLY public.remediation_audit USING btree (signal_fingerprint, created_at DESC);
CREATE INDEX remediation_audit_target_namespace_idx ON ONLY public.remediation_audit USING btree (target_namespace, created_at DESC);
constraint remediation_audit_pkey PRIMARY KEY (id, created_at);
constraint remediation_audit_verification_alert_score_check CHECK (((verification_alert_score >= (0)::numeric) AND (verification_alert_score <= (1)::numeric)));
constraint remediation_audit_verification_health_score_check CHECK (((verification_health_score >= (0)::numeric) AND (verification_health_score <= (1)::numeric)));
constraint remediation_audit_verification_metrics_score_check CHECK (((verification_metrics_score >= (0)::numeric) AND (verification_metrics_score <= (1)::numeric)));
constraint remediation_audit_workflow_confidence_check CHECK (((workflow_confidence >= (0)::numeric) AND (workflow_confidence <= (1)::numeric)));
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=arw/audit_owner

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

create table signal_processing_audit (
  id uuid not null,
  remediation_id text,
  signal_fingerprint text,
  processing_phases jsonb,
  enrichment_quality numeric,
  enrichment_sources jsonb,
  context_size_bytes bigint,
  environment text,
  confidence numeric,
  business_criticality text,
  sla_requirement text,
  priority text,
  priority_score integer,
  routed_to_service text,
  routing_priority integer,
  completed_at timestamp with time zone,
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
CREATE INDEX signal_processing_audit_client_id_idx ON ONLY public.signal_processing_audit USING btree ("left"((extra ->> 'client_id'::text), 36)) WHERE ((extra ->> 'client_id'::text) IS NOT NULL);
CREATE INDEX signal_processing_audit_completed_at_idx ON ONLY public.signal_processing_audit USING btree (completed_at DESC);
CREATE INDEX signal_processing_audit_created_at_idx ON ONLY public.signal_processing_audit USING btree (created_at);
CREATE INDEX signal_processing_audit_remediation_id_idx ON ONLY public.signal_processing_audit USING btree (remediation_id, created_at DESC);
CREATE INDEX signal_processing_audit_remediation_uid_idx ON ONLY public.signal_processing_audit USING btree (remediation_uid);
CREATE INDEX signal_processing_audit_signal_fingerprint_idx ON ONLY public.signal_processing_audit USING btree (signal_fingerprint, completed_at DESC);
constraint signal_processing_audit_confidence_check CHECK (((confidence >= (0)::numeric) AND (confidence <= (1)::numeric)));
constraint signal_processing_audit_enrichment_quality_check CHECK (((enrichment_quality >= (0)::numeric) AND (enrichment_quality <= (1)::numeric)));
constraint signal_processing_audit_pkey PRIMARY KEY (id, created_at);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=arw/audit_owner

create table watched_cluster (
  cluster text not null,
  identity text,
  first_watched_at timestamp with time zone not null default clock_timestamp(),
  reported_at timestamp with time zone,
  report jsonb
);
constraint watched_cluster_pkey PRIMARY KEY (cluster);
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
  deleted_at timestamp with time zone,
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
CREATE INDEX workflow_execution_audit_client_id_idx ON ONLY public.workflow_execution_audit USING btree ("left"((extra ->> 'client_id'::text), 36)) WHERE ((extra ->> 'client_id'::text) IS NOT NULL);
CREATE INDEX workflow_execution_audit_correlation_id_idx ON ONLY public.workflow_execution_audit USING btree (correlation_id);
CREATE INDEX workflow_execution_audit_created_at_idx ON ONLY public.workflow_execution_audit USING btree (created_at);
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

create view audit_block as
 SELECT block.cluster,
    block.namespace,
    block.remediation_id,
    block.remediation_uid,
    block.skip_reason,
    block.conflicting_wfe,
    block.id AS record_id,
    block.created_at,
    sighting.first_seen,
    sighting.last_seen,
    sighting.sightings
   FROM (workflow_execution_audit block
     CROSS JOIN LATERAL ( SELECT min(entry.observed_at) AS first_seen,
            max(entry.observed_at) AS last_seen,
            count(DISTINCT entry.source_version) AS sightings
           FROM audit_ledger entry
          WHERE ((entry.record_id = block.id) AND (entry.created_at = block.created_at) AND (entry.phase = 'skip'::text))) sighting)
  WHERE (block.phase = 'Skipped'::text);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=r/audit_owner

CREATE OR REPLACE FUNCTION public.audit_cluster_epoch(wanted_cluster text)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  return coalesce((select known.epoch from audit_cluster as known where known.cluster = wanted_cluster), 0);
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_watcher=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_create_month(wanted date, poster text DEFAULT NULL::text, may_revive boolean DEFAULT true, most_per_day integer DEFAULT NULL::integer)
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
  was     text;
begin
  wanted := date_trunc('month', wanted)::date;
  -- The same bounds stand in domain/limits.ts; a month outside them is a typing error, not a record.
  if wanted < date '2015-01-01' or wanted > (date_trunc('month', now()) + interval '24 months')::date then
    raise exception 'no partition for %: outside 2015-01 … 24 months ahead', to_char(wanted, 'YYYY-MM')
      using errcode = 'datetime_field_overflow';
  end if;

  -- Two writers may miss the same month at once; the second waits and finds it made. Retention drops under it too.
  perform pg_advisory_xact_lock(hashtext('audit_create_month'), (wanted - date '2000-01-01'));

  if poster is not null then
    select known.state into was from audit_partition as known where known.month = wanted;
    if not may_revive then
      perform audit_require_open_months(array[wanted]);
    end if;
    if most_per_day is not null and (was is null or was not in ('live', 'archiving')) then
      -- Posters are counted one after the other: two of their months at once must not both be the last one allowed.
      perform pg_advisory_xact_lock(hashtext('audit_create_month'), hashtext(poster));
      if (select count(*) from audit_partition as known
          where known.made_by = poster and known.made_at > clock_timestamp() - interval '24 hours') >= most_per_day then
        raise exception '% has made % months in 24 hours, and no more are allowed', poster, most_per_day
          using errcode = 'RA002';
      end if;
    end if;
  end if;

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
    if to_regclass(format('public.%I', child)) is null then
      execute format(
        'create table %I (like %I including defaults including constraints including generated including storage)',
        child, parent.relname);
    end if;
    execute format(
      'alter table %I attach partition %I for values from (%L) to (%L)',
      parent.relname, child,
      to_char(wanted, 'YYYY-MM-DD" 00:00:00+00"'),
      to_char((wanted + interval '1 month')::date, 'YYYY-MM-DD" 00:00:00+00"'));
    if parent.relname in ('audit_ledger', 'audit_access') then
      perform audit_guard_append_only(child::regclass);
    end if;
    made := true;
  end loop;

  insert into audit_partition (month, made_by, made_at) values (wanted, poster, clock_timestamp())
  on conflict (month) do update set
    state = 'live', approved_by = null, approved_at = null, approved_manifest_sha256 = null, detached_at = null,
    updated_at = clock_timestamp(), made_by = poster, made_at = clock_timestamp()
  where made and audit_partition.state in ('archived', 'detached', 'dropped', 'restored', 'expired');
  return made;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_fix_locations(ids uuid[], targets timestamp with time zone[])
 RETURNS TABLE(id uuid, created_at timestamp with time zone)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
#variable_conflict use_column
declare
  wanted   record;
  known    record;
  entries  integer;
  instant_format constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
begin
  for wanted in
    select asked.id, asked.target
    from unnest(ids, targets) as asked (id, target)
    order by asked.id
  loop
    if wanted.target is null then
      select * into known from record_home as home where home.id = wanted.id for share;
    else
      select * into known from record_home as home where home.id = wanted.id for update;
    end if;
    continue when not found;

    if wanted.target is not null and not known.is_final then
      if known.created_at <> wanted.target then
        insert into audit_ledger (record_id, created_at, source_version, content_hash, recorded_at, observed_at, table_name,
          cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
        select entry.record_id, wanted.target, entry.source_version, entry.content_hash, entry.recorded_at, entry.observed_at,
          entry.table_name, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt,
          entry.payload_hash,
          -- Byte for byte the leaf of identity/identities.ts.
          sha256('\x00'::bytea || convert_to(
            '{"actor":' || to_json(entry.actor) || ',"cluster":' || to_json(entry.cluster)
            || ',"created_at":"' || to_char(wanted.target, instant_format)
            || '","observed_at":"' || to_char(entry.observed_at, instant_format)
            || '","payload_hash":"' || encode(entry.payload_hash, 'hex')
            || '","phase":"' || entry.phase || '","record_id":"' || entry.record_id
            || '","remediation_uid":' || coalesce(to_json(entry.remediation_uid)::text, 'null')
            || ',"source_version":"' || entry.source_version || '","table":"' || entry.table_name || '","v":1}',
            'UTF8'))
        from audit_ledger as entry
        where entry.record_id = wanted.id and entry.created_at = known.created_at
        order by entry.source_version, entry.content_hash;
        get diagnostics entries = row_count;
        insert into record_move (id, table_name, from_created_at, to_created_at, entries)
        values (wanted.id, known.table_name, known.created_at, wanted.target, entries);
      end if;
      execute format(
        $update$update %I set created_at = $1, created_at_source = 'resource' where id = $2 and created_at = $3$update$,
        known.table_name) using wanted.target, wanted.id, known.created_at;
      update record_home as home set created_at = wanted.target, is_final = true where home.id = wanted.id;
      known.created_at := wanted.target;
    end if;
    id := known.id;
    created_at := known.created_at;
    return next;
  end loop;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_gaps(wanted_cluster text, overdue_seconds integer)
 RETURNS TABLE(cluster text, reason text, remediation_uid text, namespace text, name text, since timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  return query
  with gap as (
    select request.cluster, 'without-verdict' as reason, request.source_uid as remediation_uid, request.namespace, request.name,
      request.deleted_at as since
    from observed_resource as request
    left join remediation_audit as remediation
      on remediation.cluster = request.cluster
      and remediation.remediation_uid = request.source_uid
    where request.kind = 'RemediationRequest'
      and request.deleted_at is not null
      and coalesce(remediation.verdict, 'open') = 'open'
    union all
    select child.cluster, 'remediation-unseen', child.remediation_uid, child.namespace, child.name, child.first_seen
    from observed_resource as child
    where child.kind <> 'RemediationRequest'
      and not exists (
        select 1
        from observed_resource as request
        where request.cluster = child.cluster
          and request.source_uid = child.remediation_uid
      )
    union all
    select open.cluster, 'overdue', open.remediation_uid, open.namespace, open.remediation_id, open.started_at
    from remediation_audit as open
    where coalesce(open.verdict, 'open') = 'open'
      and coalesce(open.started_at, open.created_at) < clock_timestamp() - make_interval(secs => overdue_seconds)
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
  where wanted_cluster in ('', gap.cluster);
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_reader=X/audit_owner
-- privilege audit_watcher=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_guard_append_only(guarded regclass)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  execute format(
    'create or replace trigger audit_no_truncate before truncate on %s
     for each statement execute function audit_refuse_change()', guarded);
end
$function$;
-- privilege audit_owner=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_note_access(caller text, route text, filter jsonb, rows_returned bigint, request_id text, status integer, address text, times integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare
  noted timestamptz := clock_timestamp();
begin
  if times < 1 then
    raise exception 'a note of % reads by % stands for none', times, caller using errcode = 'invalid_parameter_value';
  end if;
  for attempt in 1..2 loop
    begin
      insert into audit_access (
        created_at, caller, route, filter, rows_returned, request_id, status, address, times, noted_as)
      values (noted, caller, route, filter, rows_returned, request_id, status, address, times, session_user);
      return;
    exception when check_violation then
      if attempt = 2 then
        raise;
      end if;
      perform audit_create_month((noted at time zone 'UTC')::date);
    end;
  end loop;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_reader=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception '% is append-only: % is refused', tg_table_name, tg_op
    using errcode = 'insufficient_privilege';
end
$function$;

CREATE OR REPLACE FUNCTION public.audit_register_cluster(wanted_cluster text, wanted_identity text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare
  known_identity  text;
begin
  insert into watched_cluster as known (cluster, identity)
  values (wanted_cluster, wanted_identity)
  on conflict (cluster) do update set
    identity = coalesce(known.identity, excluded.identity)
  returning known.identity into known_identity;
  return known_identity;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_watcher=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_report_cluster(wanted_cluster text, wanted_report jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  insert into watched_cluster as known (cluster, reported_at, report)
  values (wanted_cluster, clock_timestamp(), wanted_report)
  on conflict (cluster) do update set
    reported_at = excluded.reported_at,
    report = excluded.report;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_watcher=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_require_open_months(wanted date[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  closed record;
begin
  select known.month, known.state into closed
  from audit_partition as known
  where known.month = any(wanted) and known.state not in ('live', 'archiving')
  order by known.month
  limit 1;
  if found then
    raise exception 'month % is %', to_char(closed.month, 'YYYY-MM'), closed.state using errcode = 'RA001';
  end if;
end
$function$;

CREATE OR REPLACE FUNCTION public.audit_use_vector()
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
begin
  if not exists (select from pg_available_extensions where name = 'vector') then
    return false;
  end if;
  begin
    create extension if not exists vector;
  exception when insufficient_privilege then
    raise notice 'embeddings stay real[]: create extension vector needs an administrator';
    return false;
  end;
  if (select atttypid::regtype::text from pg_attribute
      where attrelid = 'ai_investigation_embeddings'::regclass and attname = 'embedding') = 'real[]' then
    alter table ai_investigation_embeddings drop constraint ai_investigation_embeddings_embedding_check;
    alter table ai_investigation_embeddings alter column embedding type vector(1536) using embedding::vector(1536);
  end if;
  return true;
end
$function$;
-- privilege audit_owner=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_verdicts(wanted_cluster text)
 RETURNS TABLE(cluster text, verdict text, remediations integer)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  return query
  select remediation.cluster, coalesce(remediation.verdict, 'open'), count(*)::integer
  from remediation_audit as remediation
  where wanted_cluster in ('', remediation.cluster)
  group by 1, 2
  order by 1, 2;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_reader=X/audit_owner
-- privilege audit_watcher=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_watched_clusters(wanted_cluster text)
 RETURNS TABLE(cluster text, first_watched_at timestamp with time zone, reported_at timestamp with time zone, report jsonb)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  return query
  select watched.cluster, watched.first_watched_at, watched.reported_at, watched.report
  from watched_cluster as watched
  where wanted_cluster in ('', watched.cluster)
  order by watched.cluster;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_reader=X/audit_owner
-- privilege audit_watcher=X/audit_owner
-- privilege audit_writer=X/audit_owner
