-- For which signals did the first phase, the enrichment, take long? Longest first.
select
  remediation_id,
  signal_fingerprint,
  (processing_phases->0->>'duration')::interval as enrichment_duration
from signal_processing_audit
where (processing_phases->0->>'duration')::interval > $1::interval
  and created_at > coalesce(now() - $2::interval, '-infinity')
order by enrichment_duration desc, id
