-- How was one signal processed, each time it came?
select signal_processing_audit.*
from signal_processing_audit
where signal_fingerprint = $1::text
  and created_at > coalesce(now() - $2::interval, '-infinity')
order by completed_at desc, id
