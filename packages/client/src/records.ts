// Written by `npm run client:records` from the record definitions of the service.

/** RFC 3339 text or a `Date`. */
type Time = string | Date;
/** Integer nanoseconds, as Go's `time.Duration`, or text such as `2m3s`. */
type Duration = number | bigint | string;
/** A `bigint` where a number is not exact. */
type Integer = number | bigint;

/** What a post may say about the record itself. */
interface PostedIdentity {
  /** Identifies the record, so that a retry is known as one. */
  readonly id?: string;
  /** Month in which the record lives. Default: the earliest time it carries. */
  readonly created_at?: Time;
  /** Default: the cluster that the service is configured for. */
  readonly cluster?: string;
  /** Orders the states of one record. Default: the latest time it carries. */
  readonly revision?: Integer;
}

/** How one signal was enriched, classified, given a priority and routed. `null` and `""` mean absent. */
export interface SignalProcessingRecord extends PostedIdentity {
  /** Name of the remediation */
  readonly remediation_id: string;
  /** Fingerprint of the signal */
  readonly signal_fingerprint: string;
  /** Phases with their times and what each found out, in order */
  readonly processing_phases?: unknown;
  /** How complete the gathered context was, 0 to 1 */
  readonly enrichment_quality?: number | null;
  /** Names of the sources that were asked */
  readonly enrichment_sources?: unknown;
  /** Size of the gathered context as JSON, in bytes */
  readonly context_size_bytes?: Integer | null;
  /** Environment that the signal was assigned to */
  readonly environment?: string | null;
  /** Confidence in it, 0 to 1 */
  readonly confidence?: number | null;
  /** Criticality of what is affected */
  readonly business_criticality?: string | null;
  /** Service level that applies */
  readonly sla_requirement?: string | null;
  /** Priority, `P0` to `P3` */
  readonly priority?: string | null;
  /** Score that the priority was derived from */
  readonly priority_score?: number | null;
  /** Service that took over */
  readonly routed_to_service?: string | null;
  /** Priority given to that service */
  readonly routing_priority?: number | null;
  /** End of the processing; unknown where it failed */
  readonly completed_at?: Time | null;
  /** Phase of the processing */
  readonly status?: string | null;
  /** Why it failed, redacted */
  readonly error_message?: string | null;
  /** Namespace of the resource */
  readonly namespace?: string | null;
  /** uid of the remediation; joins all tables. Unknown to a post that does not carry it */
  readonly remediation_uid?: string | null;
  /** Kind of the resource, or `post` */
  readonly source_kind?: string | null;
  /** uid of the resource */
  readonly source_uid?: string | null;
  /** Generation of the resource, recognised by its shape */
  readonly source_shape?: string | null;
  /** What was observed and has no column of its own */
  readonly extra?: unknown;
}

