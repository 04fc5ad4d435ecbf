-- How long do investigations take in each environment, and how sure are they?
select
  environment,
  avg(investigation_duration_ms) as avg_duration,
  avg(confidence_score) as avg_confidence,
  count(*) as total_investigations
from :rows
where :since
group by environment
order by environment
