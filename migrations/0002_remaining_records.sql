-- What changes: the other record tables of the sources, the hub of each remediation, and the investigations' embeddings,
--   with the months that exist already; an index for the correlation ids of workflow executions.
-- Locks: writers of workflow_execution_audit wait while its index is built; everything else is new. Online: otherwise.
-- Undo by hand: drop table remediation_audit, signal_processing_audit, ai_analysis_audit, kubernetes_execution_audit,
--   ai_investigation_embeddings; drop function audit_use_vector; drop index workflow_execution_audit_correlation_id_idx;
--   delete from schema_migration where version = 2;

create table remediation_audit (
  id                          uuid        not null,
  remediation_id              text,
  signal_fingerprint          text,
  signal_name                 text,
  severity                    text,
  signal_type                 text,
  signal_source               text,
  signal_labels               jsonb,
  target_kind                 text,
  target_name                 text,
  target_namespace            text,
  overall_phase               text,
  outcome                     text,
  failure_phase               text,
  failure_reason              text,
  workflow_id                 text,
  workflow_name               text,
  workflow_version            text,
  workflow_confidence         numeric constraint remediation_audit_workflow_confidence_check
                                check (workflow_confidence between 0 and 1),
  approval_required           boolean,
  approval_decision           text,
  approval_decided_by         text,
  approval_decided_via        text,
  approval_decided_at         timestamptz,
  approval_override           jsonb,
  verification_reason         text,
  verification_health_score   numeric constraint remediation_audit_verification_health_score_check
                                check (verification_health_score between 0 and 1),
  verification_alert_score    numeric constraint remediation_audit_verification_alert_score_check
                                check (verification_alert_score between 0 and 1),
  verification_metrics_score  numeric constraint remediation_audit_verification_metrics_score_check
                                check (verification_metrics_score between 0 and 1),
  pre_remediation_spec_hash   text,
  post_remediation_spec_hash  text,
  current_spec_hash           text,
  notifications               jsonb,
  started_at                  timestamptz,
  completed_at                timestamptz,
  deleted_at                  timestamptz,
  verdict                     text,
  final_state_unknown         boolean,
  retention_expires_at        timestamptz,
  created_at                  timestamptz not null,
  created_at_source           text        not null,
  cluster                     text        not null,
  namespace                   text,
  remediation_uid             text,
  source_kind                 text,
  source_uid                  text,
  source_version              bigint      not null,
  source_shape                text,
  recorded_at                 timestamptz not null default clock_timestamp(),
  updated_at                  timestamptz not null default clock_timestamp(),
  revision                    integer     not null,
  extra                       jsonb,
  primary key (id, created_at)
) partition by range (created_at);

create index remediation_audit_created_at_idx on remediation_audit (created_at desc, id desc);
create index remediation_audit_remediation_id_idx on remediation_audit (remediation_id, created_at desc);
create index remediation_audit_remediation_uid_idx on remediation_audit (remediation_uid);
create index remediation_audit_signal_fingerprint_idx on remediation_audit (signal_fingerprint, created_at desc);
create index remediation_audit_target_namespace_idx on remediation_audit (target_namespace, created_at desc);
-- Open ones are few and asked for all the time: completeness, gaps, budgets.
create index remediation_audit_open_idx on remediation_audit (created_at) where verdict = 'open';

