-- Which actions failed, on what, and with which error? Newest first.
select
  execution_id,
  action_type,
  target_namespace,
  target_resource_name,
  error,
  retry_count,
  completed_at,
  remediation_id,
  workflow_ref
from :rows
where success = false
  and :since
order by completed_at desc, id
