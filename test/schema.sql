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
-- privilege audit_writer=r/audit_owner

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
-- privilege audit_writer=r/audit_owner

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
-- privilege audit_writer=r/audit_owner

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
-- privilege audit_writer=r/audit_owner
-- privilege sequence audit_ledger_seq audit_owner=rwU/audit_owner
-- privilege sequence audit_ledger_seq audit_reader=r/audit_owner

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
  revoked_by text,
  revoked_at timestamp with time zone,
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
-- privilege audit_writer=r/audit_owner

create table audit_restore_request (
  month date not null,
  days integer not null,
  requested_by text not null,
  requested_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone not null
);
constraint audit_restore_request_days_check CHECK ((days > 0));
constraint audit_restore_request_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric));
constraint audit_restore_request_pkey PRIMARY KEY (month);

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
CREATE INDEX kubernetes_execution_audit_completed_at_idx ON ONLY public.kubernetes_execution_audit USING brin (completed_at) WITH (pages_per_range='16', autosummarize='on');
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
-- privilege audit_writer=r/audit_owner

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
  phase_version bigint not null default 0,
  unmatched boolean not null default true
);
CREATE INDEX observed_resource_deleted_at_idx ON public.observed_resource USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);
CREATE INDEX observed_resource_open_idx ON public.observed_resource USING btree (cluster, kind) WHERE (deleted_at IS NULL);
CREATE INDEX observed_resource_remediation_uid_idx ON public.observed_resource USING btree (remediation_uid);
CREATE INDEX observed_resource_unmatched_idx ON public.observed_resource USING btree (cluster, kind) WHERE unmatched;
constraint observed_resource_pkey PRIMARY KEY (cluster, source_uid);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_watcher=r/audit_owner
-- privilege audit_writer=r/audit_owner

create table record_alias (
  table_name text not null,
  given_by text not null,
  id uuid not null,
  record_id uuid not null,
  since timestamp with time zone
);
CREATE UNIQUE INDEX record_alias_resource_idx ON public.record_alias USING btree (table_name, record_id) WHERE (given_by = 'resource'::text);
constraint record_alias_given_by_check CHECK ((given_by = ANY (ARRAY['client'::text, 'source'::text, 'resource'::text])));
constraint record_alias_pkey PRIMARY KEY (table_name, id, given_by);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=r/audit_owner

create table record_home (
  id uuid not null,
  table_name text not null,
  created_at timestamp with time zone not null,
  is_final boolean not null
);
constraint record_home_pkey PRIMARY KEY (id);
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=r/audit_owner

create table record_move (
  id uuid not null,
  table_name text not null,
  from_created_at timestamp with time zone not null,
  to_created_at timestamp with time zone not null,
  entries integer not null,
  moved_at timestamp with time zone not null default clock_timestamp(),
  left_behind boolean not null
);
CREATE INDEX record_move_left_behind_idx ON public.record_move USING btree (table_name, from_created_at, id) WHERE left_behind;
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
CREATE INDEX remediation_audit_open_idx ON ONLY public.remediation_audit USING btree (created_at) WHERE ((verdict = 'open'::text) OR (verdict IS NULL));
CREATE INDEX remediation_audit_remediation_id_idx ON ONLY public.remediation_audit USING btree (remediation_id, created_at DESC);
CREATE INDEX remediation_audit_remediation_uid_idx ON ONLY public.remediation_audit USING btree (remediation_uid);
CREATE INDEX remediation_audit_signal_fingerprint_idx ON ONLY public.remediation_audit USING btree (signal_fingerprint, created_at DESC);
CREATE INDEX remediation_audit_target_name_idx ON ONLY public.remediation_audit USING btree (target_name, created_at DESC);
CREATE INDEX remediation_audit_target_namespace_idx ON ONLY public.remediation_audit USING btree (target_namespace, created_at DESC);
CREATE INDEX remediation_audit_unseen_end_idx ON ONLY public.remediation_audit USING btree (created_at) WHERE (final_state_unknown AND (verdict = 'deleted-before-terminal'::text));
constraint remediation_audit_pkey PRIMARY KEY (id, created_at);
constraint remediation_audit_verification_alert_score_check CHECK (((verification_alert_score >= (0)::numeric) AND (verification_alert_score <= (1)::numeric)));
constraint remediation_audit_verification_health_score_check CHECK (((verification_health_score >= (0)::numeric) AND (verification_health_score <= (1)::numeric)));
constraint remediation_audit_verification_metrics_score_check CHECK (((verification_metrics_score >= (0)::numeric) AND (verification_metrics_score <= (1)::numeric)));
constraint remediation_audit_workflow_confidence_check CHECK (((workflow_confidence >= (0)::numeric) AND (workflow_confidence <= (1)::numeric)));
-- privilege audit_owner=arwdDxtm/audit_owner
-- privilege audit_reader=r/audit_owner
-- privilege audit_writer=r/audit_owner

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
-- privilege audit_writer=r/audit_owner

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
  execution_name text,
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
-- privilege audit_writer=r/audit_owner

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

