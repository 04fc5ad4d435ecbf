-- How long does each kind of action take when it succeeds?
select
  action_type,
  count(*) as total_executions,
  avg(duration) as avg_duration,
  percentile_cont(0.5) within group (order by duration) as p50_duration,
  percentile_cont(0.95) within group (order by duration) as p95_duration,
  percentile_cont(0.99) within group (order by duration) as p99_duration
from :rows
where :since
  and success = true
group by action_type
order by avg_duration desc, action_type
