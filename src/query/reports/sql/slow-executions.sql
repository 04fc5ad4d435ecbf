-- Which actions took longest?
select
  execution_id,
  action_type,
  target_resource_name,
  duration,
  job_resource_usage
from kubernetes_execution_audit
where duration > $1::interval
  and created_at > coalesce(now() - $2::interval, '-infinity')
order by duration desc, id
limit $3::integer
