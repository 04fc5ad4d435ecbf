import type { JsonObject } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { ACTION_OF_WORKFLOW, hasBegun, readActionOfWorkflow } from './action-of-workflow.ts';
import { readDeletionOfRecord } from './deletion.ts';
import { pathsLeftOut } from './kind.ts';
import type { ReadingContext, ResourceReading, Unread } from './observed-remediation.ts';
import { remediationOf } from './observed-remediation.ts';
import type { PhaseRead, Subject } from './read-kind.ts';
import { fragmentFor, readPhase, subjectOf, understoodBy } from './read-kind.ts';
import { existingAnalysisOf } from './remediation-request-siblings.ts';
import type { Shape, ShapeMarks } from './resource.ts';
import { groupOf, shapeOf, textAt } from './resource.ts';
import {
  EXECUTION,
  SKIPPED_EXECUTION,
  WORKFLOW_EXECUTION_LEFT_OUT,
  WORKFLOW_OF_ANALYSIS,
} from './workflow-execution-sources.ts';

/** G1 is known by what was skipped; `spec.workflowRef` alone is common to G1 and G2 (`generationOf`). */
const MARKS: ShapeMarks = [
  ['G3', 'spec.timesOutAt', 'spec.workflowRef.workflowName', 'spec.workflowRef.actionType'],
  ['G1', 'status.skipDetails'],
  ['G2', 'spec.workflowRef'],
  ['G0', 'spec.workflowDefinition', 'status.stepStatuses'],
];

/** G1 and early G2 differ in nothing else before something is skipped. */
const GROUP_OF_G1 = 'workflowexecution.kubernaut.ai';

const KIND = 'WorkflowExecution';
/** Without a last state: one that failed may have failed with its parent, before it carried out anything. */
const PHASES_WITH_ACTION = ['running', 'completed'];

const UNDERSTOOD = understoodBy([EXECUTION], pathsLeftOut(WORKFLOW_EXECUTION_LEFT_OUT));

/**
 * Reads one execution: its own record, the action it carried out once that has begun, and the name of the
 * workflow for the record of its analysis. Phase Skipped, which only G1 has, makes the own record one of phase `skip`.
 */
export function readWorkflowExecution(
  resource: JsonObject,
  context: ReadingContext,
): ResourceReading | Unread {
  const shape = generationOf(resource);
  const namespace = textAt(resource, 'metadata.namespace') ?? '';
  const remediation = remediationOf(resource, namespace, context);
  const subject = subjectOf(resource, { shape, remediation, context });
  if ('unread' in subject) return subject;
  const skipped = textAt(resource, 'status.phase')?.toLowerCase() === 'skipped';
  const execution = readPhase(skipped ? SKIPPED_EXECUTION : EXECUTION, subject, { known: UNDERSTOOD });
  const action = readActionOfWorkflow(subject);
  const target = textAt(resource, 'spec.targetResource');
  const { workflow_name: name, workflow_id: id = subject.identity.name } = execution.observation.columns;
  return {
    remediation: subject.remediation,
    observations: [
      execution.observation,
      ...(action === undefined ? [] : [action.observation]),
      ...workflowOfAnalysis(subject),
    ],
    target,
    summary: `${target ?? 'unknown target'}: ${name ?? id}`,
    shape,
    unrecognised: execution.unrecognised,
    misshapen: withoutRepetition(execution, action),
  };
}

/**
 * Only for an analysis that was seen: the execution does not name it. The remediation does, and says the same of it.
 * Analyses of the step-level generation are named otherwise.
 */
function workflowOfAnalysis(subject: Subject): readonly Observation[] {
  if (subject.shape === 'G0') return [];
  const { definition, phase } = WORKFLOW_OF_ANALYSIS;
  const { columns } = WORKFLOW_OF_ANALYSIS.readColumns(subject.resource);
  const sibling = { definition, phase, name: existingAnalysisOf(subject) };
  const mapping = fragmentFor(sibling, columns, subject);
  return mapping === undefined ? [] : [mapping];
}

/** Both records read some of the same paths; a path is reported once. */
function withoutRepetition(execution: PhaseRead, action: PhaseRead | undefined): readonly string[] {
  return [...new Set([...execution.misshapen, ...(action?.misshapen ?? [])])];
}

function generationOf(resource: JsonObject): Shape {
  const shape = shapeOf(resource, MARKS);
  return shape === 'G2' && groupOf(resource) === GROUP_OF_G1 ? 'G1' : shape;
}

/** The action that it carried out is gone with it, and its record is another one: both say so. */
export const readExecutionDeletion = readDeletionOfRecord(
  { kind: KIND, definition: EXECUTION.definition, phase: EXECUTION.phase },
  ({ lastState, phase }) => {
    const hasAction =
      lastState === undefined ? PHASES_WITH_ACTION.includes(phase?.toLowerCase() ?? '') : hasBegun(lastState);
    const { definition, phase: auditPhase } = ACTION_OF_WORKFLOW;
    return hasAction ? [{ kind: KIND, definition, phase: auditPhase }] : [];
  },
);
