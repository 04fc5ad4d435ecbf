-- How sure is the classification of each environment?
select
  environment,
  avg(confidence) as avg_confidence,
  count(*) as total_signals
from signal_processing_audit
where completed_at > coalesce(now() - $1::interval, '-infinity')
group by environment
order by environment
