-- How well does each recommendation do, as expected and as it did before?
select
  top_recommendation,
  avg(effectiveness_probability) as avg_effectiveness,
  avg(historical_success_rate) as avg_historical_success,
  count(*) as total_recommendations
from :rows
where completion_status = 'completed'
  and :since
group by top_recommendation
order by avg_effectiveness desc, top_recommendation
