-- How are the signals spread over the priorities?
select
  priority,
  count(*) as count,
  avg(priority_score) as avg_score
from signal_processing_audit
where completed_at > coalesce(now() - $1::interval, '-infinity')
group by priority
order by priority
