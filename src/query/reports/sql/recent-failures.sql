-- Which executions failed, where, and why? Newest first.
select
  target_resource,
  workflow_id,
  failure_reason,
  failure_message,
  completed_at,
  remediation_id,
  workflow_name
from :rows
where phase = 'Failed'
  and :since
order by completed_at desc, id