/** One analysis by a model: investigation, conclusion, recommendation, and the workflow it led to. `null` and `""` mean absent. */
export interface AIAnalysisRecord extends PostedIdentity {
  /** Name of the analysis */
  readonly crd_name: string;
  /** Namespace of the analysis */
  readonly crd_namespace: string;
  /** Fingerprint of the signal */
  readonly alert_fingerprint?: string | null;
  /** Environment that the signal was assigned to */
  readonly environment?: string | null;
  /** Severity of the signal */
  readonly severity?: string | null;
  /** Start of the investigation */
  readonly investigation_start?: Time | null;
  /** End of the investigation */
  readonly investigation_end?: Time | null;
  /** Length of the investigation in milliseconds */
  readonly investigation_duration_ms?: Integer | null;
  /** Number of hypotheses about the cause */
  readonly root_cause_count?: number | null;
  /** What the investigation found, redacted */
  readonly investigation_report?: string | null;
  /** Start of the analysis */
  readonly analysis_start?: Time | null;
  /** End of the analysis */
  readonly analysis_end?: Time | null;
  /** Length of the analysis in milliseconds */
  readonly analysis_duration_ms?: Integer | null;
  /** Confidence in the chosen workflow, 0 to 1 */
  readonly confidence_score?: number | null;
  /** Whether validation found claims without grounds */
  readonly hallucination_detected?: boolean | null;
  /** Start of the recommendation */
  readonly recommendation_start?: Time | null;
  /** End of the recommendation */
  readonly recommendation_end?: Time | null;
  /** All recommendations, best first, redacted */
  readonly recommendations?: unknown;
  /** The first of them: workflow or action */
  readonly top_recommendation?: string | null;
  /** How likely it was thought to help, 0 to 1 */
  readonly effectiveness_probability?: number | null;
  /** How often it had helped before, 0 to 1 */
  readonly historical_success_rate?: number | null;
  /** Name of the workflow execution made from it */
  readonly workflow_crd_name?: string | null;
  /** Namespace of that workflow execution */
  readonly workflow_crd_namespace?: string | null;
  /** How it ended; unknown before it has ended */
  readonly completion_status?: string | null;
  /** Why it failed, redacted */
  readonly failure_reason?: string | null;
  /** Sessions of the agent: uid of the session to phase, driver, result and grounds, redacted */
  readonly agent_sessions?: unknown;
  /** Name of the remediation */
  readonly remediation_id?: string | null;
  /** Namespace of the resource */
  readonly namespace?: string | null;
  /** uid of the remediation; joins all tables. Unknown to a post that does not carry it */
  readonly remediation_uid?: string | null;
  /** Kind of the resource, or `post` */
  readonly source_kind?: string | null;
  /** uid of the resource */
  readonly source_uid?: string | null;
  /** Generation of the resource, recognised by its shape */
  readonly source_shape?: string | null;
  /** What was observed and has no column of its own */
  readonly extra?: unknown;
}

/** One execution of a remediation workflow, or one block that kept it from running. `null` and `""` mean absent. */
export interface WorkflowExecutionRecord extends PostedIdentity {
  /** Name of the remediation */
  readonly remediation_id: string;
  /** Workflow of the catalogue that was executed */
  readonly workflow_id?: string | null;
  /** Version of that workflow */
  readonly workflow_version?: string | null;
  /** Image or bundle that was executed, with its digest where known */
  readonly container_image?: string | null;
  /** What was remediated: `namespace/Kind/name` or `Kind/name` */
  readonly target_resource?: string | null;
  /** Parameters of the execution, redacted */
  readonly parameters?: unknown;
  /** From start to completion */
  readonly total_duration?: Duration | null;
  /** PipelineRun, Job or job id that carried it out */
  readonly pipelinerun_name?: string | null;
  /** Phase of the execution; `Skipped` also for a block of the remediation */
  readonly phase?: string | null;
  /** Outcome, derived from the phase where the resource names none */
  readonly outcome?: string | null;
  /** Reason of a failure, one word */
  readonly failure_reason?: string | null;
  /** Message of a failure, redacted */
  readonly failure_message?: string | null;
  /** Why it was not executed */
  readonly skip_reason?: string | null;
  /** Execution that held the target, or had just remediated it */
  readonly conflicting_wfe?: string | null;
  /** Start of the execution */
  readonly started_at?: Time | null;
  /** End of the execution */
  readonly completed_at?: Time | null;
  /** Correlation id; the name of the remediation */
  readonly correlation_id?: string | null;
  /** Name of the workflow */
  readonly workflow_name?: string | null;
  /** Steps, or tasks of the pipeline */
  readonly total_steps?: number | null;
  /** Steps that completed */
  readonly steps_completed?: number | null;
  /** Steps that failed */
  readonly steps_failed?: number | null;
  /** Score of the workflow result, 0 to 1 */
  readonly effectiveness_score?: number | null;
  /** Rollbacks during the execution */
  readonly rollbacks_performed?: number | null;
  /** Steps with action, duration, status, retries and error */
  readonly step_executions?: unknown;
  /** Adjustments made during the execution */
  readonly adaptive_adjustments?: unknown;
  /** Status word of the step-level sources */
  readonly status?: string | null;
  /** Error of the step-level sources */
  readonly error_message?: string | null;
  /** Name of the execution itself, as `conflicting_wfe` of another one has it */
  readonly execution_name?: string | null;
  /** When the execution was deleted, or found to be gone; its phase is then the last that was seen */
  readonly deleted_at?: Time | null;
  /** Namespace of the resource */
  readonly namespace?: string | null;
  /** uid of the remediation; joins all tables. Unknown to a post that does not carry it */
  readonly remediation_uid?: string | null;
  /** Kind of the resource, or `post` */
  readonly source_kind?: string | null;
  /** uid of the resource */
  readonly source_uid?: string | null;
  /** Generation of the resource, recognised by its shape */
  readonly source_shape?: string | null;
  /** What was observed and has no column of its own */
  readonly extra?: unknown;
}

