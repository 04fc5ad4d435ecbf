-- How often does each workflow succeed on each target?
select
  target_resource,
  workflow_id,
  count(*) as total_executions,
  count(*) filter (where outcome = 'Success') as successful,
  round(
    count(*) filter (where outcome = 'Success')::numeric / nullif(count(*), 0) * 100, 2
  ) as success_rate_pct,
  max(workflow_name) as workflow_name
from :rows
where phase in ('Completed', 'Failed')
  and :since
group by target_resource, workflow_id
order by total_executions desc, target_resource, workflow_id
