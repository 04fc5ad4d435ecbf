import { parseInstant } from '../domain/instant.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { naturalKey } from '../domain/observation.ts';
import { aiAnalysisAudit } from '../domain/records/ai-analysis-audit.ts';
import { workflowExecutionAudit } from '../domain/records/workflow-execution-audit.ts';
import type { Paths } from './column-source.ts';
import { allPaths, inAll } from './column-source.ts';
import type { PhaseRead, PhaseSources, Subject } from './read-kind.ts';
import { definePhase, fragmentFor, readPhase } from './read-kind.ts';
import { grouped } from './remediation-request-sources.ts';
import { targetTextAt, textAt } from './resource.ts';

// Paths that several readers below share. G3 has these members in structs; before, they lie flat under `status`.
const REMEDIATION_TARGET = grouped('workflowSelection', 'remediationTarget');
const BLOCK_REASON = grouped('routingStatus', 'blockReason');
const BLOCKED_UNTIL = grouped('routingStatus', 'blockedUntil');
const DEDUPLICATED_BY = grouped('routingStatus', 'deduplicatedByWE');
const EXECUTION_REF = grouped('phaseProgress', 'workflowExecutionRef.name');

/**
 * A block that kept the remediation from executing. When it was first and last looked at, and how often, are not in the
 * resource: they are observed_at of this record's ledger entries. `extra` only has what one state of the resource says
 * by itself, so that every watcher says the same of the same state, and whichever is recorded last.
 */
export const SKIP = definePhase({
  definition: workflowExecutionAudit,
  phase: 'skip',
  columns: {
    correlation_id: {
      paths: inAll(['G3', 'G2', 'G1'], 'metadata.name'),
      how: "kubernaut's own correlation id is the name of the remediation",
    },
    phase: { paths: {}, derive: () => 'Skipped', how: '`Skipped`: it was kept from running' },
    outcome: { paths: {}, derive: () => 'n/a', how: '`n/a`' },
    // blockReason is erased on unblock, so this is read from the very state that is blocked.
    skip_reason: { paths: grouped('routingStatus', 'blockReason', 'skipReason') },
    // blockingWorkflowExecution is set for ResourceBusy only.
    conflicting_wfe: {
      paths: grouped('routingStatus', 'blockingWorkflowExecution'),
      derive: conflictOf,
      how: 'for a duplicate `deduplicatedByWE`',
    },
    workflow_id: { paths: grouped('workflowSelection', 'selectedWorkflowRef.workflowId') },
    workflow_name: { paths: grouped('workflowSelection', 'workflowDisplayName') },
    workflow_version: { paths: grouped('workflowSelection', 'selectedWorkflowRef.version') },
    container_image: {
      paths: grouped('workflowSelection', 'selectedWorkflowRef.executionBundle'),
      derive: bundleOf,
      how: 'with its digest where one is named beside it',
    },
    target_resource: {
      paths: { ...REMEDIATION_TARGET, G1: 'spec.targetResource' },
      derive: targetOf,
      how: 'what was to be remediated, else what the signal is about',
    },
  },
  extra: {
    block_message: grouped('routingStatus', 'blockMessage', 'skipMessage'),
    blocked_until: BLOCKED_UNTIL,
    duplicate_of: grouped('routingStatus', 'duplicateOf'),
    consecutive_failure_count: grouped('routingStatus', 'consecutiveFailureCount'),
    next_allowed_execution: grouped('routingStatus', 'nextAllowedExecution'),
  },
});

/**
 * Which execution was created from an analysis, for the record of the analysis. The execution says the same
 * of itself (`WORKFLOW_OF_ANALYSIS`); whichever is observed first brings it.
 */
export const WORKFLOW_OF_ANALYSED = definePhase({
  definition: aiAnalysisAudit,
  phase: 'recommendation',
  columns: {
    workflow_crd_name: { paths: EXECUTION_REF },
    workflow_crd_namespace: { paths: grouped('phaseProgress', 'workflowExecutionRef.namespace') },
  },
});

/**
 * That a remediation timed out during its analysis, for the record of the analysis. Its own phase does not
 * show it: an analysis that is ended with its parent is Failed.
 */
export const ANALYSIS_TIMEOUT = definePhase({
  definition: aiAnalysisAudit,
  phase: 'analysis-failure',
  columns: {
    completion_status: {
      paths: grouped('completionStatus', 'timeoutPhase'),
      derive: timeoutOf,
      how: '`timeout` when the remediation timed out while it was analysed',
    },
  },
});

/**
 * Not from G3, whose execution knows its name itself: a fragment may be newer than what it is added to, and the newest
 * wins. For the same reason no target is sent to the record of the action: its own is always there, and better.
 */
export const NAME_OF_EXECUTED = definePhase({
  definition: workflowExecutionAudit,
  phase: 'execution',
  columns: { workflow_name: { paths: { G2: 'status.workflowDisplayName' } } },
});

