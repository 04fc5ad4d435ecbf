-- What was done in the namespaces that match a pattern? Newest first.
select
  execution_id,
  action_type,
  target_resource_kind,
  target_resource_name,
  success,
  created_at,
  job_pod_name,
  remediation_id,
  workflow_ref
from :rows
where target_namespace like $1::text
  and :since
order by created_at desc, id
