-- How are the signals spread over the priorities?
select
  priority,
  count(*) as count,
  avg(priority_score) as avg_score
from :rows
where :since
group by priority
order by priority
