-- Which actions failed, on what, and with which error? Newest first.
select
  execution_id,
  action_type,
  target_namespace,
  target_resource_name,
  error,
  retry_count,
  completed_at
from kubernetes_execution_audit
where success = false
  and completed_at > coalesce(now() - $1::interval, '-infinity')
order by completed_at desc, id
