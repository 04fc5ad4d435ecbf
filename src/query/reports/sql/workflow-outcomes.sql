-- What became of the executions of each workflow? Most failures first.
select
  workflow_id,
  max(workflow_name) as workflow_name,
  count(*) as total_executions,
  count(*) filter (where phase = 'Completed') as completed,
  count(*) filter (where phase = 'Failed') as failed,
  count(*) filter (where phase = 'Skipped') as skipped,
  round(
    count(*) filter (where outcome = 'Success')::numeric
      / nullif(count(*) filter (where phase in ('Completed', 'Failed')), 0) * 100, 2
  ) as success_rate_pct,
  count(distinct target_resource) as targets,
  avg(total_duration) as avg_duration,
  max(completed_at) filter (where phase = 'Failed') as last_failed_at,
  (array_agg(failure_reason order by completed_at desc nulls last, id) filter (where phase = 'Failed'))[1]
    as last_failure_reason,
  (array_agg(remediation_id order by completed_at desc nulls last, id) filter (where phase = 'Failed'))[1]
    as last_failed_remediation
from :rows
where :since
group by workflow_id
order by failed desc, total_executions desc, workflow_id
