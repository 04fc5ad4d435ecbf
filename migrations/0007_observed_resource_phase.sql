-- What changes: observed_resource says which version its phase was read from, and has no hash while no state of the
--   resource has been recorded to its end. Nothing has written the table before.
-- Locks: ACCESS EXCLUSIVE on observed_resource for a moment. Online: yes.
-- Undo by hand: alter table observed_resource drop column phase_version; delete from observed_resource where
--   projection_hash is null; alter table observed_resource alter column projection_hash set not null;
--   delete from schema_migration where version = 7;

alter table observed_resource
  add column phase_version bigint not null default 0,
  alter column projection_hash drop not null;
