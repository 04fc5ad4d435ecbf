-- How was one signal processed, each time it came?
select signal_processing_audit.*
from :rows
where signal_fingerprint = $1::text
  and :since
order by completed_at desc, id