/** One action that was carried out on the cluster, and the job that carried it out. `null` and `""` mean absent. */
export interface KubernetesExecutionRecord extends PostedIdentity {
  /** Name of the execution */
  readonly execution_id: string;
  /** Name of the workflow execution that it was a step of */
  readonly workflow_ref?: string | null;
  /** Which step of that workflow */
  readonly step_index?: number | null;
  /** What was done, such as `scale_deployment` */
  readonly action_type?: string | null;
  /** Parameters of the action, redacted */
  readonly action_parameters?: unknown;
  /** Namespace of what was acted upon; unknown for what has none */
  readonly target_namespace?: string | null;
  /** Kind of what was acted upon */
  readonly target_resource_kind?: string | null;
  /** Name of what was acted upon */
  readonly target_resource_name?: string | null;
  /** Whether it succeeded; unknown before it has ended */
  readonly success?: boolean | null;
  /** Output of the job, redacted */
  readonly output?: string | null;
  /** Error of the action, redacted */
  readonly error?: string | null;
  /** Start of the action */
  readonly start_time?: Time | null;
  /** End of the action */
  readonly end_time?: Time | null;
  /** From start to end */
  readonly duration?: Duration | null;
  /** Job or PipelineRun that carried it out */
  readonly job_name?: string | null;
  /** Pod of that job */
  readonly job_pod_name?: string | null;
  /** Exit code of that pod */
  readonly job_exit_code?: number | null;
  /** What the job used: `cpu_millicores` and `memory_bytes` */
  readonly job_resource_usage?: unknown;
  /** Attempts after the first */
  readonly retry_count?: number | null;
  /** Attempts that were allowed after the first */
  readonly max_retries?: number | null;
  /** When the execution had ended, by its own clock */
  readonly completed_at?: Time | null;
  /** Phase of the execution */
  readonly phase?: string | null;
  /** When the execution was deleted, or found to be gone; its phase is then the last that was seen */
  readonly deleted_at?: Time | null;
  /** Name of the remediation */
  readonly remediation_id?: string | null;
  /** Namespace of the resource */
  readonly namespace?: string | null;
  /** uid of the remediation; joins all tables. Unknown to a post that does not carry it */
  readonly remediation_uid?: string | null;
  /** Kind of the resource, or `post` */
  readonly source_kind?: string | null;
  /** uid of the resource */
  readonly source_uid?: string | null;
  /** Generation of the resource, recognised by its shape */
  readonly source_shape?: string | null;
  /** What was observed and has no column of its own */
  readonly extra?: unknown;
}

export interface RecordByKind {
  'signal-processing': SignalProcessingRecord;
  'ai-analysis': AIAnalysisRecord;
  'workflow-execution': WorkflowExecutionRecord;
  'kubernetes-execution': KubernetesExecutionRecord;
}
export type RecordKind = keyof RecordByKind;
