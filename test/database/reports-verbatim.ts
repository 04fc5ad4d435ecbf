import type { ReportName } from '../../src/query/reports/reports.ts';

/** The queries of the source documents, to the letter: they are the contract and must run as they stand. */
export const VERBATIM: Readonly<Record<ReportName, string>> = {
  'recent-failures': `
SELECT
    target_resource,
    workflow_id,
    failure_reason,
    failure_message,
    completed_at
FROM workflow_execution_audit
WHERE phase = 'Failed'
  AND completed_at > NOW() - INTERVAL '24 hours'
ORDER BY completed_at DESC;`,
  'lock-effectiveness': `
SELECT
    skip_reason,
    COUNT(*) as skip_count
FROM workflow_execution_audit
WHERE phase = 'Skipped'
  AND created_at > NOW() - INTERVAL '7 days'
GROUP BY skip_reason
ORDER BY skip_count DESC;`,
  'success-rate-by-target': `
SELECT
    target_resource,
    workflow_id,
    COUNT(*) as total_executions,
    COUNT(*) FILTER (WHERE outcome = 'Success') as successful,
    ROUND(
        COUNT(*) FILTER (WHERE outcome = 'Success')::numeric /
        NULLIF(COUNT(*), 0) * 100, 2
    ) as success_rate_pct
FROM workflow_execution_audit
WHERE phase IN ('Completed', 'Failed')
  AND created_at > NOW() - INTERVAL '30 days'
GROUP BY target_resource, workflow_id
ORDER BY total_executions DESC;`,
  'executions-of-workflow': `
SELECT
    execution_id,
    action_type,
    target_resource_name,
    success,
    duration,
    retry_count
FROM kubernetes_execution_audit
WHERE workflow_ref = 'alert-12345-workflow'
ORDER BY step_index;`,
  'failed-executions': `
SELECT
    execution_id,
    action_type,
    target_namespace,
    target_resource_name,
    error,
    retry_count,
    completed_at
FROM kubernetes_execution_audit
WHERE success = FALSE
  AND completed_at > NOW() - INTERVAL '24 hours'
ORDER BY completed_at DESC;`,
  'duration-by-action': `
SELECT
    action_type,
    COUNT(*) as total_executions,
    AVG(duration) as avg_duration,
    PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY duration) as p50_duration,
    PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY duration) as p95_duration,
    PERCENTILE_CONT(0.99) WITHIN GROUP (ORDER BY duration) as p99_duration
FROM kubernetes_execution_audit
WHERE created_at > NOW() - INTERVAL '7 days'
  AND success = TRUE
GROUP BY action_type
ORDER BY avg_duration DESC;`,
  'slow-executions': `
SELECT
    execution_id,
    action_type,
    target_resource_name,
    duration,
    job_resource_usage
FROM kubernetes_execution_audit
WHERE duration > INTERVAL '30 seconds'
  AND created_at > NOW() - INTERVAL '24 hours'
ORDER BY duration DESC
LIMIT 100;`,
  'namespace-actions': `
SELECT
    execution_id,
    action_type,
    target_resource_kind,
    target_resource_name,
    success,
    created_at,
    job_pod_name
FROM kubernetes_execution_audit
WHERE target_namespace LIKE 'prod-%'
  AND created_at > NOW() - INTERVAL '30 days'
ORDER BY created_at DESC;`,
  'retry-patterns': `
SELECT
    action_type,
    target_namespace,
    COUNT(*) as total_with_retries,
    AVG(retry_count) as avg_retries
FROM kubernetes_execution_audit
WHERE retry_count > 0
  AND created_at > NOW() - INTERVAL '7 days'
GROUP BY action_type, target_namespace
ORDER BY total_with_retries DESC;`,
  'resource-usage': `
SELECT
    action_type,
    AVG((job_resource_usage->>'cpu_millicores')::bigint) as avg_cpu_millicores,
    AVG((job_resource_usage->>'memory_bytes')::bigint) as avg_memory_bytes,
    COUNT(*) as total_executions
FROM kubernetes_execution_audit
WHERE created_at > NOW() - INTERVAL '7 days'
  AND job_resource_usage IS NOT NULL
GROUP BY action_type
ORDER BY avg_cpu_millicores DESC;`,
  'signal-records': `
SELECT * FROM signal_processing_audit
WHERE signal_fingerprint = 'mem-pressure-prod-123'
ORDER BY completed_at DESC;`,
  'classification-accuracy': `
SELECT environment,
       AVG(confidence) as avg_confidence,
       COUNT(*) as total_signals
FROM signal_processing_audit
WHERE completed_at > NOW() - INTERVAL '7 days'
GROUP BY environment;`,
  'priority-distribution': `
SELECT priority,
       COUNT(*) as count,
       AVG(priority_score) as avg_score
FROM signal_processing_audit
WHERE completed_at > NOW() - INTERVAL '7 days'
GROUP BY priority;`,
  'slow-enrichments': `
SELECT remediation_id, signal_fingerprint,
       (processing_phases->0->>'duration')::interval as enrichment_duration
FROM signal_processing_audit
WHERE (processing_phases->0->>'duration')::interval > INTERVAL '2 seconds'
ORDER BY enrichment_duration DESC;`,
  'recommendation-success': `
SELECT
    top_recommendation,
    AVG(effectiveness_probability) as avg_effectiveness,
    AVG(historical_success_rate) as avg_historical_success,
    COUNT(*) as total_recommendations
FROM ai_analysis_audit
WHERE completion_status = 'completed'
GROUP BY top_recommendation
ORDER BY avg_effectiveness DESC;`,
  'investigation-performance': `
SELECT
    environment,
    AVG(investigation_duration_ms) as avg_duration,
    AVG(confidence_score) as avg_confidence,
    COUNT(*) as total_investigations
FROM ai_analysis_audit
GROUP BY environment;`,
  'hallucination-trend': `
SELECT
    DATE(created_at) as date,
    SUM(CASE WHEN hallucination_detected THEN 1 ELSE 0 END) as hallucinations,
    COUNT(*) as total_analyses,
    SUM(CASE WHEN hallucination_detected THEN 1 ELSE 0 END)::float / COUNT(*) as hallucination_rate
FROM ai_analysis_audit
GROUP BY DATE(created_at)
ORDER BY date DESC;`,
};
