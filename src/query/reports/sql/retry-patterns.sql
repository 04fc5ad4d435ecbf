-- Which actions need more than one attempt, and where?
select
  action_type,
  target_namespace,
  count(*) as total_with_retries,
  avg(retry_count) as avg_retries
from :rows
where retry_count > 0
  and :since
group by action_type, target_namespace
order by total_with_retries desc, action_type, target_namespace
