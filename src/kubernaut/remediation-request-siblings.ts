import { parseInstant } from '../domain/instant.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { naturalKey } from '../domain/observation.ts';
import { aiAnalysisAudit } from '../domain/records/ai-analysis-audit.ts';
import { workflowExecutionAudit } from '../domain/records/workflow-execution-audit.ts';
import { withChoice, withDigest } from './chosen-workflow.ts';
import type { Paths } from './column-source.ts';
import { allPaths, inAll } from './column-source.ts';
import type { PhaseRead, PhaseSources, Subject } from './read-kind.ts';
import { definePhase, fragmentFor, readPhase } from './read-kind.ts';
import { grouped } from './remediation-request-sources.ts';
import {
  correlationOf,
  HOW_CORRELATED,
  HOW_NAMED,
  targetTextAt,
  textAt,
  workflowNameOf,
} from './resource.ts';

// Paths that several readers below share. G3 has these members in structs; before, they lie flat under `status`.
const REMEDIATION_TARGET = grouped('workflowSelection', 'remediationTarget');
/** In the order in which they are tried: what was to be remediated, then what the signal is about. */
const TARGET: Paths = Object.fromEntries(
  Object.entries(REMEDIATION_TARGET).map(([shape, paths]) => [shape, [paths, 'spec.targetResource'].flat()]),
);
const BLOCK_REASON = grouped('routingStatus', 'blockReason');
const BLOCK_MESSAGE = grouped('routingStatus', 'blockMessage');
const BLOCKED_UNTIL = grouped('routingStatus', 'blockedUntil');
const DEDUPLICATED_BY = grouped('routingStatus', 'deduplicatedByWE');
const ANALYSIS_REF = grouped('phaseProgress', 'aiAnalysisRef.name');
const EXECUTION_REF = grouped('phaseProgress', 'workflowExecutionRef.name');

/** For documentation. */
const OF_ANALYSIS =
  'where the remediation names none, what its analysis selected, as far as the watcher has seen that';

/** The only place where a block of this reason names the execution. */
const REMEDIATED_BY = /^Target was remediated recently \(([^()\s]{1,253})\)/;

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
      derive: correlationOf,
      how: HOW_CORRELATED,
    },
    phase: { paths: {}, derive: () => 'Skipped', how: '`Skipped`: it was kept from running' },
    outcome: { paths: {}, derive: () => 'n/a', how: '`n/a`' },
    // blockReason is erased on unblock, so this is read from the very state that is blocked.
    skip_reason: { paths: grouped('routingStatus', 'blockReason', 'skipReason') },
    // blockingWorkflowExecution is set for ResourceBusy only.
    conflicting_wfe: {
      paths: grouped('routingStatus', 'blockingWorkflowExecution'),
      derive: conflictOf,
      how: 'for a duplicate `deduplicatedByWE`; for RecentlyRemediated the name in the message of the block',
    },
    workflow_id: {
      paths: grouped('workflowSelection', 'selectedWorkflowRef.workflowId'),
      how: OF_ANALYSIS,
    },
    workflow_name: {
      paths: grouped('workflowSelection', 'workflowDisplayName'),
      derive: workflowNameOf,
      how: `${HOW_NAMED}; ${OF_ANALYSIS}`,
    },
    workflow_version: {
      paths: grouped('workflowSelection', 'selectedWorkflowRef.version'),
      how: OF_ANALYSIS,
    },
    container_image: {
      paths: grouped('workflowSelection', 'selectedWorkflowRef.executionBundle'),
      derive: bundleOf,
      how: `with its digest where one is named beside it; ${OF_ANALYSIS}`,
    },
    target_resource: {
      paths: TARGET,
      derive: targetOf,
      how: 'what was to be remediated, by the remediation or else by its analysis, else what the signal is about',
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
  columns: {
    workflow_name: {
      paths: { G2: 'status.workflowDisplayName' },
      derive: workflowNameOf,
      how: HOW_NAMED,
    },
  },
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
    return readBlock(subject, naturalKey(remediation.uid, 'skip', reason, ...end));
  }
  // An execution of phase Skipped is its own record. A remediation that was skipped before there was any is this one.
  if (phase !== 'skipped' || textOf(resource, EXECUTION_REF) !== undefined) return undefined;
  const skipReason = textOf(resource, grouped('routingStatus', 'skipReason')) ?? 'unknown';
  return readBlock(subject, naturalKey(remediation.uid, 'skip', skipReason));
}

