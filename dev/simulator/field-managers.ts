import type { JsonObject } from '../../src/domain/json.ts';
import type { Kind } from '../sandbox/kinds.ts';

/**
 * Who writes the status of each kind, as the API server notes it: a controller names no field manager, and then it is the name
 * of its program, which its image has.
 */
const CONTROLLERS: Readonly<Record<string, string>> = {
  RemediationRequest: 'remediationorchestrator-controller',
  SignalProcessing: 'signalprocessing-controller',
  RemediationProcessing: 'signalprocessing-controller',
  AIAnalysis: 'aianalysis-controller',
  AgentSession: 'kubernautagent',
  InvestigationSession: 'apifrontend',
  WorkflowExecution: 'workflowexecution-controller',
  KubernetesExecution: 'workflowexecution-controller',
  RemediationApprovalRequest: 'remediationorchestrator-controller',
  NotificationRequest: 'notification-controller',
  EffectivenessAssessment: 'effectivenessmonitor-controller',
};

const ORCHESTRATOR = 'remediationorchestrator-controller';
/** A person decides with `kubectl patch --subresource=status`. */
const PERSON = 'kubectl-patch';

/** The gateway creates remediations, the analysis its sessions, the orchestrator all else. */
export function creatorOf({ kind }: Kind): string {
  if (kind === 'RemediationRequest') return 'gateway';
  if (kind === 'AgentSession') return CONTROLLERS['AIAnalysis'] ?? ORCHESTRATOR;
  return kind === 'InvestigationSession' ? 'apifrontend' : ORCHESTRATOR;
}

export function statusWriterOf({ kind }: Kind, status: JsonObject): string {
  if (kind === 'RemediationApprovalRequest' && isDecidedByPerson(status)) return PERSON;
  return CONTROLLERS[kind] ?? ORCHESTRATOR;
}

/** A request that nobody answers in time is ended by the orchestrator. */
function isDecidedByPerson({ decision, decidedBy }: JsonObject): boolean {
  return typeof decision === 'string' && decision !== 'Expired' && typeof decidedBy === 'string';
}
