import { defineRecord, REMEDIATION_ID } from './definition.ts';

export const kubernetesExecutionAudit = defineRecord({
  table: 'kubernetes_execution_audit',
  kind: 'kubernetes-execution',
  meaning: 'One action that was carried out on the cluster, and the job that carried it out.',
  columns: [
    {
      name: 'execution_id',
      type: 'text',
      identifier: true,
      required: true,
      meaning: 'Name of the execution',
    },
    {
      name: 'workflow_ref',
      type: 'text',
      identifier: true,
      meaning: 'Name of the workflow execution that it was a step of',
    },
    { name: 'step_index', type: 'integer', addedByPosts: true, meaning: 'Which step of that workflow' },
    {
      name: 'action_type',
      type: 'text',
      identifier: true,
      meaning: 'What was done, such as `scale_deployment`',
    },
    { name: 'action_parameters', type: 'jsonb', meaning: 'Parameters of the action, redacted' },
    {
      name: 'target_namespace',
      type: 'text',
      identifier: true,
      meaning: 'Namespace of what was acted upon; unknown for what has none',
    },
    {
      name: 'target_resource_kind',
      type: 'text',
      identifier: true,
      meaning: 'Kind of what was acted upon',
    },
    {
      name: 'target_resource_name',
      type: 'text',
      identifier: true,
      meaning: 'Name of what was acted upon',
    },
    { name: 'success', type: 'boolean', meaning: 'Whether it succeeded; unknown before it has ended' },
    { name: 'output', type: 'text', addedByPosts: true, meaning: 'Output of the job, redacted' },
    { name: 'error', type: 'text', meaning: 'Error of the action, redacted' },
    { name: 'start_time', type: 'timestamptz', meaning: 'Start of the action' },
    { name: 'end_time', type: 'timestamptz', meaning: 'End of the action' },
    { name: 'duration', type: 'interval', meaning: 'From start to end' },
    { name: 'job_name', type: 'text', meaning: 'Job or PipelineRun that carried it out' },
    { name: 'job_pod_name', type: 'text', postedOnly: true, meaning: 'Pod of that job' },
    { name: 'job_exit_code', type: 'integer', meaning: 'Exit code of that pod' },
    {
      name: 'job_resource_usage',
      type: 'jsonb',
      postedOnly: true,
      members: { cpu_millicores: 'bigint', memory_bytes: 'bigint' },
      meaning: 'What the job used: `cpu_millicores` and `memory_bytes`',
    },
    { name: 'retry_count', type: 'integer', meaning: 'Attempts after the first' },
    {
      name: 'max_retries',
      type: 'integer',
      addedByPosts: true,
      meaning: 'Attempts that were allowed after the first',
    },
    {
      name: 'completed_at',
      type: 'timestamptz',
      meaning: 'When the execution had ended, by its own clock',
    },
    {
      name: 'phase',
      type: 'text',
      spellings: ['Pending', 'Running', 'Completed', 'Failed'],
      meaning: 'Phase of the execution',
    },
    {
      name: 'deleted_at',
      type: 'timestamptz',
      meaning:
        'When the execution was deleted, or found to be gone; its phase is then the last that was seen',
    },
    REMEDIATION_ID,
  ],
});
