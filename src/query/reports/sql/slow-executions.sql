-- Which actions took longest?
select
  execution_id,
  action_type,
  target_resource_name,
  duration,
  job_resource_usage,
  remediation_id,
  workflow_ref
from :rows
where duration > $1::interval
  and :since
order by duration desc, id
limit $3::integer
