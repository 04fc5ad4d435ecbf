-- What changes: an index of kubernetes_execution_audit by the time of the end, with which `failed-executions` counts the records of
-- its window. One entry for sixteen pages: of a million rows in fourteen months it has 424 kB, and a write changes it seldom.
-- Locks: kubernetes_execution_audit for its writers while the index is built, a second per million rows.
-- Online: readers go on; whoever records waits.
-- Undo by hand: drop the index kubernetes_execution_audit_completed_at_idx.

create index kubernetes_execution_audit_completed_at_idx on kubernetes_execution_audit
  using brin (completed_at) with (pages_per_range = 16, autosummarize = on);
