-- What changes: a record can be found by the id that its client posted it with.
-- Locks: SHARE on one record table after the other while its index is built: readers go on, writers wait. Online: no.
-- Undo by hand: drop index signal_processing_audit_client_id_idx, ai_analysis_audit_client_id_idx,
--   workflow_execution_audit_client_id_idx, kubernetes_execution_audit_client_id_idx;
--   delete from schema_migration where version = 5;

-- Cut to the length of a UUID: a post may carry any text in `extra`, and an index entry must not become too long.
create index signal_processing_audit_client_id_idx
  on signal_processing_audit (left(extra ->> 'client_id', 36)) where extra ->> 'client_id' is not null;
create index ai_analysis_audit_client_id_idx
  on ai_analysis_audit (left(extra ->> 'client_id', 36)) where extra ->> 'client_id' is not null;
create index workflow_execution_audit_client_id_idx
  on workflow_execution_audit (left(extra ->> 'client_id', 36)) where extra ->> 'client_id' is not null;
create index kubernetes_execution_audit_client_id_idx
  on kubernetes_execution_audit (left(extra ->> 'client_id', 36)) where extra ->> 'client_id' is not null;
