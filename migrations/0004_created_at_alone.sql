-- What changes: the index over created_at of each record table carries created_at alone. With the id behind it the planner
--   takes its rows to be scattered and reads whole months for a week; a page still comes in order, ties sorted as it goes.
-- Locks: ACCESS EXCLUSIVE on one record table after the other while its new index is built. Online: no.
-- Undo by hand: the same with (created_at desc, id desc); delete from schema_migration where version = 4;

drop index remediation_audit_created_at_idx;
create index remediation_audit_created_at_idx on remediation_audit (created_at);
drop index signal_processing_audit_created_at_idx;
create index signal_processing_audit_created_at_idx on signal_processing_audit (created_at);
drop index ai_analysis_audit_created_at_idx;
create index ai_analysis_audit_created_at_idx on ai_analysis_audit (created_at);
drop index workflow_execution_audit_created_at_idx;
create index workflow_execution_audit_created_at_idx on workflow_execution_audit (created_at);
drop index kubernetes_execution_audit_created_at_idx;
create index kubernetes_execution_audit_created_at_idx on kubernetes_execution_audit (created_at);
