-- What changes: everything; the database is empty before. In this order:
--   1. what is recorded: one table per kind of record, partitioned by month, and the view of blocks;
--   2. what proves it: the ledger of observations, and where each record is;
--   3. where the months are: partitions, archives, legal holds;
--   4. what the watcher knows: resources and clusters;
--   5. what the service notes of its own work: what it could not store, and who read what.
--   The functions are in functions.sql, which is applied first. Privileges stand below each table: audit_owner owns it,
--   audit_writer is the service, which reads tables and writes through functions alone, audit_watcher its watcher, audit_reader whoever reports with SQL.
-- Locks: none, every table is new. Online: yes.
-- Undo by hand: drop the database.

-- 1. What is recorded.
--
-- The names and the order of the first columns are those of the sources, whose own queries run here unchanged. The columns
-- from created_at on are the same in every one of these tables. created_at is never the time of writing: it is the time of
-- the resource, decided when the record is first accepted, because it is the partition key.
--
-- Words of the sources (phases, outcomes, reasons) are text without a check: a word of a later release is a row, not an
-- error. Scores are checked, by a constraint whose name gives table and column to the message that a client reads.
--
-- Indexes: created_at alone, because with id behind it the planner takes the rows to be scattered and reads whole months
-- for a week; a page still comes in order, ties sorted as it goes. Client ids are cut to the length of a UUID, because a
-- post may carry any text in extra and an index entry must not become too long. Each other one serves one question of the
-- sources, or the reports of this service.

-- One row per RemediationRequest, written from its first observation on.
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
  investigation_sessions      jsonb,
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
create index remediation_audit_created_at_idx on remediation_audit (created_at);
create index remediation_audit_remediation_id_idx on remediation_audit (remediation_id, created_at desc);
create index remediation_audit_remediation_uid_idx on remediation_audit (remediation_uid);
create index remediation_audit_signal_fingerprint_idx on remediation_audit (signal_fingerprint, created_at desc);
create index remediation_audit_target_namespace_idx on remediation_audit (target_namespace, created_at desc);
-- Open remediations are few, and completeness reads them all the time.
create index remediation_audit_open_idx on remediation_audit (created_at) where verdict = 'open';
grant select on remediation_audit to audit_writer;
grant select on remediation_audit to audit_reader;

-- One row per signal that was processed.
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
create index signal_processing_audit_created_at_idx on signal_processing_audit (created_at);
create index signal_processing_audit_remediation_id_idx on signal_processing_audit (remediation_id, created_at desc);
create index signal_processing_audit_remediation_uid_idx on signal_processing_audit (remediation_uid);
create index signal_processing_audit_signal_fingerprint_idx on signal_processing_audit (signal_fingerprint, completed_at desc);
-- The source's windows are over completed_at, which cannot choose a month: without an index each would read them all.
create index signal_processing_audit_completed_at_idx on signal_processing_audit (completed_at desc);
create index signal_processing_audit_client_id_idx
  on signal_processing_audit (left(extra ->> 'client_id', 36)) where extra ->> 'client_id' is not null;
grant select on signal_processing_audit to audit_writer;
grant select on signal_processing_audit to audit_reader;

-- One row per AIAnalysis.
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
  agent_sessions             jsonb,
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
create index ai_analysis_audit_created_at_idx on ai_analysis_audit (created_at);
create index ai_analysis_audit_remediation_id_idx on ai_analysis_audit (remediation_id, created_at desc);
create index ai_analysis_audit_remediation_uid_idx on ai_analysis_audit (remediation_uid);
create index ai_analysis_audit_alert_fingerprint_idx on ai_analysis_audit (alert_fingerprint, created_at desc);
create index ai_analysis_audit_environment_idx on ai_analysis_audit (environment, created_at desc);
create index ai_analysis_audit_client_id_idx
  on ai_analysis_audit (left(extra ->> 'client_id', 36)) where extra ->> 'client_id' is not null;
grant select on ai_analysis_audit to audit_writer;
grant select on ai_analysis_audit to audit_reader;

