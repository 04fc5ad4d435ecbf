-- What changes: a view of the blocks of remediations with when each was first and last seen, and how often. The resource
--   shows a block only while it lasts, and most are looked at again every few seconds: the sightings are the ledger's.
-- Locks: none that anybody waits for. Online: yes.
-- Undo by hand: drop view audit_block; delete from schema_migration where version = 8;

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
