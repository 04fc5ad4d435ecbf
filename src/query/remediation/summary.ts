/*
 * One remediation as a person asks for it: what, why, who or what decided, outcome, duration per phase, what is missing.
 *
 * In: the rows of one remediation, and what is known of how they were found. Out: plain JSON of bounded size, the same for the
 * API, the page and the command line. Pure.
 *
 * What must stay true: nothing is guessed. What no record says is null, and a person or controller is named only together
 * with how that is known.
 */
import type { JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import { spanText } from '../../terminal/view.ts';
import { type Blockers, conflictOf, originalOf, type RemediationReference } from './blockers.ts';
import { type Actor, actorsOf, type Decision, decisionOf } from './decision.ts';
import type { Facts } from './facts.ts';
import { entriesIn, factAt, secondsBetween, textIn, timeIn } from './facts.ts';
import { missingOf } from './missing.ts';
import { endOf, phasesOf, type PhaseSpan } from './phases.ts';
import type { TimelineEvent } from './timeline.ts';

/** Most executions, blocks and other parts that one summary names; the full view has all. */
const MAX_PARTS = 50;

/** The rows of a remediation, each as what it says. */
export interface RemediationFacts {
  readonly remediation: Facts;
  readonly signals: readonly Facts[];
  readonly analyses: readonly Facts[];
  /** Executions and blocks; `phase` Skipped is a block. */
  readonly executions: readonly Facts[];
  readonly actions: readonly Facts[];
  /** Its timeline, as far as it was read. */
  readonly events: readonly TimelineEvent[];
  /** The remediations that kept it from running, as far as they are recorded. */
  readonly blockers: Blockers;
  /** Months that were not searched, and why. */
  readonly unsearched: { readonly months: readonly string[]; readonly reason: string } | undefined;
}

export interface RemediationSummary {
  /** One line that says it all. */
  readonly headline: string;
  readonly cluster: string | null;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly uid: string | null;
  readonly verdict: string | null;
  readonly what: Readonly<Record<string, JsonValue>>;
  readonly why: Readonly<Record<string, JsonValue>>;
  readonly decided: Decision;
  /** Controllers, clients and callers that wrote what is recorded, in the order in which they first did. */
  readonly actors: readonly Actor[];
  readonly blocks: readonly Readonly<Record<string, JsonValue>>[];
  readonly executions: readonly Readonly<Record<string, JsonValue>>[];
  readonly outcome: Readonly<Record<string, JsonValue>>;
  readonly phases: readonly PhaseSpan[];
  readonly duration_seconds: number | null;
  /** One sentence each. */
  readonly missing: readonly string[];
}

export function summaryOf(facts: RemediationFacts): RemediationSummary {
  const { remediation } = facts;
  const executions = facts.executions.filter((one) => !isBlock(one));
  const blocks = facts.executions.filter(isBlock);
  const phases = phasesOf({ ...facts, executions });
  const started = timeIn(remediation, 'started_at') ?? phases[0]?.started_at ?? null;
  const parts = {
    decided: decisionOf(facts),
    what: whatOf(facts),
    outcome: outcomeOf(remediation),
    executions: executions.slice(0, MAX_PARTS).map(executionOf),
    blocks: blocks.slice(0, MAX_PARTS).map((block) => blockOf(block, facts.blockers)),
    duration_seconds: secondsBetween(started, endOf(remediation)),
  };
  return {
    headline: headlineOf(parts),
    cluster: textIn(remediation, 'cluster'),
    namespace: textIn(remediation, 'namespace'),
    name: textIn(remediation, 'remediation_id'),
    uid: textIn(remediation, 'remediation_uid'),
    verdict: textIn(remediation, 'verdict'),
    why: whyOf(facts),
    actors: actorsOf(facts.events),
    phases,
    missing: missingOf({ ...facts, executions, phases }),
    ...parts,
  };
}

const isBlock = (execution: Facts): boolean => textIn(execution, 'skip_reason') !== null;

function whatOf({ remediation, signals }: RemediationFacts) {
  const [signal] = signals;
  const [namespace, kind, name] = ['target_namespace', 'target_kind', 'target_name'].map((column) =>
    textIn(remediation, column),
  );
  return {
    target: name === null ? null : [namespace, kind, name].filter((part) => part !== null).join('/'),
    signal: textIn(remediation, 'signal_name'),
    severity: textIn(remediation, 'severity'),
    environment: textIn(signal, 'environment') ?? textIn(remediation, 'extra', 'environment'),
    priority: textIn(signal, 'priority') ?? textIn(remediation, 'extra', 'priority'),
    fingerprint: textIn(remediation, 'signal_fingerprint'),
    started_at: timeIn(remediation, 'started_at'),
    occurrences: factAt(remediation, 'extra', 'occurrence_count') ?? null,
  };
}

/** The newest analysis, and of its sessions the one that came to a result. */
function whyOf({ analyses }: RemediationFacts) {
  const analysis = analyses.at(-1);
  const sessions = entriesIn(analysis, 'agent_sessions')
    .map(([, session]) => session)
    .toSorted((left, right) => (beganAt(left) < beganAt(right) ? -1 : 1));
  const session = sessions.findLast((one) => 'root_cause_analysis' in one) ?? sessions.at(-1);
  const alternatives = alternativesOf(analysis, session);
  return {
    analysis: textIn(analysis, 'crd_name'),
    cause: textIn(analysis, 'extra', 'root_cause') ?? textIn(analysis, 'investigation_report'),
    confidence: factAt(analysis, 'confidence_score') ?? factAt(session, 'confidence') ?? null,
    contributing_factors: listOf(factAt(analysis, 'extra', 'contributing_factors')),
    causal_chain: listOf(factAt(session, 'root_cause_analysis', 'causal_chain')),
    due_diligence: objectOf(factAt(session, 'root_cause_analysis', 'due_diligence')),
    recommended:
      textIn(analysis, 'top_recommendation') ?? textIn(session, 'selected_workflow', 'workflow_id'),
    alternatives: alternatives.length,
    considered: alternatives.slice(0, MAX_ITEMS).map(alternativeOf),
    failure_reason: textIn(analysis, 'failure_reason'),
    sessions: sessions.slice(0, MAX_PARTS).map((one) => ({
      name: textIn(one, 'name'),
      phase: textIn(one, 'phase'),
      reason: textIn(one, 'reason'),
      acting_user: textIn(one, 'acting_user'),
    })),
  };
}

/** What was considered beside the recommended workflow, which comes first where there is one. */
function alternativesOf(analysis: Facts | undefined, session: Facts | undefined): JsonValue[] {
  const recommendations = factAt(analysis, 'recommendations');
  if (Array.isArray(recommendations))
    return recommendations.slice(textIn(analysis, 'top_recommendation') === null ? 0 : 1);
  const alternatives = factAt(session, 'alternative_workflows');
  return Array.isArray(alternatives) ? alternatives : [];
}

/** Each generation has its own names for it. */
function alternativeOf(one: JsonValue) {
  const names = ['workflowName', 'workflowId', 'workflow_id', 'action'].map((name) => textIn(one, name));
  return {
    workflow: names.find((name) => name !== null) ?? null,
    confidence: factAt(one, 'confidence') ?? null,
    rationale: textIn(one, 'rationale') ?? textIn(one, 'reason'),
  };
}

/** A session that found no capacity was never dispatched. */
const beganAt = (session: Facts): string =>
  timeIn(session, 'dispatched_at') ?? timeIn(session, 'completed_at') ?? '';

/** What a list of an answer may hold; the full view has the rest. */
const MAX_ITEMS = 20;

function listOf(value: JsonValue | undefined): JsonValue[] {
  if (!Array.isArray(value)) return [];
  return value
    .slice(0, MAX_ITEMS)
    .map((item) => (typeof item === 'string' ? (textIn({ item }, 'item') ?? '') : item));
}

function objectOf(value: JsonValue | undefined): JsonValue {
  if (!isJsonObject(value)) return null;
  const members = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(members.map(([name]) => [name, textIn(value, name) ?? value[name] ?? null]));
}

function executionOf(execution: Facts) {
  return {
    name: textIn(execution, 'execution_name'),
    workflow_name: textIn(execution, 'workflow_name'),
    workflow_id: textIn(execution, 'workflow_id'),
    workflow_version: textIn(execution, 'workflow_version'),
    target: textIn(execution, 'target_resource'),
    phase: textIn(execution, 'phase'),
    failure_reason: textIn(execution, 'failure_reason'),
    failure_message: textIn(execution, 'failure_message'),
    started_at: timeIn(execution, 'started_at'),
    completed_at: timeIn(execution, 'completed_at'),
    duration_seconds: secondsBetween(timeIn(execution, 'started_at'), timeIn(execution, 'completed_at')),
    deleted_at: timeIn(execution, 'deleted_at'),
  };
}

function blockOf(block: Facts, { byExecution, byName }: Blockers) {
  const [running, original] = [conflictOf(block), originalOf(block)];
  return {
    reason: textIn(block, 'skip_reason'),
    message: textIn(block, 'extra', 'block_message'),
    target: textIn(block, 'target_resource'),
    workflow_name: textIn(block, 'workflow_name'),
    conflicting_execution: textIn(block, 'conflicting_wfe'),
    conflicting_remediation: referenceJson(running === undefined ? undefined : byExecution.get(running)),
    duplicate_of: original ?? null,
    original_remediation: referenceJson(original === undefined ? undefined : byName.get(original)),
    blocked_until: timeIn(block, 'extra', 'blocked_until'),
  };
}

/** Null where no record of it is known. */
const referenceJson = (reference: RemediationReference | undefined) =>
  reference === undefined ? null : { ...reference };

function outcomeOf(remediation: Facts) {
  return {
    phase: textIn(remediation, 'overall_phase'),
    outcome: textIn(remediation, 'outcome'),
    failure_phase: textIn(remediation, 'failure_phase'),
    failure_reason: textIn(remediation, 'failure_reason'),
    message: textIn(remediation, 'extra', 'message'),
    verification: textIn(remediation, 'verification_reason'),
    health_score: factAt(remediation, 'verification_health_score') ?? null,
    alert_score: factAt(remediation, 'verification_alert_score') ?? null,
    metrics_score: factAt(remediation, 'verification_metrics_score') ?? null,
    pre_remediation_spec_hash: textIn(remediation, 'pre_remediation_spec_hash'),
    post_remediation_spec_hash: textIn(remediation, 'post_remediation_spec_hash'),
    current_spec_hash: textIn(remediation, 'current_spec_hash'),
    verified_at: timeIn(remediation, 'extra', 'verification_completed_at'),
    completed_at: timeIn(remediation, 'completed_at'),
    deleted_at: timeIn(remediation, 'deleted_at'),
    final_state_unknown: remediation['final_state_unknown'] === true,
  };
}

type HeadlineParts = Pick<
  RemediationSummary,
  'what' | 'decided' | 'executions' | 'blocks' | 'outcome' | 'duration_seconds'
>;

/** `payments/Deployment/api: KubeContainerOOMKilled, increase-memory-limit, Completed (Remediated) in 7m12s, approved by …`. */
function headlineOf({
  what,
  decided,
  executions,
  blocks,
  outcome,
  duration_seconds: duration,
}: HeadlineParts): string {
  const last = executions.at(-1) ?? blocks.at(-1);
  const parts = [
    what['signal'],
    last?.['workflow_name'],
    endedText(outcome, blocks, duration),
    decidedText(decided),
  ];
  const said = parts.filter((part): part is string => typeof part === 'string' && part !== '');
  return `${textOr(what['target'], 'unknown target')}: ${said.join(', ')}`;
}

function endedText(
  outcome: RemediationSummary['outcome'],
  blocks: RemediationSummary['blocks'],
  duration: number | null,
): string {
  const detail = outcome['outcome'] ?? outcome['failure_reason'] ?? blocks.at(-1)?.['reason'];
  const took = duration === null ? '' : ` in ${spanText(duration)}`;
  return `${textOr(outcome['phase'], 'not begun')}${typeof detail === 'string' ? ` (${detail})` : ''}${took}`;
}

function decidedText({ kind, decision, by }: Decision): string {
  if (kind === 'policy') return noApprovalText(by);
  return by === null ? '' : `${decision ?? 'decided'} by ${by}`;
}

/** Nobody was asked; `approval` is what most installations call the policy that says so. */
export function noApprovalText(policy: string | null): string {
  return `no approval was needed${policy === null ? '' : ` (policy ${JSON.stringify(policy)})`}`;
}

const textOr = (value: JsonValue | undefined, otherwise: string): string =>
  typeof value === 'string' ? value : otherwise;
