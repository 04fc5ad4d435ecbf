-- For which signals did the first phase, the enrichment, take long? Longest first.
select
  remediation_id,
  signal_fingerprint,
  (processing_phases->0->>'duration')::interval as enrichment_duration
from :rows
where (processing_phases->0->>'duration')::interval > $1::interval
  and :since
order by enrichment_duration desc, id
