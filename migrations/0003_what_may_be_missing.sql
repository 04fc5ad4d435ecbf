-- What changes: completeness looks at what may be missing alone, however much is recorded: resources of which nobody has
-- found yet what belongs to them, open remediations, and those whose end nobody saw. The history finds a target by its name
-- alone.
-- Locks: observed_resource and remediation_audit for their writers while the indexes are built, a second per million rows.
-- Online: readers go on; whoever records waits.
-- Undo by hand: drop the column unmatched and the indexes remediation_audit_unseen_end_idx and remediation_audit_target_name_idx;
-- make remediation_audit_open_idx as before.

-- What a row that is inserted in any other way than by audit_observe_resources belongs to is unknown.
alter table observed_resource add column unmatched boolean not null default false;
update observed_resource as child
  set unmatched = true
  where child.kind <> 'RemediationRequest'
    and not exists (
      select
      from observed_resource as request
      where request.cluster = child.cluster
        and request.source_uid = child.remediation_uid
    );
update observed_resource as request
  set unmatched = true
  where request.kind = 'RemediationRequest'
    and not exists (
      select
      from remediation_audit as remediation
      where remediation.cluster = request.cluster
        and remediation.remediation_uid = request.source_uid
        and remediation.verdict <> 'open'
    )
    -- Whose record is in a month that left the database had its verdict before that.
    and not exists (
      select
      from audit_partition as partition
      where partition.state in ('detached', 'dropped', 'expired')
        and partition.month <= request.first_seen
    );
alter table observed_resource alter column unmatched set default true;
create index observed_resource_unmatched_idx on observed_resource (cluster, kind) where unmatched;

-- A remediation that was posted may say nothing of its verdict: it is as open as one that says so.
drop index remediation_audit_open_idx;
create index remediation_audit_open_idx on remediation_audit (created_at) where verdict = 'open' or verdict is null;
create index remediation_audit_unseen_end_idx on remediation_audit (created_at)
  where final_state_unknown and verdict = 'deleted-before-terminal';

-- On call knows the name of a target, and not always where it is.
create index remediation_audit_target_name_idx on remediation_audit (target_name, created_at desc);