-- One row per WorkflowExecution, and one per block that kept a remediation from starting one.
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
  execution_name        text,
  deleted_at            timestamptz,
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
create index workflow_execution_audit_created_at_idx on workflow_execution_audit (created_at);
create index workflow_execution_audit_remediation_id_idx on workflow_execution_audit (remediation_id, created_at desc);
create index workflow_execution_audit_remediation_uid_idx on workflow_execution_audit (remediation_uid);
create index workflow_execution_audit_target_resource_idx on workflow_execution_audit (target_resource, created_at desc);
create index workflow_execution_audit_workflow_id_idx on workflow_execution_audit (workflow_id, created_at desc);
create index workflow_execution_audit_phase_idx on workflow_execution_audit (phase, completed_at desc);
create index workflow_execution_audit_correlation_id_idx on workflow_execution_audit (correlation_id);
create index workflow_execution_audit_client_id_idx
  on workflow_execution_audit (left(extra ->> 'client_id', 36)) where extra ->> 'client_id' is not null;
grant select on workflow_execution_audit to audit_writer;
grant select on workflow_execution_audit to audit_reader;

-- One row per action that was executed in the cluster.
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
  deleted_at            timestamptz,
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
create index kubernetes_execution_audit_created_at_idx on kubernetes_execution_audit (created_at);
create index kubernetes_execution_audit_remediation_id_idx on kubernetes_execution_audit (remediation_id, created_at desc);
create index kubernetes_execution_audit_remediation_uid_idx on kubernetes_execution_audit (remediation_uid);
create index kubernetes_execution_audit_execution_id_idx on kubernetes_execution_audit (execution_id);
create index kubernetes_execution_audit_workflow_ref_idx on kubernetes_execution_audit (workflow_ref, step_index);
create index kubernetes_execution_audit_action_type_idx on kubernetes_execution_audit (action_type, created_at desc);
-- text_pattern_ops, because the source asks for `like 'prod-%'`, which another index answers in the C locale only.
create index kubernetes_execution_audit_target_resource_idx on kubernetes_execution_audit
  (target_namespace text_pattern_ops, target_resource_kind, target_resource_name);
-- Successes are nearly all rows, and no query wants them alone.
create index kubernetes_execution_audit_failed_idx on kubernetes_execution_audit (completed_at desc) where not success;
create index kubernetes_execution_audit_client_id_idx
  on kubernetes_execution_audit (left(extra ->> 'client_id', 36)) where extra ->> 'client_id' is not null;
grant select on kubernetes_execution_audit to audit_writer;
grant select on kubernetes_execution_audit to audit_reader;

