-- Which actions need more than one attempt, and where?
select
  action_type,
  target_namespace,
  count(*) as total_with_retries,
  avg(retry_count) as avg_retries
from kubernetes_execution_audit
where retry_count > 0
  and created_at > coalesce(now() - $1::interval, '-infinity')
group by action_type, target_namespace
order by total_with_retries desc, action_type, target_namespace