create table signal_processing_audit (
  id                    uuid        not null,
  remediation_id        text,
  signal_fingerprint    text,
  processing_phases     jsonb,
  enrichment_quality    numeric constraint signal_processing_audit_enrichment_quality_check
                          check (enrichment_quality between 0 and 1),
  enrichment_sources    jsonb,
  context_size_bytes    bigint,
  environment           text,
  confidence            numeric constraint signal_processing_audit_confidence_check
                          check (confidence between 0 and 1),
  business_criticality  text,
  sla_requirement       text,
  priority              text,
  priority_score        integer,
  routed_to_service     text,
  routing_priority      integer,
  completed_at          timestamptz,
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

create index signal_processing_audit_created_at_idx on signal_processing_audit (created_at desc, id desc);
create index signal_processing_audit_remediation_id_idx on signal_processing_audit (remediation_id, created_at desc);
create index signal_processing_audit_remediation_uid_idx on signal_processing_audit (remediation_uid);
create index signal_processing_audit_signal_fingerprint_idx on signal_processing_audit (signal_fingerprint, completed_at desc);
-- The source's windows are over completed_at, which cannot choose a month: without an index each would read them all.
create index signal_processing_audit_completed_at_idx on signal_processing_audit (completed_at desc);

create table ai_analysis_audit (
  id                         uuid        not null,
  crd_name                   text,
  crd_namespace              text,
  alert_fingerprint          text,
  environment                text,
  severity                   text,
  investigation_start        timestamptz,
  investigation_end          timestamptz,
  investigation_duration_ms  bigint,
  root_cause_count           integer,
  investigation_report       text,
  analysis_start             timestamptz,
  analysis_end               timestamptz,
  analysis_duration_ms       bigint,
  confidence_score           numeric constraint ai_analysis_audit_confidence_score_check
                               check (confidence_score between 0 and 1),
  hallucination_detected     boolean,
  recommendation_start       timestamptz,
  recommendation_end         timestamptz,
  recommendations            jsonb,
  top_recommendation         text,
  effectiveness_probability  numeric constraint ai_analysis_audit_effectiveness_probability_check
                               check (effectiveness_probability between 0 and 1),
  historical_success_rate    numeric constraint ai_analysis_audit_historical_success_rate_check
                               check (historical_success_rate between 0 and 1),
  workflow_crd_name          text,
  workflow_crd_namespace     text,
  completion_status          text,
  failure_reason             text,
  remediation_id             text,
  created_at                 timestamptz not null,
  created_at_source          text        not null,
  cluster                    text        not null,
  namespace                  text,
  remediation_uid            text,
  source_kind                text,
  source_uid                 text,
  source_version             bigint      not null,
  source_shape               text,
  recorded_at                timestamptz not null default clock_timestamp(),
  updated_at                 timestamptz not null default clock_timestamp(),
  revision                   integer     not null,
  extra                      jsonb,
  primary key (id, created_at)
) partition by range (created_at);

create index ai_analysis_audit_created_at_idx on ai_analysis_audit (created_at desc, id desc);
create index ai_analysis_audit_remediation_id_idx on ai_analysis_audit (remediation_id, created_at desc);
create index ai_analysis_audit_remediation_uid_idx on ai_analysis_audit (remediation_uid);
create index ai_analysis_audit_alert_fingerprint_idx on ai_analysis_audit (alert_fingerprint, created_at desc);
create index ai_analysis_audit_environment_idx on ai_analysis_audit (environment, created_at desc);

create table kubernetes_execution_audit (
  id                    uuid        not null,
  execution_id          text,
  workflow_ref          text,
  step_index            integer,
  action_type           text,
  action_parameters     jsonb,
  target_namespace      text,
  target_resource_kind  text,
  target_resource_name  text,
  success               boolean,
  output                text,
  error                 text,
  start_time            timestamptz,
  end_time              timestamptz,
  duration              interval,
  job_name              text,
  job_pod_name          text,
  job_exit_code         integer,
  job_resource_usage    jsonb,
  retry_count           integer,
  max_retries           integer,
  completed_at          timestamptz,
  phase                 text,
  remediation_id        text,
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

create index kubernetes_execution_audit_created_at_idx on kubernetes_execution_audit (created_at desc, id desc);
create index kubernetes_execution_audit_remediation_id_idx on kubernetes_execution_audit (remediation_id, created_at desc);
create index kubernetes_execution_audit_remediation_uid_idx on kubernetes_execution_audit (remediation_uid);
create index kubernetes_execution_audit_execution_id_idx on kubernetes_execution_audit (execution_id);
create index kubernetes_execution_audit_workflow_ref_idx on kubernetes_execution_audit (workflow_ref, step_index);
create index kubernetes_execution_audit_action_type_idx on kubernetes_execution_audit (action_type, created_at desc);
-- text_pattern_ops, because the source asks for `like 'prod-%'`, which another index answers in the C locale only.
create index kubernetes_execution_audit_target_resource_idx on kubernetes_execution_audit
  (target_namespace text_pattern_ops, target_resource_kind, target_resource_name);
-- Successes are nearly all rows and never asked for alone.
create index kubernetes_execution_audit_failed_idx on kubernetes_execution_audit (completed_at desc) where not success;

create index workflow_execution_audit_correlation_id_idx on workflow_execution_audit (correlation_id);

create table ai_investigation_embeddings (
  id                  uuid        not null,
  alert_fingerprint   text,
  investigation_text  text        not null,
  embedding           real[],
  root_cause          text,
  confidence_score    numeric constraint ai_investigation_embeddings_confidence_score_check
                        check (confidence_score between 0 and 1),
  environment         text,
  created_at          timestamptz not null,
  model               text,
  dimension           integer,
  cluster             text        not null,
  remediation_id      text,
  remediation_uid     text,
  updated_at          timestamptz not null default clock_timestamp(),
  primary key (id)
);
-- What the vector type says by itself: an upgrade to it must not meet a row that it refuses.
alter table ai_investigation_embeddings add constraint ai_investigation_embeddings_embedding_check
  check (cardinality(embedding) = 1536 and array_position(embedding, null) is null);

create index ai_investigation_embeddings_alert_fingerprint_idx on ai_investigation_embeddings (alert_fingerprint);
create index ai_investigation_embeddings_environment_idx on ai_investigation_embeddings (environment);
create index ai_investigation_embeddings_remediation_uid_idx on ai_investigation_embeddings (remediation_uid);

-- Makes the embeddings a pgvector column if the extension can be had; true if they are one afterwards. Migration and
-- upgrade both call it. The index is made apart from it, because a build over many rows must not hold the table.
create function audit_use_vector() returns boolean
language plpgsql
as $$
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
$$;
revoke all on function audit_use_vector() from public;

do $$
begin
  if audit_use_vector() then
    create index ai_investigation_embeddings_embedding_idx on ai_investigation_embeddings
      using hnsw (embedding vector_cosine_ops);
  end if;
end
$$;

-- Months that were made before these tables were.
select audit_create_month(month) from audit_partition where state = 'live' order by month;

grant select, insert, update on remediation_audit, signal_processing_audit, ai_analysis_audit,
  kubernetes_execution_audit, ai_investigation_embeddings to audit_writer;
grant select on remediation_audit, signal_processing_audit, ai_analysis_audit,
  kubernetes_execution_audit, ai_investigation_embeddings to audit_reader;
