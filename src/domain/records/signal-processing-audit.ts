import { defineRecord, ENVIRONMENTS, REMEDIATION_ID, SCORE } from './definition.ts';

export const signalProcessingAudit = defineRecord({
  table: 'signal_processing_audit',
  kind: 'signal-processing',
  meaning: 'How one signal was enriched, classified, given a priority and routed.',
  columns: [
    { ...REMEDIATION_ID, required: true },
    {
      name: 'signal_fingerprint',
      type: 'text',
      identifier: true,
      required: true,
      meaning: 'Fingerprint of the signal',
    },
    {
      name: 'processing_phases',
      type: 'jsonb',
      members: { start_time: 'timestamptz', end_time: 'timestamptz', duration: 'interval' },
      meaning: 'Phases with their times and what each found out, in order',
    },
    {
      name: 'enrichment_quality',
      type: 'numeric',
      addedByPosts: true,
      range: SCORE,
      meaning: 'How complete the gathered context was, 0 to 1',
    },
    {
      name: 'enrichment_sources',
      type: 'jsonb',
      postedOnly: true,
      meaning: 'Names of the sources that were asked',
    },
    {
      name: 'context_size_bytes',
      type: 'bigint',
      meaning: 'Size of the gathered context as JSON, in bytes',
    },
    {
      name: 'environment',
      type: 'text',
      spellings: ENVIRONMENTS,
      meaning: 'Environment that the signal was assigned to',
    },
    {
      name: 'confidence',
      type: 'numeric',
      addedByPosts: true,
      range: SCORE,
      meaning: 'Confidence in it, 0 to 1',
    },
    { name: 'business_criticality', type: 'text', meaning: 'Criticality of what is affected' },
    { name: 'sla_requirement', type: 'text', meaning: 'Service level that applies' },
    { name: 'priority', type: 'text', meaning: 'Priority, `P0` to `P3`' },
    {
      name: 'priority_score',
      type: 'integer',
      addedByPosts: true,
      meaning: 'Score that the priority was derived from',
    },
    { name: 'routed_to_service', type: 'text', addedByPosts: true, meaning: 'Service that took over' },
    {
      name: 'routing_priority',
      type: 'integer',
      addedByPosts: true,
      meaning: 'Priority given to that service',
    },
    {
      name: 'completed_at',
      type: 'timestamptz',
      meaning: 'End of the processing; unknown where it failed',
    },
    {
      name: 'status',
      type: 'text',
      spellings: ['pending', 'enriching', 'classifying', 'categorizing', 'completed', 'failed'],
      meaning: 'Phase of the processing',
    },
    { name: 'error_message', type: 'text', meaning: 'Why it failed, redacted' },
  ],
});
