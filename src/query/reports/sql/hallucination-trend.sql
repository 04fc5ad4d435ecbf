-- How many analyses of each day were found to claim what they had no grounds for? Newest first.
select
  date(created_at) as date,
  sum(case when hallucination_detected then 1 else 0 end) as hallucinations,
  count(*) as total_analyses,
  sum(case when hallucination_detected then 1 else 0 end)::float / count(*) as hallucination_rate,
  count(hallucination_detected) as assessed
from :rows
where :since
group by date(created_at)
order by date desc
