-- How often did each lock keep a workflow from running?
select
  skip_reason,
  count(*) as skip_count
from :rows
where phase = 'Skipped'
  and :since
group by skip_reason
order by skip_count desc, skip_reason
