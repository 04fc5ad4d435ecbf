import { defineRecord, ENVIRONMENTS, REMEDIATION_ID, SCORE } from './definition.ts';

export const aiAnalysisAudit = defineRecord({
  table: 'ai_analysis_audit',
  kind: 'ai-analysis',
  meaning: 'One analysis by a model: investigation, conclusion, recommendation, and the workflow it led to.',
  columns: [
    { name: 'crd_name', type: 'text', required: true, meaning: 'Name of the analysis' },
    { name: 'crd_namespace', type: 'text', required: true, meaning: 'Namespace of the analysis' },
    {
      name: 'alert_fingerprint',
      type: 'text',
      identifier: true,
      meaning: 'Fingerprint of the signal',
    },
    {
      name: 'environment',
      type: 'text',
      identifier: true,
      spellings: ENVIRONMENTS,
      meaning: 'Environment that the signal was assigned to',
    },
    { name: 'severity', type: 'text', meaning: 'Severity of the signal' },
    { name: 'investigation_start', type: 'timestamptz', meaning: 'Start of the investigation' },
    { name: 'investigation_end', type: 'timestamptz', meaning: 'End of the investigation' },
    {
      name: 'investigation_duration_ms',
      type: 'bigint',
      meaning: 'Length of the investigation in milliseconds',
    },
    {
      name: 'root_cause_count',
      type: 'integer',
      meaning: 'Number of hypotheses about the cause',
    },
    { name: 'investigation_report', type: 'text', meaning: 'What the investigation found, redacted' },
    { name: 'analysis_start', type: 'timestamptz', meaning: 'Start of the analysis' },
    { name: 'analysis_end', type: 'timestamptz', meaning: 'End of the analysis' },
    {
      name: 'analysis_duration_ms',
      type: 'bigint',
      postedOnly: true,
      meaning: 'Length of the analysis in milliseconds',
    },
    {
      name: 'confidence_score',
      type: 'numeric',
      range: SCORE,
      meaning: 'Confidence in the chosen workflow, 0 to 1',
    },
    {
      name: 'hallucination_detected',
      type: 'boolean',
      meaning: 'Whether validation found claims without grounds',
    },
    {
      name: 'recommendation_start',
      type: 'timestamptz',
      meaning: 'Start of the recommendation',
    },
    {
      name: 'recommendation_end',
      type: 'timestamptz',
      postedOnly: true,
      meaning: 'End of the recommendation',
    },
    { name: 'recommendations', type: 'jsonb', meaning: 'All recommendations, best first, redacted' },
    { name: 'top_recommendation', type: 'text', meaning: 'The first of them: workflow or action' },
    {
      name: 'effectiveness_probability',
      type: 'numeric',
      range: SCORE,
      meaning: 'How likely it was thought to help, 0 to 1',
    },
    {
      name: 'historical_success_rate',
      type: 'numeric',
      range: SCORE,
      meaning: 'How often it had helped before, 0 to 1',
    },
    {
      name: 'workflow_crd_name',
      type: 'text',
      meaning: 'Name of the workflow execution made from it',
    },
    {
      name: 'workflow_crd_namespace',
      type: 'text',
      meaning: 'Namespace of that workflow execution',
    },
    {
      name: 'completion_status',
      type: 'text',
      // A remediation that times out fails its analysis, too: the resource then says `failed`, before or after it is known.
      fold: 'rank',
      vocabulary: ['completed', 'failed', 'timeout'],
      meaning: 'How it ended; unknown before it has ended',
    },
    { name: 'failure_reason', type: 'text', meaning: 'Why it failed, redacted' },
    {
      name: 'agent_sessions',
      type: 'jsonb',
      fold: 'union',
      meaning: 'Sessions of the agent: uid of the session to phase, driver, result and grounds, redacted',
    },
    REMEDIATION_ID,
  ],
});
