-- What did one workflow execution do, step by step?
select
  execution_id,
  action_type,
  target_resource_name,
  success,
  duration,
  retry_count,
  remediation_id
from :rows
where workflow_ref = $1::text
  and :since
order by step_index, created_at, id
