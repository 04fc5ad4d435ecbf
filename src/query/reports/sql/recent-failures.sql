-- Which executions failed, where, and why? Newest first.
select
  target_resource,
  workflow_id,
  failure_reason,
  failure_message,
  completed_at
from workflow_execution_audit
where phase = 'Failed'
  and completed_at > coalesce(now() - $1::interval, '-infinity')
order by completed_at desc, id
