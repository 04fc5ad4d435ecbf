-- What became of the executions of each workflow? Most failures first.
-- By workflow and target first: a distinct count and ordered aggregates over all executions would sort them all. Read twice, which
-- takes less than keeping them.
with executions as not materialized (
  select id, workflow_id, workflow_name, target_resource, phase, outcome, total_duration, completed_at, failure_reason,
    remediation_id
  from :rows
  where :since
),
by_target as (
  select
    workflow_id,
    target_resource,
    max(workflow_name) as workflow_name,
    count(*) as executions,
    count(*) filter (where phase = 'Completed') as completed,
    count(*) filter (where phase = 'Failed') as failed,
    count(*) filter (where phase = 'Skipped') as skipped,
    count(*) filter (where outcome = 'Success') as successful,
    sum(total_duration) as duration,
    count(total_duration) as with_duration
  from executions
  group by workflow_id, target_resource
),
last_failure as (
  select distinct on (workflow_id) workflow_id, completed_at, failure_reason, remediation_id
  from executions
  where phase = 'Failed'
  order by workflow_id, completed_at desc nulls last, id
),
by_workflow as (
  select
    workflow_id,
    max(workflow_name) as workflow_name,
    sum(executions)::bigint as total_executions,
    sum(completed)::bigint as completed,
    sum(failed)::bigint as failed,
    sum(skipped)::bigint as skipped,
    round(sum(successful) / nullif(sum(completed) + sum(failed), 0) * 100, 2) as success_rate_pct,
    count(target_resource) as targets,
    sum(duration) / nullif(sum(with_duration), 0)::float8 as avg_duration
  from by_target
  group by workflow_id
)
select
  by_workflow.*,
  last_failure.completed_at as last_failed_at,
  last_failure.failure_reason as last_failure_reason,
  last_failure.remediation_id as last_failed_remediation
from by_workflow
left join last_failure on last_failure.workflow_id is not distinct from by_workflow.workflow_id
order by failed desc, total_executions desc, workflow_id
