-- How often did each lock keep a workflow from running?
select
  skip_reason,
  count(*) as skip_count
from workflow_execution_audit
where phase = 'Skipped'
  and created_at > coalesce(now() - $1::interval, '-infinity')
group by skip_reason
order by skip_count desc, skip_reason
