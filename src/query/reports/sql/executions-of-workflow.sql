-- What did one workflow execution do, step by step?
select
  execution_id,
  action_type,
  target_resource_name,
  success,
  duration,
  retry_count
from kubernetes_execution_audit
where workflow_ref = $1::text
  and created_at > coalesce(now() - $2::interval, '-infinity')
order by step_index, created_at, id