CREATE OR REPLACE FUNCTION public.audit_approve_drop(wanted date, who text, states text[])
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  update audit_partition as known
  set approved_by = who, approved_at = clock_timestamp(), approved_manifest_sha256 = known.manifest_sha256
  where known.month = wanted and known.state = any(states);
  return found;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_claim_records(text[], uuid[], uuid[], uuid[], uuid[], timestamp with time zone[], boolean[], boolean[], uuid[], text[], timestamp with time zone[], boolean[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if (
    select count(*) filter (where found.is_new)
    from audit_find_records($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) as found
  ) <> cardinality($9) then
    raise exception 'a record is known already' using errcode = 'RA003';
  end if;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

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
  is_old  boolean := false;
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
    else
      is_old := true;
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
  if is_old then
    perform audit_remove_moved_rows(wanted);
  end if;

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

CREATE OR REPLACE FUNCTION public.audit_embed_investigation(analysis_id uuid, analysis_created_at timestamp with time zone, embedded_text text, embedding text, used_model text, used_dimension integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  -- An array or a vector, as the column is on this server.
  execute format('
    insert into ai_investigation_embeddings as stored
      (id, alert_fingerprint, investigation_text, embedding, root_cause, confidence_score, environment, created_at,
       model, dimension, cluster, remediation_id, remediation_uid)
    select analysis.id, analysis.alert_fingerprint, $3, $4::%s, analysis.extra ->> ''root_cause'',
      analysis.confidence_score, analysis.environment, analysis.created_at, $5, $6, analysis.cluster,
      analysis.remediation_id, analysis.remediation_uid
    from ai_analysis_audit as analysis
    where analysis.id = $1 and analysis.created_at = $2
    on conflict (id) do update set
      alert_fingerprint = excluded.alert_fingerprint,
      investigation_text = excluded.investigation_text,
      embedding = excluded.embedding,
      root_cause = excluded.root_cause,
      confidence_score = excluded.confidence_score,
      environment = excluded.environment,
      model = excluded.model,
      dimension = excluded.dimension,
      remediation_id = excluded.remediation_id,
      remediation_uid = excluded.remediation_uid,
      updated_at = clock_timestamp()',
    (select format_type(atttypid, -1) from pg_attribute
     where attrelid = 'ai_investigation_embeddings'::regclass and attname = 'embedding'))
  using analysis_id, analysis_created_at, embedded_text, embedding, used_model, used_dimension;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_find_records(text[], uuid[], uuid[], uuid[], uuid[], timestamp with time zone[], boolean[], boolean[], uuid[], text[], timestamp with time zone[], boolean[])
 RETURNS TABLE(id uuid, created_at timestamp with time zone, is_final boolean, is_new boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if $1 <> '{}' then
    perform from audit_resolve_records($1, $2, $3, $4, $5, $6, $7, $8);
    if found then
      return;
    end if;
  end if;
  return query select * from audit_locate_records($9, $10, $11, $12);
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
  wanted      record;
  known       record;
  entries     integer;
  moved_rows  integer;
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
        -- Whoever attaches the old month removes the rows that were moved away meanwhile: it must not do so beside this.
        perform pg_advisory_xact_lock_shared(
          hashtext('audit_create_month'), (date_trunc('month', known.created_at)::date - date '2000-01-01'));
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
      end if;
      execute format(
        $update$update %I set created_at = $1, created_at_source = 'resource' where id = $2 and created_at = $3$update$,
        known.table_name) using wanted.target, wanted.id, known.created_at;
      get diagnostics moved_rows = row_count;
      if known.created_at <> wanted.target then
        insert into record_move (id, table_name, from_created_at, to_created_at, entries, left_behind)
        values (wanted.id, known.table_name, known.created_at, wanted.target, entries,
          moved_rows = 0 or exists (
            select from audit_partition as month
            where month.month = date_trunc('month', known.created_at)::date and month.settled_manifest is not null));
      end if;
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
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select gap.cluster, gap.reason, gap.remediation_uid, gap.namespace, gap.name, gap.since
  from audit_gaps(wanted_cluster, overdue_seconds, null) as gap
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_reader=X/audit_owner
-- privilege audit_watcher=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_gaps(wanted_cluster text, overdue_seconds integer, wanted_uid text)
 RETURNS TABLE(cluster text, reason text, remediation_uid text, namespace text, name text, since timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
begin
  return query
  with gap as (
    select request.cluster, 'without-verdict' as reason, request.source_uid as remediation_uid, request.namespace, request.name,
      request.deleted_at as since
    from remediation_audit as open
    join observed_resource as request
      on request.cluster = open.cluster
      and request.source_uid = open.remediation_uid
    where (open.verdict = 'open' or open.verdict is null)
      and request.kind = 'RemediationRequest'
      and request.deleted_at is not null
      and (wanted_uid is null or open.remediation_uid = wanted_uid)
    union all
    select request.cluster, 'without-verdict', request.source_uid, request.namespace, request.name, request.deleted_at
    from observed_resource as request
    where request.unmatched
      and request.kind = 'RemediationRequest'
      and request.deleted_at is not null
      and (wanted_uid is null or request.source_uid = wanted_uid)
      and not exists (
        select 1
        from remediation_audit as remediation
        where remediation.cluster = request.cluster
          and remediation.remediation_uid = request.source_uid
      )
    union all
    select child.cluster, 'remediation-unseen', child.remediation_uid, child.namespace, child.name, child.first_seen
    from observed_resource as child
    where child.unmatched
      and child.kind <> 'RemediationRequest'
      and (wanted_uid is null or child.remediation_uid = wanted_uid)
      and not exists (
        select 1
        from observed_resource as request
        where request.cluster = child.cluster
          and request.source_uid = child.remediation_uid
      )
    union all
    select open.cluster, 'overdue', open.remediation_uid, open.namespace, open.remediation_id, open.started_at
    from remediation_audit as open
    where (open.verdict = 'open' or open.verdict is null)
      and coalesce(open.started_at, open.created_at) < clock_timestamp() - make_interval(secs => overdue_seconds)
      and (wanted_uid is null or open.remediation_uid = wanted_uid)
    union all
    select gone.cluster, 'final-state-unknown', gone.remediation_uid, gone.namespace, gone.remediation_id, gone.deleted_at
    from remediation_audit as gone
    where gone.final_state_unknown
      and gone.verdict = 'deleted-before-terminal'
      and (wanted_uid is null or gone.remediation_uid = wanted_uid)
    union all
    select aside.cluster, 'quarantined', aside.remediation_uid, null, null, aside.received_at
    from audit_quarantine as aside
    where aside.resolved_at is null
      and (wanted_uid is null or aside.remediation_uid = wanted_uid)
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

CREATE OR REPLACE FUNCTION public.audit_insert_ai_analysis_audit(uuid[], timestamp with time zone[], bigint[], bytea[], timestamp with time zone[], text[], text[], text[], text[], text[], bytea[], bytea[], bytea[], text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  with entry as materialized (
    select "record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash", "created_at_source"
    from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[], $14::text[]) as entry ("record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash", "created_at_source")
  ), appended as (
    insert into audit_ledger (table_name, record_id, created_at, source_version, content_hash, observed_at, cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
    select 'ai_analysis_audit', entry.record_id, entry.created_at, entry.source_version, entry.content_hash, entry.observed_at, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt, entry.payload_hash, entry.leaf_hash
    from entry
  )
  insert into "ai_analysis_audit" (
    id, created_at, created_at_source, cluster, source_version, revision, "crd_name", "crd_namespace", "alert_fingerprint", "environment", "severity", "investigation_start", "investigation_end", "investigation_duration_ms", "root_cause_count", "investigation_report", "analysis_start", "analysis_end", "analysis_duration_ms", "confidence_score", "hallucination_detected", "recommendation_start", "recommendation_end", "recommendations", "top_recommendation", "effectiveness_probability", "historical_success_rate", "workflow_crd_name", "workflow_crd_namespace", "completion_status", "failure_reason", "agent_sessions", "remediation_id", "namespace", "remediation_uid", "source_kind", "source_uid", "source_shape", "extra")
  select entry.record_id, entry.created_at, entry.created_at_source, entry.cluster, entry.source_version, 1,
    content."crd_name", content."crd_namespace", content."alert_fingerprint", content."environment", content."severity", content."investigation_start", content."investigation_end", content."investigation_duration_ms", content."root_cause_count", content."investigation_report", content."analysis_start", content."analysis_end", content."analysis_duration_ms", content."confidence_score", content."hallucination_detected", content."recommendation_start", content."recommendation_end", content."recommendations", content."top_recommendation", content."effectiveness_probability", content."historical_success_rate", content."workflow_crd_name", content."workflow_crd_namespace", content."completion_status", content."failure_reason", content."agent_sessions", content."remediation_id", content."namespace", content."remediation_uid", content."source_kind", content."source_uid", content."source_shape", content."extra"
  from entry
  cross join lateral json_to_record(entry.canonical::json) as content ("crd_name" text, "crd_namespace" text, "alert_fingerprint" text, "environment" text, "severity" text, "investigation_start" timestamptz, "investigation_end" timestamptz, "investigation_duration_ms" bigint, "root_cause_count" integer, "investigation_report" text, "analysis_start" timestamptz, "analysis_end" timestamptz, "analysis_duration_ms" bigint, "confidence_score" numeric, "hallucination_detected" boolean, "recommendation_start" timestamptz, "recommendation_end" timestamptz, "recommendations" jsonb, "top_recommendation" text, "effectiveness_probability" numeric, "historical_success_rate" numeric, "workflow_crd_name" text, "workflow_crd_namespace" text, "completion_status" text, "failure_reason" text, "agent_sessions" jsonb, "remediation_id" text, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb);
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_insert_kubernetes_execution_audit(uuid[], timestamp with time zone[], bigint[], bytea[], timestamp with time zone[], text[], text[], text[], text[], text[], bytea[], bytea[], bytea[], text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  with entry as materialized (
    select "record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash", "created_at_source"
    from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[], $14::text[]) as entry ("record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash", "created_at_source")
  ), appended as (
    insert into audit_ledger (table_name, record_id, created_at, source_version, content_hash, observed_at, cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
    select 'kubernetes_execution_audit', entry.record_id, entry.created_at, entry.source_version, entry.content_hash, entry.observed_at, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt, entry.payload_hash, entry.leaf_hash
    from entry
  )
  insert into "kubernetes_execution_audit" (
    id, created_at, created_at_source, cluster, source_version, revision, "execution_id", "workflow_ref", "step_index", "action_type", "action_parameters", "target_namespace", "target_resource_kind", "target_resource_name", "success", "output", "error", "start_time", "end_time", "duration", "job_name", "job_pod_name", "job_exit_code", "job_resource_usage", "retry_count", "max_retries", "completed_at", "phase", "deleted_at", "remediation_id", "namespace", "remediation_uid", "source_kind", "source_uid", "source_shape", "extra")
  select entry.record_id, entry.created_at, entry.created_at_source, entry.cluster, entry.source_version, 1,
    content."execution_id", content."workflow_ref", content."step_index", content."action_type", content."action_parameters", content."target_namespace", content."target_resource_kind", content."target_resource_name", content."success", content."output", content."error", content."start_time", content."end_time", content."duration", content."job_name", content."job_pod_name", content."job_exit_code", content."job_resource_usage", content."retry_count", content."max_retries", content."completed_at", content."phase", content."deleted_at", content."remediation_id", content."namespace", content."remediation_uid", content."source_kind", content."source_uid", content."source_shape", content."extra"
  from entry
  cross join lateral json_to_record(entry.canonical::json) as content ("execution_id" text, "workflow_ref" text, "step_index" integer, "action_type" text, "action_parameters" jsonb, "target_namespace" text, "target_resource_kind" text, "target_resource_name" text, "success" boolean, "output" text, "error" text, "start_time" timestamptz, "end_time" timestamptz, "duration" interval, "job_name" text, "job_pod_name" text, "job_exit_code" integer, "job_resource_usage" jsonb, "retry_count" integer, "max_retries" integer, "completed_at" timestamptz, "phase" text, "deleted_at" timestamptz, "remediation_id" text, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb);
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_insert_remediation_audit(uuid[], timestamp with time zone[], bigint[], bytea[], timestamp with time zone[], text[], text[], text[], text[], text[], bytea[], bytea[], bytea[], text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  with entry as materialized (
    select "record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash", "created_at_source"
    from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[], $14::text[]) as entry ("record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash", "created_at_source")
  ), appended as (
    insert into audit_ledger (table_name, record_id, created_at, source_version, content_hash, observed_at, cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
    select 'remediation_audit', entry.record_id, entry.created_at, entry.source_version, entry.content_hash, entry.observed_at, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt, entry.payload_hash, entry.leaf_hash
    from entry
  )
  insert into "remediation_audit" (
    id, created_at, created_at_source, cluster, source_version, revision, "remediation_id", "signal_fingerprint", "signal_name", "severity", "signal_type", "signal_source", "signal_labels", "target_kind", "target_name", "target_namespace", "overall_phase", "outcome", "failure_phase", "failure_reason", "workflow_id", "workflow_name", "workflow_version", "workflow_confidence", "approval_required", "approval_decision", "approval_decided_by", "approval_decided_via", "approval_decided_at", "approval_override", "verification_reason", "verification_health_score", "verification_alert_score", "verification_metrics_score", "pre_remediation_spec_hash", "post_remediation_spec_hash", "current_spec_hash", "notifications", "investigation_sessions", "started_at", "completed_at", "deleted_at", "verdict", "final_state_unknown", "retention_expires_at", "namespace", "remediation_uid", "source_kind", "source_uid", "source_shape", "extra")
  select entry.record_id, entry.created_at, entry.created_at_source, entry.cluster, entry.source_version, 1,
    content."remediation_id", content."signal_fingerprint", content."signal_name", content."severity", content."signal_type", content."signal_source", content."signal_labels", content."target_kind", content."target_name", content."target_namespace", content."overall_phase", content."outcome", content."failure_phase", content."failure_reason", content."workflow_id", content."workflow_name", content."workflow_version", content."workflow_confidence", content."approval_required", content."approval_decision", content."approval_decided_by", content."approval_decided_via", content."approval_decided_at", content."approval_override", content."verification_reason", content."verification_health_score", content."verification_alert_score", content."verification_metrics_score", content."pre_remediation_spec_hash", content."post_remediation_spec_hash", content."current_spec_hash", content."notifications", content."investigation_sessions", content."started_at", content."completed_at", content."deleted_at", content."verdict", content."final_state_unknown", content."retention_expires_at", content."namespace", content."remediation_uid", content."source_kind", content."source_uid", content."source_shape", content."extra"
  from entry
  cross join lateral json_to_record(entry.canonical::json) as content ("remediation_id" text, "signal_fingerprint" text, "signal_name" text, "severity" text, "signal_type" text, "signal_source" text, "signal_labels" jsonb, "target_kind" text, "target_name" text, "target_namespace" text, "overall_phase" text, "outcome" text, "failure_phase" text, "failure_reason" text, "workflow_id" text, "workflow_name" text, "workflow_version" text, "workflow_confidence" numeric, "approval_required" boolean, "approval_decision" text, "approval_decided_by" text, "approval_decided_via" text, "approval_decided_at" timestamptz, "approval_override" jsonb, "verification_reason" text, "verification_health_score" numeric, "verification_alert_score" numeric, "verification_metrics_score" numeric, "pre_remediation_spec_hash" text, "post_remediation_spec_hash" text, "current_spec_hash" text, "notifications" jsonb, "investigation_sessions" jsonb, "started_at" timestamptz, "completed_at" timestamptz, "deleted_at" timestamptz, "verdict" text, "final_state_unknown" boolean, "retention_expires_at" timestamptz, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb);
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_insert_signal_processing_audit(uuid[], timestamp with time zone[], bigint[], bytea[], timestamp with time zone[], text[], text[], text[], text[], text[], bytea[], bytea[], bytea[], text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  with entry as materialized (
    select "record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash", "created_at_source"
    from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[], $14::text[]) as entry ("record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash", "created_at_source")
  ), appended as (
    insert into audit_ledger (table_name, record_id, created_at, source_version, content_hash, observed_at, cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
    select 'signal_processing_audit', entry.record_id, entry.created_at, entry.source_version, entry.content_hash, entry.observed_at, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt, entry.payload_hash, entry.leaf_hash
    from entry
  )
  insert into "signal_processing_audit" (
    id, created_at, created_at_source, cluster, source_version, revision, "remediation_id", "signal_fingerprint", "processing_phases", "enrichment_quality", "enrichment_sources", "context_size_bytes", "environment", "confidence", "business_criticality", "sla_requirement", "priority", "priority_score", "routed_to_service", "routing_priority", "completed_at", "status", "error_message", "namespace", "remediation_uid", "source_kind", "source_uid", "source_shape", "extra")
  select entry.record_id, entry.created_at, entry.created_at_source, entry.cluster, entry.source_version, 1,
    content."remediation_id", content."signal_fingerprint", content."processing_phases", content."enrichment_quality", content."enrichment_sources", content."context_size_bytes", content."environment", content."confidence", content."business_criticality", content."sla_requirement", content."priority", content."priority_score", content."routed_to_service", content."routing_priority", content."completed_at", content."status", content."error_message", content."namespace", content."remediation_uid", content."source_kind", content."source_uid", content."source_shape", content."extra"
  from entry
  cross join lateral json_to_record(entry.canonical::json) as content ("remediation_id" text, "signal_fingerprint" text, "processing_phases" jsonb, "enrichment_quality" numeric, "enrichment_sources" jsonb, "context_size_bytes" bigint, "environment" text, "confidence" numeric, "business_criticality" text, "sla_requirement" text, "priority" text, "priority_score" integer, "routed_to_service" text, "routing_priority" integer, "completed_at" timestamptz, "status" text, "error_message" text, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb);
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_insert_workflow_execution_audit(uuid[], timestamp with time zone[], bigint[], bytea[], timestamp with time zone[], text[], text[], text[], text[], text[], bytea[], bytea[], bytea[], text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  with entry as materialized (
    select "record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash", "created_at_source"
    from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[], $14::text[]) as entry ("record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash", "created_at_source")
  ), appended as (
    insert into audit_ledger (table_name, record_id, created_at, source_version, content_hash, observed_at, cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
    select 'workflow_execution_audit', entry.record_id, entry.created_at, entry.source_version, entry.content_hash, entry.observed_at, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt, entry.payload_hash, entry.leaf_hash
    from entry
  )
  insert into "workflow_execution_audit" (
    id, created_at, created_at_source, cluster, source_version, revision, "remediation_id", "workflow_id", "workflow_version", "container_image", "target_resource", "parameters", "total_duration", "pipelinerun_name", "phase", "outcome", "failure_reason", "failure_message", "skip_reason", "conflicting_wfe", "started_at", "completed_at", "correlation_id", "workflow_name", "total_steps", "steps_completed", "steps_failed", "effectiveness_score", "rollbacks_performed", "step_executions", "adaptive_adjustments", "status", "error_message", "execution_name", "deleted_at", "namespace", "remediation_uid", "source_kind", "source_uid", "source_shape", "extra")
  select entry.record_id, entry.created_at, entry.created_at_source, entry.cluster, entry.source_version, 1,
    content."remediation_id", content."workflow_id", content."workflow_version", content."container_image", content."target_resource", content."parameters", content."total_duration", content."pipelinerun_name", content."phase", content."outcome", content."failure_reason", content."failure_message", content."skip_reason", content."conflicting_wfe", content."started_at", content."completed_at", content."correlation_id", content."workflow_name", content."total_steps", content."steps_completed", content."steps_failed", content."effectiveness_score", content."rollbacks_performed", content."step_executions", content."adaptive_adjustments", content."status", content."error_message", content."execution_name", content."deleted_at", content."namespace", content."remediation_uid", content."source_kind", content."source_uid", content."source_shape", content."extra"
  from entry
  cross join lateral json_to_record(entry.canonical::json) as content ("remediation_id" text, "workflow_id" text, "workflow_version" text, "container_image" text, "target_resource" text, "parameters" jsonb, "total_duration" interval, "pipelinerun_name" text, "phase" text, "outcome" text, "failure_reason" text, "failure_message" text, "skip_reason" text, "conflicting_wfe" text, "started_at" timestamptz, "completed_at" timestamptz, "correlation_id" text, "workflow_name" text, "total_steps" integer, "steps_completed" integer, "steps_failed" integer, "effectiveness_score" numeric, "rollbacks_performed" integer, "step_executions" jsonb, "adaptive_adjustments" jsonb, "status" text, "error_message" text, "execution_name" text, "deleted_at" timestamptz, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb);
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_locate_records(uuid[], text[], timestamp with time zone[], boolean[])
 RETURNS TABLE(id uuid, created_at timestamp with time zone, is_final boolean, is_new boolean)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
#variable_conflict use_column
begin
  return query
  with made as (
    insert into record_home (id, table_name, created_at, is_final)
    select id, table_name, created_at, is_final
    from unnest($1, $2, $3, $4) as wanted (id, table_name, created_at, is_final)
    where (select true from record_home where record_home.id = wanted.id) is null
    order by id
    on conflict (id) do nothing
    returning id, created_at, is_final
  )
  select id, created_at, is_final, false
  from record_home
  where id = any($1)
  union all
  select id, created_at, is_final, true
  from made;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_merge_ai_analysis_audit(uuid[], timestamp with time zone[], bigint[], bytea[], timestamp with time zone[], text[], text[], text[], text[], text[], bytea[], bytea[], bytea[], uuid[], timestamp with time zone[], text[], text[], bigint[], text[])
 RETURNS TABLE(id uuid, revision integer, previous_version bigint, was_posted boolean, previous_phase text, phase text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  return query
  with entry as materialized (
    select "record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash"
    from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[]) as entry ("record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash")
  ), appended as (
    insert into audit_ledger (table_name, record_id, created_at, source_version, content_hash, observed_at, cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
    select 'ai_analysis_audit', entry.record_id, entry.created_at, entry.source_version, entry.content_hash, entry.observed_at, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt, entry.payload_hash, entry.leaf_hash
    from entry
    order by entry.record_id, entry.source_version, entry.content_hash
    on conflict do nothing
    returning record_id
  ), accepted as (
    select appended.record_id, count(*)::integer as observations
    from appended
    group by appended.record_id
  ), incoming as (
    select "id", "created_at", "created_at_source", "cluster", "source_version", "content"
    from unnest($14::uuid[], $15::timestamptz[], $16::text[], $17::text[], $18::bigint[], $19::text[]) as incoming ("id", "created_at", "created_at_source", "cluster", "source_version", "content")
  )
  insert into "ai_analysis_audit" as stored (
    id, created_at, created_at_source, cluster, source_version, "crd_name", "crd_namespace", "alert_fingerprint", "environment", "severity", "investigation_start", "investigation_end", "investigation_duration_ms", "root_cause_count", "investigation_report", "analysis_start", "analysis_end", "analysis_duration_ms", "confidence_score", "hallucination_detected", "recommendation_start", "recommendation_end", "recommendations", "top_recommendation", "effectiveness_probability", "historical_success_rate", "workflow_crd_name", "workflow_crd_namespace", "completion_status", "failure_reason", "agent_sessions", "remediation_id", "namespace", "remediation_uid", "source_kind", "source_uid", "source_shape", "extra", revision)
  select incoming.id, incoming.created_at, incoming.created_at_source, incoming.cluster, incoming.source_version,
    content."crd_name", content."crd_namespace", content."alert_fingerprint", content."environment", content."severity", content."investigation_start", content."investigation_end", content."investigation_duration_ms", content."root_cause_count", content."investigation_report", content."analysis_start", content."analysis_end", content."analysis_duration_ms", content."confidence_score", content."hallucination_detected", content."recommendation_start", content."recommendation_end", content."recommendations", content."top_recommendation", content."effectiveness_probability", content."historical_success_rate", content."workflow_crd_name", content."workflow_crd_namespace", content."completion_status", content."failure_reason", content."agent_sessions", content."remediation_id", content."namespace", content."remediation_uid", content."source_kind", content."source_uid", content."source_shape", content."extra", accepted.observations
  from incoming
  join accepted on accepted.record_id = incoming.id
  left join entry on incoming.content is null and entry.record_id = incoming.id
  cross join lateral json_to_record(coalesce(incoming.content, entry.canonical)::json) as content ("crd_name" text, "crd_namespace" text, "alert_fingerprint" text, "environment" text, "severity" text, "investigation_start" timestamptz, "investigation_end" timestamptz, "investigation_duration_ms" bigint, "root_cause_count" integer, "investigation_report" text, "analysis_start" timestamptz, "analysis_end" timestamptz, "analysis_duration_ms" bigint, "confidence_score" numeric, "hallucination_detected" boolean, "recommendation_start" timestamptz, "recommendation_end" timestamptz, "recommendations" jsonb, "top_recommendation" text, "effectiveness_probability" numeric, "historical_success_rate" numeric, "workflow_crd_name" text, "workflow_crd_namespace" text, "completion_status" text, "failure_reason" text, "agent_sessions" jsonb, "remediation_id" text, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb)
  order by incoming.id
  on conflict (id, created_at) do update set
    "crd_name" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."crd_name", stored."crd_name") else stored."crd_name" end,
    "crd_namespace" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."crd_namespace", stored."crd_namespace") else stored."crd_namespace" end,
    "alert_fingerprint" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."alert_fingerprint", stored."alert_fingerprint") else stored."alert_fingerprint" end,
    "environment" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."environment", stored."environment") else stored."environment" end,
    "severity" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."severity", stored."severity") else stored."severity" end,
    "investigation_start" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."investigation_start", stored."investigation_start") else stored."investigation_start" end,
    "investigation_end" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."investigation_end", stored."investigation_end") else stored."investigation_end" end,
    "investigation_duration_ms" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."investigation_duration_ms", stored."investigation_duration_ms") else stored."investigation_duration_ms" end,
    "root_cause_count" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."root_cause_count", stored."root_cause_count") else stored."root_cause_count" end,
    "investigation_report" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."investigation_report", stored."investigation_report") else stored."investigation_report" end,
    "analysis_start" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."analysis_start", stored."analysis_start") else stored."analysis_start" end,
    "analysis_end" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."analysis_end", stored."analysis_end") else stored."analysis_end" end,
    "analysis_duration_ms" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."analysis_duration_ms", stored."analysis_duration_ms") else stored."analysis_duration_ms" end,
    "confidence_score" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."confidence_score", stored."confidence_score") else stored."confidence_score" end,
    "hallucination_detected" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."hallucination_detected", stored."hallucination_detected") else stored."hallucination_detected" end,
    "recommendation_start" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."recommendation_start", stored."recommendation_start") else stored."recommendation_start" end,
    "recommendation_end" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."recommendation_end", stored."recommendation_end") else stored."recommendation_end" end,
    "recommendations" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."recommendations", stored."recommendations") else stored."recommendations" end,
    "top_recommendation" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."top_recommendation", stored."top_recommendation") else stored."top_recommendation" end,
    "effectiveness_probability" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."effectiveness_probability", stored."effectiveness_probability") else stored."effectiveness_probability" end,
    "historical_success_rate" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."historical_success_rate", stored."historical_success_rate") else stored."historical_success_rate" end,
    "workflow_crd_name" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."workflow_crd_name", stored."workflow_crd_name") else stored."workflow_crd_name" end,
    "workflow_crd_namespace" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."workflow_crd_namespace", stored."workflow_crd_namespace") else stored."workflow_crd_namespace" end,
    "completion_status" = case when excluded.source_version > stored.source_version
      then case when coalesce(array_position(array['completed', 'failed', 'timeout'], excluded."completion_status"), 0) >= coalesce(array_position(array['completed', 'failed', 'timeout'], stored."completion_status"), 0) then coalesce(excluded."completion_status", stored."completion_status") else stored."completion_status" end else stored."completion_status" end,
    "failure_reason" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."failure_reason", stored."failure_reason") else stored."failure_reason" end,
    "agent_sessions" = case when excluded.source_version > stored.source_version
      then coalesce(stored."agent_sessions" || excluded."agent_sessions", excluded."agent_sessions", stored."agent_sessions") else stored."agent_sessions" end,
    "remediation_id" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."remediation_id", stored."remediation_id") else stored."remediation_id" end,
    "namespace" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."namespace", stored."namespace") else stored."namespace" end,
    "remediation_uid" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."remediation_uid", stored."remediation_uid") else stored."remediation_uid" end,
    "source_kind" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_kind", stored."source_kind") else stored."source_kind" end,
    "source_uid" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_uid", stored."source_uid") else stored."source_uid" end,
    "source_shape" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_shape", stored."source_shape") else stored."source_shape" end,
    "extra" = case when excluded.source_version > stored.source_version
      then coalesce(stored."extra" || excluded."extra", excluded."extra", stored."extra") else stored."extra" end,
    source_version = greatest(excluded.source_version, stored.source_version),
    updated_at = clock_timestamp(),
    revision = stored.revision + excluded.revision
  returning stored.id, stored.revision, old.source_version, old.source_kind = 'post',
    null::text, null::text;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_merge_kubernetes_execution_audit(uuid[], timestamp with time zone[], bigint[], bytea[], timestamp with time zone[], text[], text[], text[], text[], text[], bytea[], bytea[], bytea[], uuid[], timestamp with time zone[], text[], text[], bigint[], text[])
 RETURNS TABLE(id uuid, revision integer, previous_version bigint, was_posted boolean, previous_phase text, phase text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  return query
  with entry as materialized (
    select "record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash"
    from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[]) as entry ("record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash")
  ), appended as (
    insert into audit_ledger (table_name, record_id, created_at, source_version, content_hash, observed_at, cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
    select 'kubernetes_execution_audit', entry.record_id, entry.created_at, entry.source_version, entry.content_hash, entry.observed_at, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt, entry.payload_hash, entry.leaf_hash
    from entry
    order by entry.record_id, entry.source_version, entry.content_hash
    on conflict do nothing
    returning record_id
  ), accepted as (
    select appended.record_id, count(*)::integer as observations
    from appended
    group by appended.record_id
  ), incoming as (
    select "id", "created_at", "created_at_source", "cluster", "source_version", "content"
    from unnest($14::uuid[], $15::timestamptz[], $16::text[], $17::text[], $18::bigint[], $19::text[]) as incoming ("id", "created_at", "created_at_source", "cluster", "source_version", "content")
  )
  insert into "kubernetes_execution_audit" as stored (
    id, created_at, created_at_source, cluster, source_version, "execution_id", "workflow_ref", "step_index", "action_type", "action_parameters", "target_namespace", "target_resource_kind", "target_resource_name", "success", "output", "error", "start_time", "end_time", "duration", "job_name", "job_pod_name", "job_exit_code", "job_resource_usage", "retry_count", "max_retries", "completed_at", "phase", "deleted_at", "remediation_id", "namespace", "remediation_uid", "source_kind", "source_uid", "source_shape", "extra", revision)
  select incoming.id, incoming.created_at, incoming.created_at_source, incoming.cluster, incoming.source_version,
    content."execution_id", content."workflow_ref", content."step_index", content."action_type", content."action_parameters", content."target_namespace", content."target_resource_kind", content."target_resource_name", content."success", content."output", content."error", content."start_time", content."end_time", content."duration", content."job_name", content."job_pod_name", content."job_exit_code", content."job_resource_usage", content."retry_count", content."max_retries", content."completed_at", content."phase", content."deleted_at", content."remediation_id", content."namespace", content."remediation_uid", content."source_kind", content."source_uid", content."source_shape", content."extra", accepted.observations
  from incoming
  join accepted on accepted.record_id = incoming.id
  left join entry on incoming.content is null and entry.record_id = incoming.id
  cross join lateral json_to_record(coalesce(incoming.content, entry.canonical)::json) as content ("execution_id" text, "workflow_ref" text, "step_index" integer, "action_type" text, "action_parameters" jsonb, "target_namespace" text, "target_resource_kind" text, "target_resource_name" text, "success" boolean, "output" text, "error" text, "start_time" timestamptz, "end_time" timestamptz, "duration" interval, "job_name" text, "job_pod_name" text, "job_exit_code" integer, "job_resource_usage" jsonb, "retry_count" integer, "max_retries" integer, "completed_at" timestamptz, "phase" text, "deleted_at" timestamptz, "remediation_id" text, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb)
  order by incoming.id
  on conflict (id, created_at) do update set
    "execution_id" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."execution_id", stored."execution_id") else stored."execution_id" end,
    "workflow_ref" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."workflow_ref", stored."workflow_ref") else stored."workflow_ref" end,
    "step_index" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."step_index", stored."step_index") else stored."step_index" end,
    "action_type" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."action_type", stored."action_type") else stored."action_type" end,
    "action_parameters" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."action_parameters", stored."action_parameters") else stored."action_parameters" end,
    "target_namespace" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."target_namespace", stored."target_namespace") else stored."target_namespace" end,
    "target_resource_kind" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."target_resource_kind", stored."target_resource_kind") else stored."target_resource_kind" end,
    "target_resource_name" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."target_resource_name", stored."target_resource_name") else stored."target_resource_name" end,
    "success" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."success", stored."success") else stored."success" end,
    "output" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."output", stored."output") else stored."output" end,
    "error" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."error", stored."error") else stored."error" end,
    "start_time" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."start_time", stored."start_time") else stored."start_time" end,
    "end_time" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."end_time", stored."end_time") else stored."end_time" end,
    "duration" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."duration", stored."duration") else stored."duration" end,
    "job_name" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."job_name", stored."job_name") else stored."job_name" end,
    "job_pod_name" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."job_pod_name", stored."job_pod_name") else stored."job_pod_name" end,
    "job_exit_code" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."job_exit_code", stored."job_exit_code") else stored."job_exit_code" end,
    "job_resource_usage" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."job_resource_usage", stored."job_resource_usage") else stored."job_resource_usage" end,
    "retry_count" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."retry_count", stored."retry_count") else stored."retry_count" end,
    "max_retries" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."max_retries", stored."max_retries") else stored."max_retries" end,
    "completed_at" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."completed_at", stored."completed_at") else stored."completed_at" end,
    "phase" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."phase", stored."phase") else stored."phase" end,
    "deleted_at" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."deleted_at", stored."deleted_at") else stored."deleted_at" end,
    "remediation_id" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."remediation_id", stored."remediation_id") else stored."remediation_id" end,
    "namespace" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."namespace", stored."namespace") else stored."namespace" end,
    "remediation_uid" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."remediation_uid", stored."remediation_uid") else stored."remediation_uid" end,
    "source_kind" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_kind", stored."source_kind") else stored."source_kind" end,
    "source_uid" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_uid", stored."source_uid") else stored."source_uid" end,
    "source_shape" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_shape", stored."source_shape") else stored."source_shape" end,
    "extra" = case when excluded.source_version > stored.source_version
      then coalesce(stored."extra" || excluded."extra", excluded."extra", stored."extra") else stored."extra" end,
    source_version = greatest(excluded.source_version, stored.source_version),
    updated_at = clock_timestamp(),
    revision = stored.revision + excluded.revision
  returning stored.id, stored.revision, old.source_version, old.source_kind = 'post',
    old.phase, stored.phase;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_merge_remediation_audit(uuid[], timestamp with time zone[], bigint[], bytea[], timestamp with time zone[], text[], text[], text[], text[], text[], bytea[], bytea[], bytea[], uuid[], timestamp with time zone[], text[], text[], bigint[], text[])
 RETURNS TABLE(id uuid, revision integer, previous_version bigint, was_posted boolean, previous_phase text, phase text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  return query
  with entry as materialized (
    select "record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash"
    from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[]) as entry ("record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash")
  ), appended as (
    insert into audit_ledger (table_name, record_id, created_at, source_version, content_hash, observed_at, cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
    select 'remediation_audit', entry.record_id, entry.created_at, entry.source_version, entry.content_hash, entry.observed_at, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt, entry.payload_hash, entry.leaf_hash
    from entry
    order by entry.record_id, entry.source_version, entry.content_hash
    on conflict do nothing
    returning record_id
  ), accepted as (
    select appended.record_id, count(*)::integer as observations
    from appended
    group by appended.record_id
  ), incoming as (
    select "id", "created_at", "created_at_source", "cluster", "source_version", "content"
    from unnest($14::uuid[], $15::timestamptz[], $16::text[], $17::text[], $18::bigint[], $19::text[]) as incoming ("id", "created_at", "created_at_source", "cluster", "source_version", "content")
  )
  insert into "remediation_audit" as stored (
    id, created_at, created_at_source, cluster, source_version, "remediation_id", "signal_fingerprint", "signal_name", "severity", "signal_type", "signal_source", "signal_labels", "target_kind", "target_name", "target_namespace", "overall_phase", "outcome", "failure_phase", "failure_reason", "workflow_id", "workflow_name", "workflow_version", "workflow_confidence", "approval_required", "approval_decision", "approval_decided_by", "approval_decided_via", "approval_decided_at", "approval_override", "verification_reason", "verification_health_score", "verification_alert_score", "verification_metrics_score", "pre_remediation_spec_hash", "post_remediation_spec_hash", "current_spec_hash", "notifications", "investigation_sessions", "started_at", "completed_at", "deleted_at", "verdict", "final_state_unknown", "retention_expires_at", "namespace", "remediation_uid", "source_kind", "source_uid", "source_shape", "extra", revision)
  select incoming.id, incoming.created_at, incoming.created_at_source, incoming.cluster, incoming.source_version,
    content."remediation_id", content."signal_fingerprint", content."signal_name", content."severity", content."signal_type", content."signal_source", content."signal_labels", content."target_kind", content."target_name", content."target_namespace", content."overall_phase", content."outcome", content."failure_phase", content."failure_reason", content."workflow_id", content."workflow_name", content."workflow_version", content."workflow_confidence", content."approval_required", content."approval_decision", content."approval_decided_by", content."approval_decided_via", content."approval_decided_at", content."approval_override", content."verification_reason", content."verification_health_score", content."verification_alert_score", content."verification_metrics_score", content."pre_remediation_spec_hash", content."post_remediation_spec_hash", content."current_spec_hash", content."notifications", content."investigation_sessions", content."started_at", content."completed_at", content."deleted_at", content."verdict", content."final_state_unknown", content."retention_expires_at", content."namespace", content."remediation_uid", content."source_kind", content."source_uid", content."source_shape", content."extra", accepted.observations
  from incoming
  join accepted on accepted.record_id = incoming.id
  left join entry on incoming.content is null and entry.record_id = incoming.id
  cross join lateral json_to_record(coalesce(incoming.content, entry.canonical)::json) as content ("remediation_id" text, "signal_fingerprint" text, "signal_name" text, "severity" text, "signal_type" text, "signal_source" text, "signal_labels" jsonb, "target_kind" text, "target_name" text, "target_namespace" text, "overall_phase" text, "outcome" text, "failure_phase" text, "failure_reason" text, "workflow_id" text, "workflow_name" text, "workflow_version" text, "workflow_confidence" numeric, "approval_required" boolean, "approval_decision" text, "approval_decided_by" text, "approval_decided_via" text, "approval_decided_at" timestamptz, "approval_override" jsonb, "verification_reason" text, "verification_health_score" numeric, "verification_alert_score" numeric, "verification_metrics_score" numeric, "pre_remediation_spec_hash" text, "post_remediation_spec_hash" text, "current_spec_hash" text, "notifications" jsonb, "investigation_sessions" jsonb, "started_at" timestamptz, "completed_at" timestamptz, "deleted_at" timestamptz, "verdict" text, "final_state_unknown" boolean, "retention_expires_at" timestamptz, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb)
  order by incoming.id
  on conflict (id, created_at) do update set
    "remediation_id" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."remediation_id", stored."remediation_id") else stored."remediation_id" end,
    "signal_fingerprint" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."signal_fingerprint", stored."signal_fingerprint") else stored."signal_fingerprint" end,
    "signal_name" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."signal_name", stored."signal_name") else stored."signal_name" end,
    "severity" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."severity", stored."severity") else stored."severity" end,
    "signal_type" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."signal_type", stored."signal_type") else stored."signal_type" end,
    "signal_source" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."signal_source", stored."signal_source") else stored."signal_source" end,
    "signal_labels" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."signal_labels", stored."signal_labels") else stored."signal_labels" end,
    "target_kind" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."target_kind", stored."target_kind") else stored."target_kind" end,
    "target_name" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."target_name", stored."target_name") else stored."target_name" end,
    "target_namespace" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."target_namespace", stored."target_namespace") else stored."target_namespace" end,
    "overall_phase" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."overall_phase", stored."overall_phase") else stored."overall_phase" end,
    "outcome" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."outcome", stored."outcome") else stored."outcome" end,
    "failure_phase" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."failure_phase", stored."failure_phase") else stored."failure_phase" end,
    "failure_reason" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."failure_reason", stored."failure_reason") else stored."failure_reason" end,
    "workflow_id" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."workflow_id", stored."workflow_id") else stored."workflow_id" end,
    "workflow_name" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."workflow_name", stored."workflow_name") else stored."workflow_name" end,
    "workflow_version" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."workflow_version", stored."workflow_version") else stored."workflow_version" end,
    "workflow_confidence" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."workflow_confidence", stored."workflow_confidence") else stored."workflow_confidence" end,
    "approval_required" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."approval_required", stored."approval_required") else stored."approval_required" end,
    "approval_decision" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."approval_decision", stored."approval_decision") else stored."approval_decision" end,
    "approval_decided_by" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."approval_decided_by", stored."approval_decided_by") else stored."approval_decided_by" end,
    "approval_decided_via" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."approval_decided_via", stored."approval_decided_via") else stored."approval_decided_via" end,
    "approval_decided_at" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."approval_decided_at", stored."approval_decided_at") else stored."approval_decided_at" end,
    "approval_override" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."approval_override", stored."approval_override") else stored."approval_override" end,
    "verification_reason" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."verification_reason", stored."verification_reason") else stored."verification_reason" end,
    "verification_health_score" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."verification_health_score", stored."verification_health_score") else stored."verification_health_score" end,
    "verification_alert_score" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."verification_alert_score", stored."verification_alert_score") else stored."verification_alert_score" end,
    "verification_metrics_score" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."verification_metrics_score", stored."verification_metrics_score") else stored."verification_metrics_score" end,
    "pre_remediation_spec_hash" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."pre_remediation_spec_hash", stored."pre_remediation_spec_hash") else stored."pre_remediation_spec_hash" end,
    "post_remediation_spec_hash" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."post_remediation_spec_hash", stored."post_remediation_spec_hash") else stored."post_remediation_spec_hash" end,
    "current_spec_hash" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."current_spec_hash", stored."current_spec_hash") else stored."current_spec_hash" end,
    "notifications" = case when excluded.source_version > stored.source_version
      then coalesce(stored."notifications" || excluded."notifications", excluded."notifications", stored."notifications") else stored."notifications" end,
    "investigation_sessions" = case when excluded.source_version > stored.source_version
      then coalesce(stored."investigation_sessions" || excluded."investigation_sessions", excluded."investigation_sessions", stored."investigation_sessions") else stored."investigation_sessions" end,
    "started_at" = case when excluded.source_version > stored.source_version
      then least(excluded."started_at", stored."started_at") else stored."started_at" end,
    "completed_at" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."completed_at", stored."completed_at") else stored."completed_at" end,
    "deleted_at" = case when excluded.source_version > stored.source_version
      then least(excluded."deleted_at", stored."deleted_at") else stored."deleted_at" end,
    "verdict" = case when excluded.source_version > stored.source_version
      then case when coalesce(array_position(array['open', 'deleted-before-terminal', 'terminal'], excluded."verdict"), 0) >= coalesce(array_position(array['open', 'deleted-before-terminal', 'terminal'], stored."verdict"), 0) then coalesce(excluded."verdict", stored."verdict") else stored."verdict" end else stored."verdict" end,
    "final_state_unknown" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."final_state_unknown", stored."final_state_unknown") else stored."final_state_unknown" end,
    "retention_expires_at" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."retention_expires_at", stored."retention_expires_at") else stored."retention_expires_at" end,
    "namespace" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."namespace", stored."namespace") else stored."namespace" end,
    "remediation_uid" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."remediation_uid", stored."remediation_uid") else stored."remediation_uid" end,
    "source_kind" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_kind", stored."source_kind") else stored."source_kind" end,
    "source_uid" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_uid", stored."source_uid") else stored."source_uid" end,
    "source_shape" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_shape", stored."source_shape") else stored."source_shape" end,
    "extra" = case when excluded.source_version > stored.source_version
      then coalesce(stored."extra" || excluded."extra", excluded."extra", stored."extra") else stored."extra" end,
    source_version = greatest(excluded.source_version, stored.source_version),
    updated_at = clock_timestamp(),
    revision = stored.revision + excluded.revision
  returning stored.id, stored.revision, old.source_version, old.source_kind = 'post',
    null::text, null::text;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_merge_signal_processing_audit(uuid[], timestamp with time zone[], bigint[], bytea[], timestamp with time zone[], text[], text[], text[], text[], text[], bytea[], bytea[], bytea[], uuid[], timestamp with time zone[], text[], text[], bigint[], text[])
 RETURNS TABLE(id uuid, revision integer, previous_version bigint, was_posted boolean, previous_phase text, phase text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  return query
  with entry as materialized (
    select "record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash"
    from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[]) as entry ("record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash")
  ), appended as (
    insert into audit_ledger (table_name, record_id, created_at, source_version, content_hash, observed_at, cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
    select 'signal_processing_audit', entry.record_id, entry.created_at, entry.source_version, entry.content_hash, entry.observed_at, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt, entry.payload_hash, entry.leaf_hash
    from entry
    order by entry.record_id, entry.source_version, entry.content_hash
    on conflict do nothing
    returning record_id
  ), accepted as (
    select appended.record_id, count(*)::integer as observations
    from appended
    group by appended.record_id
  ), incoming as (
    select "id", "created_at", "created_at_source", "cluster", "source_version", "content"
    from unnest($14::uuid[], $15::timestamptz[], $16::text[], $17::text[], $18::bigint[], $19::text[]) as incoming ("id", "created_at", "created_at_source", "cluster", "source_version", "content")
  )
  insert into "signal_processing_audit" as stored (
    id, created_at, created_at_source, cluster, source_version, "remediation_id", "signal_fingerprint", "processing_phases", "enrichment_quality", "enrichment_sources", "context_size_bytes", "environment", "confidence", "business_criticality", "sla_requirement", "priority", "priority_score", "routed_to_service", "routing_priority", "completed_at", "status", "error_message", "namespace", "remediation_uid", "source_kind", "source_uid", "source_shape", "extra", revision)
  select incoming.id, incoming.created_at, incoming.created_at_source, incoming.cluster, incoming.source_version,
    content."remediation_id", content."signal_fingerprint", content."processing_phases", content."enrichment_quality", content."enrichment_sources", content."context_size_bytes", content."environment", content."confidence", content."business_criticality", content."sla_requirement", content."priority", content."priority_score", content."routed_to_service", content."routing_priority", content."completed_at", content."status", content."error_message", content."namespace", content."remediation_uid", content."source_kind", content."source_uid", content."source_shape", content."extra", accepted.observations
  from incoming
  join accepted on accepted.record_id = incoming.id
  left join entry on incoming.content is null and entry.record_id = incoming.id
  cross join lateral json_to_record(coalesce(incoming.content, entry.canonical)::json) as content ("remediation_id" text, "signal_fingerprint" text, "processing_phases" jsonb, "enrichment_quality" numeric, "enrichment_sources" jsonb, "context_size_bytes" bigint, "environment" text, "confidence" numeric, "business_criticality" text, "sla_requirement" text, "priority" text, "priority_score" integer, "routed_to_service" text, "routing_priority" integer, "completed_at" timestamptz, "status" text, "error_message" text, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb)
  order by incoming.id
  on conflict (id, created_at) do update set
    "remediation_id" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."remediation_id", stored."remediation_id") else stored."remediation_id" end,
    "signal_fingerprint" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."signal_fingerprint", stored."signal_fingerprint") else stored."signal_fingerprint" end,
    "processing_phases" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."processing_phases", stored."processing_phases") else stored."processing_phases" end,
    "enrichment_quality" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."enrichment_quality", stored."enrichment_quality") else stored."enrichment_quality" end,
    "enrichment_sources" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."enrichment_sources", stored."enrichment_sources") else stored."enrichment_sources" end,
    "context_size_bytes" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."context_size_bytes", stored."context_size_bytes") else stored."context_size_bytes" end,
    "environment" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."environment", stored."environment") else stored."environment" end,
    "confidence" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."confidence", stored."confidence") else stored."confidence" end,
    "business_criticality" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."business_criticality", stored."business_criticality") else stored."business_criticality" end,
    "sla_requirement" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."sla_requirement", stored."sla_requirement") else stored."sla_requirement" end,
    "priority" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."priority", stored."priority") else stored."priority" end,
    "priority_score" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."priority_score", stored."priority_score") else stored."priority_score" end,
    "routed_to_service" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."routed_to_service", stored."routed_to_service") else stored."routed_to_service" end,
    "routing_priority" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."routing_priority", stored."routing_priority") else stored."routing_priority" end,
    "completed_at" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."completed_at", stored."completed_at") else stored."completed_at" end,
    "status" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."status", stored."status") else stored."status" end,
    "error_message" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."error_message", stored."error_message") else stored."error_message" end,
    "namespace" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."namespace", stored."namespace") else stored."namespace" end,
    "remediation_uid" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."remediation_uid", stored."remediation_uid") else stored."remediation_uid" end,
    "source_kind" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_kind", stored."source_kind") else stored."source_kind" end,
    "source_uid" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_uid", stored."source_uid") else stored."source_uid" end,
    "source_shape" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_shape", stored."source_shape") else stored."source_shape" end,
    "extra" = case when excluded.source_version > stored.source_version
      then coalesce(stored."extra" || excluded."extra", excluded."extra", stored."extra") else stored."extra" end,
    source_version = greatest(excluded.source_version, stored.source_version),
    updated_at = clock_timestamp(),
    revision = stored.revision + excluded.revision
  returning stored.id, stored.revision, old.source_version, old.source_kind = 'post',
    null::text, null::text;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_merge_workflow_execution_audit(uuid[], timestamp with time zone[], bigint[], bytea[], timestamp with time zone[], text[], text[], text[], text[], text[], bytea[], bytea[], bytea[], uuid[], timestamp with time zone[], text[], text[], bigint[], text[])
 RETURNS TABLE(id uuid, revision integer, previous_version bigint, was_posted boolean, previous_phase text, phase text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  return query
  with entry as materialized (
    select "record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash"
    from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[]) as entry ("record_id", "created_at", "source_version", "content_hash", "observed_at", "cluster", "remediation_uid", "phase", "actor", "canonical", "salt", "payload_hash", "leaf_hash")
  ), appended as (
    insert into audit_ledger (table_name, record_id, created_at, source_version, content_hash, observed_at, cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
    select 'workflow_execution_audit', entry.record_id, entry.created_at, entry.source_version, entry.content_hash, entry.observed_at, entry.cluster, entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt, entry.payload_hash, entry.leaf_hash
    from entry
    order by entry.record_id, entry.source_version, entry.content_hash
    on conflict do nothing
    returning record_id
  ), accepted as (
    select appended.record_id, count(*)::integer as observations
    from appended
    group by appended.record_id
  ), incoming as (
    select "id", "created_at", "created_at_source", "cluster", "source_version", "content"
    from unnest($14::uuid[], $15::timestamptz[], $16::text[], $17::text[], $18::bigint[], $19::text[]) as incoming ("id", "created_at", "created_at_source", "cluster", "source_version", "content")
  )
  insert into "workflow_execution_audit" as stored (
    id, created_at, created_at_source, cluster, source_version, "remediation_id", "workflow_id", "workflow_version", "container_image", "target_resource", "parameters", "total_duration", "pipelinerun_name", "phase", "outcome", "failure_reason", "failure_message", "skip_reason", "conflicting_wfe", "started_at", "completed_at", "correlation_id", "workflow_name", "total_steps", "steps_completed", "steps_failed", "effectiveness_score", "rollbacks_performed", "step_executions", "adaptive_adjustments", "status", "error_message", "execution_name", "deleted_at", "namespace", "remediation_uid", "source_kind", "source_uid", "source_shape", "extra", revision)
  select incoming.id, incoming.created_at, incoming.created_at_source, incoming.cluster, incoming.source_version,
    content."remediation_id", content."workflow_id", content."workflow_version", content."container_image", content."target_resource", content."parameters", content."total_duration", content."pipelinerun_name", content."phase", content."outcome", content."failure_reason", content."failure_message", content."skip_reason", content."conflicting_wfe", content."started_at", content."completed_at", content."correlation_id", content."workflow_name", content."total_steps", content."steps_completed", content."steps_failed", content."effectiveness_score", content."rollbacks_performed", content."step_executions", content."adaptive_adjustments", content."status", content."error_message", content."execution_name", content."deleted_at", content."namespace", content."remediation_uid", content."source_kind", content."source_uid", content."source_shape", content."extra", accepted.observations
  from incoming
  join accepted on accepted.record_id = incoming.id
  left join entry on incoming.content is null and entry.record_id = incoming.id
  cross join lateral json_to_record(coalesce(incoming.content, entry.canonical)::json) as content ("remediation_id" text, "workflow_id" text, "workflow_version" text, "container_image" text, "target_resource" text, "parameters" jsonb, "total_duration" interval, "pipelinerun_name" text, "phase" text, "outcome" text, "failure_reason" text, "failure_message" text, "skip_reason" text, "conflicting_wfe" text, "started_at" timestamptz, "completed_at" timestamptz, "correlation_id" text, "workflow_name" text, "total_steps" integer, "steps_completed" integer, "steps_failed" integer, "effectiveness_score" numeric, "rollbacks_performed" integer, "step_executions" jsonb, "adaptive_adjustments" jsonb, "status" text, "error_message" text, "execution_name" text, "deleted_at" timestamptz, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb)
  order by incoming.id
  on conflict (id, created_at) do update set
    "remediation_id" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."remediation_id", stored."remediation_id") else stored."remediation_id" end,
    "workflow_id" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."workflow_id", stored."workflow_id") else stored."workflow_id" end,
    "workflow_version" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."workflow_version", stored."workflow_version") else stored."workflow_version" end,
    "container_image" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."container_image", stored."container_image") else stored."container_image" end,
    "target_resource" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."target_resource", stored."target_resource") else stored."target_resource" end,
    "parameters" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."parameters", stored."parameters") else stored."parameters" end,
    "total_duration" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."total_duration", stored."total_duration") else stored."total_duration" end,
    "pipelinerun_name" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."pipelinerun_name", stored."pipelinerun_name") else stored."pipelinerun_name" end,
    "phase" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."phase", stored."phase") else stored."phase" end,
    "outcome" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."outcome", stored."outcome") else stored."outcome" end,
    "failure_reason" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."failure_reason", stored."failure_reason") else stored."failure_reason" end,
    "failure_message" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."failure_message", stored."failure_message") else stored."failure_message" end,
    "skip_reason" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."skip_reason", stored."skip_reason") else stored."skip_reason" end,
    "conflicting_wfe" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."conflicting_wfe", stored."conflicting_wfe") else stored."conflicting_wfe" end,
    "started_at" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."started_at", stored."started_at") else stored."started_at" end,
    "completed_at" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."completed_at", stored."completed_at") else stored."completed_at" end,
    "correlation_id" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."correlation_id", stored."correlation_id") else stored."correlation_id" end,
    "workflow_name" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."workflow_name", stored."workflow_name") else stored."workflow_name" end,
    "total_steps" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."total_steps", stored."total_steps") else stored."total_steps" end,
    "steps_completed" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."steps_completed", stored."steps_completed") else stored."steps_completed" end,
    "steps_failed" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."steps_failed", stored."steps_failed") else stored."steps_failed" end,
    "effectiveness_score" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."effectiveness_score", stored."effectiveness_score") else stored."effectiveness_score" end,
    "rollbacks_performed" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."rollbacks_performed", stored."rollbacks_performed") else stored."rollbacks_performed" end,
    "step_executions" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."step_executions", stored."step_executions") else stored."step_executions" end,
    "adaptive_adjustments" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."adaptive_adjustments", stored."adaptive_adjustments") else stored."adaptive_adjustments" end,
    "status" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."status", stored."status") else stored."status" end,
    "error_message" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."error_message", stored."error_message") else stored."error_message" end,
    "execution_name" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."execution_name", stored."execution_name") else stored."execution_name" end,
    "deleted_at" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."deleted_at", stored."deleted_at") else stored."deleted_at" end,
    "namespace" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."namespace", stored."namespace") else stored."namespace" end,
    "remediation_uid" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."remediation_uid", stored."remediation_uid") else stored."remediation_uid" end,
    "source_kind" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_kind", stored."source_kind") else stored."source_kind" end,
    "source_uid" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_uid", stored."source_uid") else stored."source_uid" end,
    "source_shape" = case when excluded.source_version > stored.source_version
      then coalesce(excluded."source_shape", stored."source_shape") else stored."source_shape" end,
    "extra" = case when excluded.source_version > stored.source_version
      then coalesce(stored."extra" || excluded."extra", excluded."extra", stored."extra") else stored."extra" end,
    source_version = greatest(excluded.source_version, stored.source_version),
    updated_at = clock_timestamp(),
    revision = stored.revision + excluded.revision
  returning stored.id, stored.revision, old.source_version, old.source_kind = 'post',
    old.phase, stored.phase;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

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

