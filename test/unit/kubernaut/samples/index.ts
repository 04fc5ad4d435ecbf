import type { JsonObject } from '../../../../src/domain/json.ts';
import { AGENT_SESSIONS } from './agent-session.ts';
import { AI_ANALYSES } from './ai-analysis.ts';
import { KUBERNETES_EXECUTIONS } from './kubernetes-execution.ts';
import { REMEDIATION_PROCESSINGS, SIGNAL_PROCESSINGS } from './signal-processing.ts';
import { WORKFLOW_EXECUTIONS } from './workflow-execution.ts';

/** By kind, then by generation. */
export const SAMPLES: Readonly<Record<string, Readonly<Record<string, JsonObject>>>> = {
  SignalProcessing: SIGNAL_PROCESSINGS,
  RemediationProcessing: REMEDIATION_PROCESSINGS,
  AIAnalysis: AI_ANALYSES,
  AgentSession: AGENT_SESSIONS,
  WorkflowExecution: WORKFLOW_EXECUTIONS,
  KubernetesExecution: KUBERNETES_EXECUTIONS,
};