/** Until something is executed, only the analysis says what was to be done, and to what. */
function readBlock(subject: Subject, key: string): PhaseRead {
  const { resource, remediation, context } = subject;
  const read = readPhase(SKIP, subject, { key });
  const analysis = { kind: 'AIAnalysis', namespace: remediation.namespace, name: analysisOf(subject) };
  const choice = context.choiceOf?.(analysis, remediation.uid);
  const isTargetKnown = allPaths(REMEDIATION_TARGET).some(
    (path) => targetTextAt(resource, path) !== undefined,
  );
  return { ...read, observation: withChoice(read.observation, choice, isTargetKnown) };
}

/** The analysis that the resource names, else the name that follows from the remediation. */
function analysisOf({ resource, remediation }: Pick<Subject, 'resource' | 'remediation'>): string {
  return textOf(resource, ANALYSIS_REF) ?? `ai-${remediation.name}`;
}

/** The last block that was seen, as one value: parts of two blocks must not mix. Whether it still holds follows from the phase. */
export function lastBlockOf(resource: JsonObject): JsonObject | undefined {
  const reason = textOf(resource, BLOCK_REASON);
  if (reason === undefined) return undefined;
  const parts: readonly [name: string, paths: Paths][] = [
    ['message', BLOCK_MESSAGE],
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
  const { resource } = subject;
  const analysis = existingAnalysisOf(subject);
  const execution = textOf(resource, EXECUTION_REF);
  return [
    ...fragment(WORKFLOW_OF_ANALYSED, execution === undefined ? undefined : analysis, subject),
    ...fragment(ANALYSIS_TIMEOUT, analysis, subject),
    ...fragment(NAME_OF_EXECUTED, execution, subject),
  ];
}

/**
 * The analysis that the remediation names, or that was seen under the name which follows. For one that nobody has seen or
 * named nothing is said: a row would count an analysis that does not exist.
 */
export function existingAnalysisOf(
  subject: Pick<Subject, 'resource' | 'remediation' | 'context'>,
): string | undefined {
  const { resource, remediation, context } = subject;
  const named = textOf(resource, ANALYSIS_REF);
  if (named !== undefined) return named;
  const { namespace } = remediation;
  const name = `ai-${remediation.name}`;
  const createdAt = context.siblingCreatedAt?.({ kind: 'AIAnalysis', namespace, name }, remediation.uid);
  return createdAt === undefined ? undefined : name;
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

/** Who is in the way: the execution that blocks, that came first, or that has just remediated the target. */
function conflictOf(blocking: JsonValue | undefined, resource: JsonObject): string | undefined {
  if (typeof blocking === 'string') return blocking;
  const reason = textOf(resource, BLOCK_REASON);
  if (reason === 'RecentlyRemediated') return REMEDIATED_BY.exec(textOf(resource, BLOCK_MESSAGE) ?? '')?.[1];
  return reason === 'DuplicateInProgress' ? textOf(resource, DEDUPLICATED_BY) : undefined;
}

function bundleOf(bundle: JsonValue | undefined, resource: JsonObject): string | undefined {
  const digest = grouped('workflowSelection', 'selectedWorkflowRef.executionBundleDigest');
  return typeof bundle === 'string' ? withDigest(bundle, textOf(resource, digest)) : undefined;
}

/** Derived, as a reference is an object and the column holds `namespace/Kind/name`. */
function targetOf(_found: JsonValue | undefined, resource: JsonObject): string | undefined {
  // In no generation does the signal come before what was to be remediated in another.
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
