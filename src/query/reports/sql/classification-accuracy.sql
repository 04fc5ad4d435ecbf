-- How sure is the classification of each environment?
select
  environment,
  avg(confidence) as avg_confidence,
  count(*) as total_signals
from :rows
where :since
group by environment
order by environment