/** The end of these is fixed when they begin, so each is a block of its own; the others are looked at again and again. */
const BLOCKS_WITH_AN_END: ReadonlySet<string> = new Set([
  'ConsecutiveFailures',
  'ExponentialBackoff',
  'RecentlyRemediated',
]);

/** Block fields are there only while it is blocked: they are recorded from the very state that shows them. */
export function readSkip(subject: Subject): PhaseRead | undefined {
  const { resource, remediation } = subject;
  const phase = textAt(resource, 'status.overallPhase')?.toLowerCase();
  const reason = textOf(resource, BLOCK_REASON);
  if (phase === 'blocked' && reason !== undefined) {
    const until = parseInstant(textOf(resource, BLOCKED_UNTIL) ?? '');
    const end = until !== undefined && BLOCKS_WITH_AN_END.has(reason) ? [until] : [];
    return readPhase(SKIP, subject, { key: naturalKey(remediation.uid, 'skip', reason, ...end) });
  }
  // An execution of phase Skipped is its own record. A remediation that was skipped before there was any is this one.
  if (phase !== 'skipped' || textOf(resource, EXECUTION_REF) !== undefined) return undefined;
  const skipReason = textOf(resource, grouped('routingStatus', 'skipReason')) ?? 'unknown';
  return readPhase(SKIP, subject, { key: naturalKey(remediation.uid, 'skip', skipReason) });
}

/** The last block that was seen, as one value: parts of two blocks must not mix. Whether it still holds follows from the phase. */
export function lastBlockOf(resource: JsonObject): JsonObject | undefined {
  const reason = textOf(resource, BLOCK_REASON);
  if (reason === undefined) return undefined;
  const parts: readonly [name: string, paths: Paths][] = [
    ['message', grouped('routingStatus', 'blockMessage')],
    ['until', BLOCKED_UNTIL],
    ['execution', grouped('routingStatus', 'blockingWorkflowExecution')],
  ];
  const block: JsonObject = { reason };
  for (const [name, paths] of parts) {
    const value = textOf(resource, paths);
    if (value !== undefined) block[name] = value;
  }
  return block;
}

/**
 * What a remediation knows of its analysis and its execution, as fragments for their records. An analysis that the
 * resource does not name has the name that follows from the remediation; an execution that it does not name is unknown.
 */
export function siblingsOf(subject: Subject): readonly Observation[] {
  const { resource, remediation } = subject;
  const analysis =
    textOf(resource, grouped('phaseProgress', 'aiAnalysisRef.name')) ?? `ai-${remediation.name}`;
  const execution = textOf(resource, EXECUTION_REF);
  return [
    ...fragment(WORKFLOW_OF_ANALYSED, execution === undefined ? undefined : analysis, subject),
    ...fragment(ANALYSIS_TIMEOUT, analysis, subject),
    ...fragment(NAME_OF_EXECUTED, execution, subject),
  ];
}

/**
 * No observation when the remediation says nothing for the record, or does not know the name of its
 * resource.
 */
function fragment(sources: PhaseSources, name: string | undefined, subject: Subject): readonly Observation[] {
  const { definition, phase } = sources;
  const { columns } = sources.readColumns(subject.resource);
  const found = fragmentFor({ definition, phase, name }, columns, subject);
  return found === undefined ? [] : [found];
}

function textOf(resource: JsonObject, paths: Paths): string | undefined {
  return textAt(resource, ...allPaths(paths));
}

/** Who is in the way: the execution that blocks, or for a duplicate the one that came first. */
function conflictOf(blocking: JsonValue | undefined, resource: JsonObject): string | undefined {
  if (typeof blocking === 'string') return blocking;
  return textOf(resource, BLOCK_REASON) === 'DuplicateInProgress'
    ? textOf(resource, DEDUPLICATED_BY)
    : undefined;
}

/** A bundle that already has a digest in its text keeps that one. */
function bundleOf(bundle: JsonValue | undefined, resource: JsonObject): string | undefined {
  if (typeof bundle !== 'string') return undefined;
  const digest = textOf(resource, grouped('workflowSelection', 'selectedWorkflowRef.executionBundleDigest'));
  return digest === undefined || bundle.includes('@') ? bundle : `${bundle}@${digest}`;
}

/** Derived, as a reference is an object and the column holds `namespace/Kind/name`. */
function targetOf(_found: JsonValue | undefined, resource: JsonObject): string | undefined {
  for (const path of [...allPaths(REMEDIATION_TARGET), 'spec.targetResource']) {
    const target = targetTextAt(resource, path);
    if (target !== undefined) return target;
  }
  return undefined;
}

/** `timeout` is the word of G1, `TimedOut` that of later generations. */
function timeoutOf(phase: JsonValue | undefined, resource: JsonObject): string | undefined {
  const overall = textAt(resource, 'status.overallPhase')?.toLowerCase();
  const isTimedOut = overall === 'timedout' || overall === 'timeout';
  return isTimedOut && typeof phase === 'string' && phase.toLowerCase() === 'analyzing'
    ? 'timeout'
    : undefined;
}