CREATE OR REPLACE FUNCTION public.audit_observe_resources(text[], text[], text[], text[], text[], text[], text[], bigint[], text[], timestamp with time zone[], timestamp with time zone[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
declare
  ended text[];
begin
  with seen as materialized (
    select *
    from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) with ordinality
      as seen (cluster, source_uid, kind, namespace, name, remediation_uid, phase, version, projection_hash, observed_at,
        deleted_at, nth)
  ), folded as (
    select seen.cluster, seen.source_uid, max(seen.kind) as kind, max(seen.namespace) as namespace, max(seen.name) as name,
      max(seen.remediation_uid) as remediation_uid,
      (array_agg(seen.phase order by seen.version desc, seen.phase desc) filter (where seen.phase is not null))[1] as phase,
      coalesce(max(seen.version) filter (where seen.phase is not null), 0) as phase_version,
      coalesce(max(seen.version) filter (where seen.projection_hash is not null), 0) as source_version,
      decode((array_agg(seen.projection_hash order by seen.version desc, seen.nth desc)
        filter (where seen.projection_hash is not null))[1], 'hex') as projection_hash,
      min(seen.observed_at) as first_seen, max(seen.observed_at) as last_seen, min(seen.deleted_at) as deleted_at
    from seen
    group by seen.cluster, seen.source_uid
  ), stored as (
    insert into observed_resource as known (cluster, source_uid, kind, namespace, name, remediation_uid, phase, phase_version,
      source_version, projection_hash, first_seen, last_seen, deleted_at, unmatched)
    select folded.*,
      folded.kind = 'RemediationRequest' or not coalesce(
        (folded.cluster, folded.remediation_uid) in (select seen.cluster, seen.source_uid from seen)
        or (
          select true
          from observed_resource as request
          where request.cluster = folded.cluster
            and request.source_uid = folded.remediation_uid
        ), false)
    from folded
    order by folded.cluster, folded.source_uid
    on conflict (cluster, source_uid) do update set
      remediation_uid = coalesce(known.remediation_uid, excluded.remediation_uid),
      phase = case when excluded.phase is not null
          and (known.phase is null or (excluded.phase_version, excluded.phase) > (known.phase_version, known.phase))
        then excluded.phase else known.phase end,
      phase_version = greatest(known.phase_version, excluded.phase_version),
      projection_hash = case when excluded.projection_hash is not null and excluded.source_version >= known.source_version
        then excluded.projection_hash else known.projection_hash end,
      source_version = greatest(known.source_version, excluded.source_version),
      first_seen = least(known.first_seen, excluded.first_seen),
      last_seen = greatest(known.last_seen, excluded.last_seen),
      deleted_at = least(known.deleted_at, excluded.deleted_at),
      -- What was found belongs to the remediation that the row names.
      unmatched = known.unmatched
        and (excluded.unmatched or (known.remediation_uid <> excluded.remediation_uid) is true)
    returning known.cluster, known.source_uid, known.kind, known.deleted_at, known.unmatched
  )
  select array_agg(array[stored.cluster, stored.source_uid])
  into ended
  from stored
  where stored.unmatched
    and stored.kind = 'RemediationRequest'
    and stored.deleted_at is not null;
  if ended is null then
    return;
  end if;
  update observed_resource as request
  set unmatched = false
  from generate_subscripts(ended, 1) as nth
  where request.cluster = ended[nth][1]
    and request.source_uid = ended[nth][2]
    and exists (
      select
      from remediation_audit as remediation
      where remediation.cluster = request.cluster
        and remediation.remediation_uid = request.source_uid
        and remediation.verdict <> 'open'
    );
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_place_hold(of_cluster text, of_remediation text, of_namespace text, of_target text, from_instant timestamp with time zone, to_instant timestamp with time zone, why text, who text)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare
  placed  uuid;
begin
  insert into audit_hold (cluster, remediation_uid, namespace, target_resource, from_time, to_time, reason, placed_by)
  values (of_cluster, of_remediation, of_namespace, of_target, from_instant, to_instant, why, who)
  returning id into placed;
  return placed;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_quarantine_record(of_table text, of_cluster text, of_remediation text, why text, code text, refused text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  insert into audit_quarantine as known (table_name, cluster, remediation_uid, reason, sqlstate, payload, payload_hash)
  values (of_table, of_cluster, of_remediation, why, code, refused, sha256(convert_to(refused, 'UTF8')))
  on conflict (table_name, payload_hash) do update set
    reason = excluded.reason,
    sqlstate = excluded.sqlstate,
    last_refused_at = clock_timestamp(),
    refusals = known.refusals + 1;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_recorded_clusters(wanted_cluster text)
 RETURNS SETOF text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  return query
  with recursive recorded as (
    select min(observed.cluster) as cluster
    from observed_resource as observed
    union all
    select (select min(observed.cluster) from observed_resource as observed where observed.cluster > recorded.cluster)
    from recorded
    where recorded.cluster is not null
  )
  select recorded.cluster
  from recorded
  where recorded.cluster is not null
    and wanted_cluster in ('', recorded.cluster);
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_reader=X/audit_owner
-- privilege audit_watcher=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_refold_ai_analysis_audit(uuid[], timestamp with time zone[], text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  with folded as (
    select "id", "created_at", "content"
    from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as folded ("id", "created_at", "content")
  )
  update "ai_analysis_audit" as stored set
    "crd_name" = content."crd_name", "crd_namespace" = content."crd_namespace", "alert_fingerprint" = content."alert_fingerprint", "environment" = content."environment", "severity" = content."severity", "investigation_start" = content."investigation_start", "investigation_end" = content."investigation_end", "investigation_duration_ms" = content."investigation_duration_ms", "root_cause_count" = content."root_cause_count", "investigation_report" = content."investigation_report", "analysis_start" = content."analysis_start", "analysis_end" = content."analysis_end", "analysis_duration_ms" = content."analysis_duration_ms", "confidence_score" = content."confidence_score", "hallucination_detected" = content."hallucination_detected", "recommendation_start" = content."recommendation_start", "recommendation_end" = content."recommendation_end", "recommendations" = content."recommendations", "top_recommendation" = content."top_recommendation", "effectiveness_probability" = content."effectiveness_probability", "historical_success_rate" = content."historical_success_rate", "workflow_crd_name" = content."workflow_crd_name", "workflow_crd_namespace" = content."workflow_crd_namespace", "completion_status" = content."completion_status", "failure_reason" = content."failure_reason", "agent_sessions" = content."agent_sessions", "remediation_id" = content."remediation_id", "namespace" = content."namespace", "remediation_uid" = content."remediation_uid", "source_kind" = content."source_kind", "source_uid" = content."source_uid", "source_shape" = content."source_shape", "extra" = content."extra"
  from folded
  cross join lateral json_to_record(folded.content::json) as content ("crd_name" text, "crd_namespace" text, "alert_fingerprint" text, "environment" text, "severity" text, "investigation_start" timestamptz, "investigation_end" timestamptz, "investigation_duration_ms" bigint, "root_cause_count" integer, "investigation_report" text, "analysis_start" timestamptz, "analysis_end" timestamptz, "analysis_duration_ms" bigint, "confidence_score" numeric, "hallucination_detected" boolean, "recommendation_start" timestamptz, "recommendation_end" timestamptz, "recommendations" jsonb, "top_recommendation" text, "effectiveness_probability" numeric, "historical_success_rate" numeric, "workflow_crd_name" text, "workflow_crd_namespace" text, "completion_status" text, "failure_reason" text, "agent_sessions" jsonb, "remediation_id" text, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb)
  where stored.id = folded.id
    and stored.created_at = folded.created_at;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_refold_kubernetes_execution_audit(uuid[], timestamp with time zone[], text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  with folded as (
    select "id", "created_at", "content"
    from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as folded ("id", "created_at", "content")
  )
  update "kubernetes_execution_audit" as stored set
    "execution_id" = content."execution_id", "workflow_ref" = content."workflow_ref", "step_index" = content."step_index", "action_type" = content."action_type", "action_parameters" = content."action_parameters", "target_namespace" = content."target_namespace", "target_resource_kind" = content."target_resource_kind", "target_resource_name" = content."target_resource_name", "success" = content."success", "output" = content."output", "error" = content."error", "start_time" = content."start_time", "end_time" = content."end_time", "duration" = content."duration", "job_name" = content."job_name", "job_pod_name" = content."job_pod_name", "job_exit_code" = content."job_exit_code", "job_resource_usage" = content."job_resource_usage", "retry_count" = content."retry_count", "max_retries" = content."max_retries", "completed_at" = content."completed_at", "phase" = content."phase", "deleted_at" = content."deleted_at", "remediation_id" = content."remediation_id", "namespace" = content."namespace", "remediation_uid" = content."remediation_uid", "source_kind" = content."source_kind", "source_uid" = content."source_uid", "source_shape" = content."source_shape", "extra" = content."extra"
  from folded
  cross join lateral json_to_record(folded.content::json) as content ("execution_id" text, "workflow_ref" text, "step_index" integer, "action_type" text, "action_parameters" jsonb, "target_namespace" text, "target_resource_kind" text, "target_resource_name" text, "success" boolean, "output" text, "error" text, "start_time" timestamptz, "end_time" timestamptz, "duration" interval, "job_name" text, "job_pod_name" text, "job_exit_code" integer, "job_resource_usage" jsonb, "retry_count" integer, "max_retries" integer, "completed_at" timestamptz, "phase" text, "deleted_at" timestamptz, "remediation_id" text, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb)
  where stored.id = folded.id
    and stored.created_at = folded.created_at;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_refold_remediation_audit(uuid[], timestamp with time zone[], text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  with folded as (
    select "id", "created_at", "content"
    from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as folded ("id", "created_at", "content")
  )
  update "remediation_audit" as stored set
    "remediation_id" = content."remediation_id", "signal_fingerprint" = content."signal_fingerprint", "signal_name" = content."signal_name", "severity" = content."severity", "signal_type" = content."signal_type", "signal_source" = content."signal_source", "signal_labels" = content."signal_labels", "target_kind" = content."target_kind", "target_name" = content."target_name", "target_namespace" = content."target_namespace", "overall_phase" = content."overall_phase", "outcome" = content."outcome", "failure_phase" = content."failure_phase", "failure_reason" = content."failure_reason", "workflow_id" = content."workflow_id", "workflow_name" = content."workflow_name", "workflow_version" = content."workflow_version", "workflow_confidence" = content."workflow_confidence", "approval_required" = content."approval_required", "approval_decision" = content."approval_decision", "approval_decided_by" = content."approval_decided_by", "approval_decided_via" = content."approval_decided_via", "approval_decided_at" = content."approval_decided_at", "approval_override" = content."approval_override", "verification_reason" = content."verification_reason", "verification_health_score" = content."verification_health_score", "verification_alert_score" = content."verification_alert_score", "verification_metrics_score" = content."verification_metrics_score", "pre_remediation_spec_hash" = content."pre_remediation_spec_hash", "post_remediation_spec_hash" = content."post_remediation_spec_hash", "current_spec_hash" = content."current_spec_hash", "notifications" = content."notifications", "investigation_sessions" = content."investigation_sessions", "started_at" = content."started_at", "completed_at" = content."completed_at", "deleted_at" = content."deleted_at", "verdict" = content."verdict", "final_state_unknown" = content."final_state_unknown", "retention_expires_at" = content."retention_expires_at", "namespace" = content."namespace", "remediation_uid" = content."remediation_uid", "source_kind" = content."source_kind", "source_uid" = content."source_uid", "source_shape" = content."source_shape", "extra" = content."extra"
  from folded
  cross join lateral json_to_record(folded.content::json) as content ("remediation_id" text, "signal_fingerprint" text, "signal_name" text, "severity" text, "signal_type" text, "signal_source" text, "signal_labels" jsonb, "target_kind" text, "target_name" text, "target_namespace" text, "overall_phase" text, "outcome" text, "failure_phase" text, "failure_reason" text, "workflow_id" text, "workflow_name" text, "workflow_version" text, "workflow_confidence" numeric, "approval_required" boolean, "approval_decision" text, "approval_decided_by" text, "approval_decided_via" text, "approval_decided_at" timestamptz, "approval_override" jsonb, "verification_reason" text, "verification_health_score" numeric, "verification_alert_score" numeric, "verification_metrics_score" numeric, "pre_remediation_spec_hash" text, "post_remediation_spec_hash" text, "current_spec_hash" text, "notifications" jsonb, "investigation_sessions" jsonb, "started_at" timestamptz, "completed_at" timestamptz, "deleted_at" timestamptz, "verdict" text, "final_state_unknown" boolean, "retention_expires_at" timestamptz, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb)
  where stored.id = folded.id
    and stored.created_at = folded.created_at;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_refold_signal_processing_audit(uuid[], timestamp with time zone[], text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  with folded as (
    select "id", "created_at", "content"
    from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as folded ("id", "created_at", "content")
  )
  update "signal_processing_audit" as stored set
    "remediation_id" = content."remediation_id", "signal_fingerprint" = content."signal_fingerprint", "processing_phases" = content."processing_phases", "enrichment_quality" = content."enrichment_quality", "enrichment_sources" = content."enrichment_sources", "context_size_bytes" = content."context_size_bytes", "environment" = content."environment", "confidence" = content."confidence", "business_criticality" = content."business_criticality", "sla_requirement" = content."sla_requirement", "priority" = content."priority", "priority_score" = content."priority_score", "routed_to_service" = content."routed_to_service", "routing_priority" = content."routing_priority", "completed_at" = content."completed_at", "status" = content."status", "error_message" = content."error_message", "namespace" = content."namespace", "remediation_uid" = content."remediation_uid", "source_kind" = content."source_kind", "source_uid" = content."source_uid", "source_shape" = content."source_shape", "extra" = content."extra"
  from folded
  cross join lateral json_to_record(folded.content::json) as content ("remediation_id" text, "signal_fingerprint" text, "processing_phases" jsonb, "enrichment_quality" numeric, "enrichment_sources" jsonb, "context_size_bytes" bigint, "environment" text, "confidence" numeric, "business_criticality" text, "sla_requirement" text, "priority" text, "priority_score" integer, "routed_to_service" text, "routing_priority" integer, "completed_at" timestamptz, "status" text, "error_message" text, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb)
  where stored.id = folded.id
    and stored.created_at = folded.created_at;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_refold_workflow_execution_audit(uuid[], timestamp with time zone[], text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
begin
  with folded as (
    select "id", "created_at", "content"
    from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as folded ("id", "created_at", "content")
  )
  update "workflow_execution_audit" as stored set
    "remediation_id" = content."remediation_id", "workflow_id" = content."workflow_id", "workflow_version" = content."workflow_version", "container_image" = content."container_image", "target_resource" = content."target_resource", "parameters" = content."parameters", "total_duration" = content."total_duration", "pipelinerun_name" = content."pipelinerun_name", "phase" = content."phase", "outcome" = content."outcome", "failure_reason" = content."failure_reason", "failure_message" = content."failure_message", "skip_reason" = content."skip_reason", "conflicting_wfe" = content."conflicting_wfe", "started_at" = content."started_at", "completed_at" = content."completed_at", "correlation_id" = content."correlation_id", "workflow_name" = content."workflow_name", "total_steps" = content."total_steps", "steps_completed" = content."steps_completed", "steps_failed" = content."steps_failed", "effectiveness_score" = content."effectiveness_score", "rollbacks_performed" = content."rollbacks_performed", "step_executions" = content."step_executions", "adaptive_adjustments" = content."adaptive_adjustments", "status" = content."status", "error_message" = content."error_message", "execution_name" = content."execution_name", "deleted_at" = content."deleted_at", "namespace" = content."namespace", "remediation_uid" = content."remediation_uid", "source_kind" = content."source_kind", "source_uid" = content."source_uid", "source_shape" = content."source_shape", "extra" = content."extra"
  from folded
  cross join lateral json_to_record(folded.content::json) as content ("remediation_id" text, "workflow_id" text, "workflow_version" text, "container_image" text, "target_resource" text, "parameters" jsonb, "total_duration" interval, "pipelinerun_name" text, "phase" text, "outcome" text, "failure_reason" text, "failure_message" text, "skip_reason" text, "conflicting_wfe" text, "started_at" timestamptz, "completed_at" timestamptz, "correlation_id" text, "workflow_name" text, "total_steps" integer, "steps_completed" integer, "steps_failed" integer, "effectiveness_score" numeric, "rollbacks_performed" integer, "step_executions" jsonb, "adaptive_adjustments" jsonb, "status" text, "error_message" text, "execution_name" text, "deleted_at" timestamptz, "namespace" text, "remediation_uid" text, "source_kind" text, "source_uid" text, "source_shape" text, "extra" jsonb)
  where stored.id = folded.id
    and stored.created_at = folded.created_at;
end
$function$;
-- privilege audit_owner=X/audit_owner
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

CREATE OR REPLACE FUNCTION public.audit_release_hold(hold text, who text)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare
  released  uuid;
begin
  update audit_hold as known set released_by = who, released_at = clock_timestamp()
  where known.id::text = hold and known.released_at is null
  returning known.id into released;
  return released;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_remove_moved_rows(wanted date)
 RETURNS void
 LANGUAGE plpgsql
 SET "TimeZone" TO 'UTC'
AS $function$
declare
  moved  record;
begin
  for moved in
    select distinct move.table_name
    from record_move as move
    where move.left_behind and move.from_created_at >= wanted and move.from_created_at < wanted + interval '1 month'
  loop
    execute format(
      'delete from %I as stored using record_move as move
       where move.left_behind and move.table_name = %L
         and move.from_created_at >= $1 and move.from_created_at < $1 + interval ''1 month''
         and stored.id = move.id and stored.created_at = move.from_created_at',
      moved.table_name, moved.table_name) using wanted::timestamptz;
  end loop;
end
$function$;
-- privilege audit_owner=X/audit_owner

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

CREATE OR REPLACE FUNCTION public.audit_request_restore(wanted date, wanted_days integer, who text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  insert into audit_restore_request as known (month, days, requested_by, expires_at)
  values (wanted, wanted_days, who, clock_timestamp() + interval '24 hours')
  on conflict (month) do update
  set days = excluded.days, requested_by = excluded.requested_by, requested_at = clock_timestamp(),
    expires_at = greatest(known.expires_at, excluded.expires_at);
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

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

CREATE OR REPLACE FUNCTION public.audit_resolve_records(table_names text[], ids uuid[], started uuid[], named uuid[], clients uuid[], since timestamp with time zone[], resources boolean[], shared boolean[])
 RETURNS TABLE(nth bigint, id uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
#variable_conflict use_column
declare
  meeting bigint[];
  one record;
  target uuid;
  known uuid;
begin
  meeting := array(
    select nth
    from unnest(table_names, ids, started, named, clients, since, shared) with ordinality
      as observed (table_name, id, started, named, client, since, is_shared, nth)
    where is_shared
      or (
        select true
        from record_alias
        where table_name = observed.table_name
          and id = any (array[observed.id, observed.started, observed.client, observed.named])
          -- Or about a start of it that was earlier.
          and (record_id <> observed.id or record_alias.since < least(observed.since, clock_timestamp()))
        limit 1
      )
      -- A post may have been first that says the name alone.
      or (named <> id and (select true from record_home where record_home.id = named))
  );

  begin
    -- No ON CONFLICT, which costs as much again: this fails where another transaction notes one of them meanwhile.
    insert into record_alias (table_name, given_by, id, record_id, since)
    select observed.table_name, name.given_by, name.id, observed.id, name.since
    from unnest(table_names, ids, started, named, clients, since) with ordinality
      as observed (table_name, id, started, named, client, since, nth)
    cross join lateral (values
      (1, 'source', observed.started, null),
      (2, 'client', nullif(observed.client, observed.id), null),
      -- A start that is still to come would be the newest for ever.
      (3, 'source', nullif(observed.named, observed.id), least(observed.since, clock_timestamp()))
    ) as name (position, given_by, id, since)
    where name.id is not null
      and nth <> all (meeting)
      and (
        select true
        from record_alias as noted
        where noted.table_name = observed.table_name
          and noted.id = name.id
          and noted.given_by = name.given_by
          -- What was noted since the statement before, of another record, is met by the insert.
          and noted.record_id = observed.id
      ) is null
    -- As the others are decided.
    order by observed.table_name, coalesce(observed.named, observed.started, observed.id), nth, position;
  exception when unique_violation then
    raise exception 'a name of a record was given by another transaction meanwhile'
      using errcode = 'serialization_failure', hint = 'the same again meets the records that have these names now';
  end;

  if meeting = '{}' then
    return;
  end if;
  for one in
    select observed.*
    from unnest(table_names, ids, started, named, clients, since, resources) with ordinality
      as observed (table_name, id, started, named, client, since, is_resource, nth)
    where observed.nth = any (meeting)
    -- One order for all writers. Of one name what says its start comes first: what does not is about the newest.
    order by observed.table_name, coalesce(observed.named, observed.started, observed.id), observed.id = observed.named, observed.nth
  loop
    target := (
      select record_id
      from record_alias
      where table_name = one.table_name
        and ((given_by <> 'client' and id = one.id) or (given_by = 'client' and id = one.client and not one.is_resource))
      order by given_by = 'client' desc
      limit 1);
    if target is null and exists (select from record_home where id = one.id) and one.id is distinct from one.named then
      target := one.id;
    end if;

    if target is null then
      target := one.id;
      -- A post that named it alone was first: this is the start of what it is about.
      if one.id <> one.named
        and exists (select from record_home where id = one.named and not is_final)
        and not exists (select from record_alias where table_name = one.table_name and given_by = 'source' and id = one.named)
      then
        target := one.named;
      end if;
      if one.started is not null then
        insert into record_alias (table_name, given_by, id, record_id)
        values (one.table_name, 'source', one.started, target)
        on conflict do nothing;
        select record_id into known
        from record_alias
        where table_name = one.table_name and given_by = 'source' and id = one.started;
        -- A post meets whatever has its name. A resource meets a record of posts, and never that of another resource.
        if not one.is_resource or exists (select from record_home where id = known and not is_final) then
          target := known;
        end if;
      end if;
    elsif one.started is not null then
      insert into record_alias (table_name, given_by, id, record_id)
      values (one.table_name, 'source', one.started, target)
      on conflict do nothing;
    end if;

    if one.id <> target and one.id is distinct from one.named then
      insert into record_alias (table_name, given_by, id, record_id)
      values (one.table_name, case when one.is_resource then 'resource' else 'source' end, one.id, target)
      on conflict do nothing;
      -- Another resource has met that record before.
      if one.is_resource and not exists (
        select from record_alias where table_name = one.table_name and given_by = 'resource' and id = one.id and record_id = target)
      then
        target := one.id;
      end if;
    end if;
    if one.client <> target then
      insert into record_alias (table_name, given_by, id, record_id)
      values (one.table_name, 'client', one.client, target)
      on conflict do nothing;
    end if;
    if one.id <> one.named then
      insert into record_alias as newest (table_name, given_by, id, record_id, since)
      -- A start that is still to come would be the newest for ever.
      values (one.table_name, 'source', one.named, target, least(one.since, clock_timestamp()))
      on conflict (table_name, id, given_by) do update set record_id = excluded.record_id, since = excluded.since
      where excluded.since > newest.since;
    end if;
    if target <> one.id then
      nth := one.nth;
      id := target;
      return next;
    end if;
  end loop;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_revoke_approval(wanted date, who text, states text[])
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform pg_advisory_xact_lock(hashtext('audit_create_month'), (wanted - date '2000-01-01'));
  update audit_partition as known
  set approved_by = null, approved_at = null, approved_manifest_sha256 = null,
    revoked_by = who, revoked_at = clock_timestamp()
  where known.month = wanted and known.state = any(states) and known.approved_by is not null;
  return found;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

CREATE OR REPLACE FUNCTION public.audit_settle_quarantine(entry uuid, settled_by text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  update audit_quarantine as known
  set resolved_at = clock_timestamp(), resolved_by = settled_by
  where known.id = entry and known.resolved_at is null;
end
$function$;
-- privilege audit_owner=X/audit_owner
-- privilege audit_writer=X/audit_owner

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
