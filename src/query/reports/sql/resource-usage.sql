-- What do the jobs behind each kind of action use?
select
  action_type,
  avg((job_resource_usage->>'cpu_millicores')::bigint) as avg_cpu_millicores,
  avg((job_resource_usage->>'memory_bytes')::bigint) as avg_memory_bytes,
  count(*) as total_executions
from :rows
where :since
  and job_resource_usage is not null
group by action_type
order by avg_cpu_millicores desc, action_type
