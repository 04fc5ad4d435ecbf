-- Which executions failed, where, and why? Newest first.
select
  target_resource,
  workflow_id,
  failure_reason,
  failure_message,
  completed_at
from :rows
where phase = 'Failed'
  and :since
order by completed_at desc, id