-- The text of each investigation as a vector, to find similar ones. Not partitioned and not dropped with a month: the source
-- calls it permanent memory.
create table ai_investigation_embeddings (
  id                  uuid        not null,
  alert_fingerprint   text,
  investigation_text  text        not null,
  embedding           real[] constraint ai_investigation_embeddings_embedding_check
                        -- What the vector type checks by itself: an upgrade to it must not meet a row that it refuses.
                        check (cardinality(embedding) = 1536 and array_position(embedding, null) is null),
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
create index ai_investigation_embeddings_alert_fingerprint_idx on ai_investigation_embeddings (alert_fingerprint);
create index ai_investigation_embeddings_environment_idx on ai_investigation_embeddings (environment);
create index ai_investigation_embeddings_remediation_uid_idx on ai_investigation_embeddings (remediation_uid);
grant select on ai_investigation_embeddings to audit_writer;
grant select on ai_investigation_embeddings to audit_reader;

-- Where the server has pgvector the column is a vector from the start; `upgrade-embeddings` converts it elsewhere, later.
do $$
begin
  if audit_use_vector() then
    create index ai_investigation_embeddings_embedding_idx on ai_investigation_embeddings
      using hnsw (embedding vector_cosine_ops);
  end if;
end
$$;

-- 2. What proves it.

-- Every observation once, for ever. The row of a record is the fold of its entries here. The ledger is partitioned by the
-- created_at of the record, so that row and history live, are archived and are held together.
create sequence audit_ledger_seq as bigint;
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

-- Privileges are the guard; the trigger also stops a mistake of the owner.
create trigger audit_ledger_append_only
  before update or delete on audit_ledger
  for each row execute function audit_refuse_change();
select audit_guard_append_only('audit_ledger');

grant select on audit_ledger to audit_writer;
grant select on audit_ledger to audit_reader;

-- The created_at of every record. It makes an id unique across months: the primary key of a partitioned table must carry the
-- month, so it cannot. The first acceptance decides it, and the creation time of the record's own resource makes it final:
-- posts decide where a record is only as long as nothing else is known (ADR 42).
create table record_home (
  id          uuid        not null primary key,
  table_name  text        not null,
  created_at  timestamptz not null,
  is_final    boolean     not null
);
grant select on record_home to audit_writer;
grant select on record_home to audit_reader;

-- Other names of records: the ids that clients gave them, and what their source calls them. Posts and resources that say the same
-- of an execution so meet in one record, whichever comes first (ADR 56). A name says for good which record it is of, but the
-- name that the newest of several records has.
create table record_alias (
  table_name  text        not null,
  -- Kept apart: the id that a client makes up may be any, also that of a resource which does not exist yet.
  given_by    text        not null check (given_by in ('client', 'source', 'resource')),
  id          uuid        not null,
  record_id   uuid        not null,
  -- Of the newest record of that name; null where the name is of one record alone.
  since       timestamptz,
  primary key (table_name, id, given_by)
);
-- A record that posts have made is met by one resource.
create unique index record_alias_resource_idx on record_alias (table_name, record_id) where given_by = 'resource';
grant select on record_alias to audit_writer, audit_reader;

-- Records that posts had put elsewhere than their resource belongs. The entries of the old location stay in the ledger, and
-- stand again at the new one: whoever reads entries other than by record and created_at leaves those out that moved.
create table record_move (
  id               uuid        not null primary key,
  table_name       text        not null,
  from_created_at  timestamptz not null,
  to_created_at    timestamptz not null,
  entries          integer     not null,
  moved_at         timestamptz not null default clock_timestamp(),
  -- Of the old month something was in the archive already: there the record has a row and entries that were not moved.
  left_behind      boolean     not null
);
-- A list that reaches into an archived month leaves these out.
create index record_move_left_behind_idx on record_move (table_name, from_created_at, id) where left_behind;
grant select on record_move to audit_writer, audit_reader;

-- Each block of a remediation with when it was first and last seen, and how often. The resource shows a block only while it
-- lasts, and the controller re-checks most of them every few seconds: the ledger has each time it was seen.
create view audit_block as
  select block.cluster, block.namespace, block.remediation_id, block.remediation_uid, block.skip_reason,
    block.conflicting_wfe, block.id as record_id, block.created_at, sighting.first_seen, sighting.last_seen, sighting.sightings
  from workflow_execution_audit as block
  cross join lateral (
    select min(entry.observed_at) as first_seen, max(entry.observed_at) as last_seen,
      count(distinct entry.source_version) as sightings
    from audit_ledger as entry
    where entry.record_id = block.id
      and entry.created_at = block.created_at
      and entry.phase = 'skip'
  ) as sighting
  where block.phase = 'Skipped';
grant select on audit_block to audit_writer, audit_reader;

-- 3. Where the months are.

-- One row per month: all partitioned tables and their ledger live, are archived and are held together.
create table audit_partition (
  month             date        not null primary key constraint audit_partition_month_check check (extract(day from month) = 1),
  state             text        not null default 'live' constraint audit_partition_state_check
                      check (state in ('live', 'archiving', 'archived', 'detached', 'dropped', 'restored', 'expired')),
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  row_counts        jsonb,
  manifest          text,
  manifest_sha256   bytea,
  approved_by       text,
  approved_at       timestamptz,
  -- The manifest that was consented to: with another one the consent is none.
  approved_manifest_sha256 bytea,
  revoked_by        text,
  revoked_at        timestamptz,
  archived_at       timestamptz,
  detached_at       timestamptz,
  dropped_at        timestamptz,
  restored_at       timestamptz,
  restored_until    timestamptz,
  -- The manifest that the last drop relied on, and why retention stopped.
  settled_manifest  text,
  fault             text,
  fault_at          timestamptz,
  restored_by       text,
  expired_at        timestamptz,
  -- Whose posts made the month last, or made it live again: what one caller can make in a day is limited.
  made_by           text,
  made_at           timestamptz,
  -- The export that is under way: the run that began it, and by table the parts that it wrote.
  export_run        text,
  export_parts      jsonb
);
grant select on audit_partition to audit_writer;
grant select on audit_partition to audit_reader;

-- Restores that were requested and are not over: who wants the month, and for how many days. The database may never have had it.
-- A request ends by itself: one that no restore took up, because Temporal was away, must not run when nobody remembers it.
create table audit_restore_request (
  month         date        not null primary key
                  constraint audit_restore_request_month_check check (extract(day from month) = 1),
  days          integer     not null constraint audit_restore_request_days_check check (days > 0),
  requested_by  text        not null,
  requested_at  timestamptz not null default clock_timestamp(),
  expires_at    timestamptz not null
);

-- Legal holds: what one covers is not dropped.
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
grant select on audit_hold to audit_writer;
grant select on audit_hold to audit_reader;

-- Which archived months each hold touches, and whether the object store holds their objects.
create table audit_hold_archive (
  hold_id     uuid        not null references audit_hold (id),
  month       date        not null,
  state       text        not null,
  manifest    text,
  objects     integer     not null default 0,
  changed_at  timestamptz not null default clock_timestamp(),
  primary key (hold_id, month),
  constraint audit_hold_archive_state_check check (state in ('unmatched', 'held', 'unsupported', 'released'))
);
grant select on audit_hold_archive to audit_writer, audit_reader;

-- 4. What the watcher knows.

-- The last known state of each resource. Written with the records, also for a repetition; losing it costs repetition only.
create table observed_resource (
  cluster          text        not null,
  source_uid       text        not null,
  kind             text        not null,
  namespace        text        not null,
  name             text        not null,
  remediation_uid  text,
  source_version   bigint      not null,
  -- Null while no state of the resource has been recorded to its end.
  projection_hash  bytea,
  phase            text,
  first_seen       timestamptz not null,
  last_seen        timestamptz not null,
  deleted_at       timestamptz,
  -- The version that phase was read from.
  phase_version    bigint      not null default 0,
  primary key (cluster, source_uid)
);
-- After each list the watcher reads which open resources were not on it.
create index observed_resource_open_idx on observed_resource (cluster, kind) where deleted_at is null;
create index observed_resource_remediation_uid_idx on observed_resource (remediation_uid);
-- A row is deleted some time after its resource.
create index observed_resource_deleted_at_idx on observed_resource (deleted_at) where deleted_at is not null;
grant select on observed_resource to audit_writer;
-- All that the watcher may read; functions answer its other questions.
grant select on observed_resource to audit_watcher, audit_reader;

-- Which cluster stands behind each name, so that another one under the same name is noticed before the resources of the
-- first are taken for deleted; and what its watcher last reported of what it has seen.
create table watched_cluster (
  cluster           text        not null primary key,
  -- The uid of its namespace kube-system, which lives as long as the cluster does and comes back with a restored etcd.
  -- Unknown as long as the watcher may not read it.
  identity          text,
  first_watched_at  timestamptz not null default clock_timestamp(),
  reported_at       timestamptz,
  report            jsonb
);
grant select on watched_cluster to audit_writer, audit_reader;

-- The epoch is added to every version of a cluster. An operator raises it when etcd was restored and versions went back; a
-- cluster without a row has epoch 0.
create table audit_cluster (
  cluster    text   not null primary key,
  epoch      bigint not null default 0 constraint audit_cluster_epoch_check check (epoch >= 0),
  raised_by  text,
  raised_at  timestamptz
);
grant select on audit_cluster to audit_writer, audit_reader;

-- 5. What the service notes of its own work.

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
  -- A retry brings the same payload again: that is the same row, refused once more.
  constraint audit_quarantine_payload_key unique (table_name, payload_hash)
);
create index audit_quarantine_open_idx on audit_quarantine (received_at) where resolved_at is null;
-- A row is never deleted and its payload never changes: it is refused again, or resolved.
grant select on audit_quarantine to audit_writer;
grant select on audit_quarantine to audit_reader;

-- Reads are audited too. Append-only and written through audit_note_access alone, which sets the time and the role itself: whoever
-- reads, through the service or with SQL, can neither see nor change the trace of it. The owner alone reads it. By month like the records, so that retention archives it
-- with them and drops it.
create sequence audit_access_seq;
create table audit_access (
  id             bigint      not null default nextval('audit_access_seq'),
  created_at     timestamptz not null,
  caller         text        not null,
  route          text        not null,
  filter         jsonb,
  rows_returned  bigint,
  request_id     text,
  status         integer,
  address        text,
  times          integer     not null,
  noted_as       text        not null,
  primary key (id, created_at)
) partition by range (created_at);
alter sequence audit_access_seq owned by audit_access.id;
create index audit_access_created_at_idx on audit_access (created_at);
create trigger audit_access_append_only
  before update or delete on audit_access
  for each row execute function audit_refuse_change();
select audit_guard_append_only('audit_access');
