import { describe, expect, test } from 'vitest';

import type { ExpectedEnding } from '../../dev/simulator/expected-ending.ts';
import type { Generation } from '../../dev/simulator/generations.ts';
import { GENERATIONS, kindsOf } from '../../dev/simulator/generations.ts';
import { expectedEnding } from '../../dev/simulator/oracle.ts';
import { nameOf } from '../../dev/simulator/perform.ts';
import { phaseOf } from '../../dev/simulator/play.ts';
import type { WatchedState } from '../../dev/simulator/states.ts';
import { statesOf } from '../../dev/simulator/states.ts';
import type { Part } from '../../dev/simulator/step.ts';
import type { Branch } from '../../dev/simulator/stories.ts';
import { branchesOf } from '../../dev/simulator/stories.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { textAt } from '../../src/kubernaut/resource.ts';

const SEED = 20;
const EVERY: [Generation, Branch][] = GENERATIONS.flatMap((generation) =>
  branchesOf(generation).map((branch): [Generation, Branch] => [generation, branch]),
);

const nameIn = (object: JsonObject): string => textAt(object, 'metadata.name') ?? '';
const kindIn = (object: JsonObject): string => textAt(object, 'kind') ?? '';

function lastStates(states: readonly WatchedState[]): Map<string, WatchedState> {
  return new Map(states.map((state) => [nameIn(state.object), state]));
}

/** A member of a struct in G3, and flat before. */
const factOf = (remediation: JsonObject, struct: string, member: string): string | undefined =>
  textAt(remediation, `status.${struct}.${member}`) ?? textAt(remediation, `status.${member}`);

function expectRemediation(remediation: JsonObject, ending: ExpectedEnding): void {
  const found = {
    overallPhase: textAt(remediation, 'status.overallPhase'),
    outcome: factOf(remediation, 'completionStatus', 'outcome'),
    failurePhase: factOf(remediation, 'completionStatus', 'failurePhase'),
    timeoutPhase: factOf(remediation, 'completionStatus', 'timeoutPhase'),
  };
  const { overallPhase, outcome, failurePhase, timeoutPhase } = ending;
  expect(found).toEqual({ overallPhase, outcome, failurePhase, timeoutPhase });
}

describe.each(EVERY)('%s %s', (generation, branch) => {
  const states = statesOf(branch, generation, SEED);
  const ending = expectedEnding(branch, generation);
  const last = lastStates(states);
  const remediationName = nameIn(states[0]?.object ?? {});

  test('ends as is written beside it', () => {
    const remediation = last.get(remediationName);
    expectRemediation(remediation?.object ?? {}, ending);
    expect(remediation?.type === 'DELETED').toBe(ending.verdict === 'deleted-before-terminal');
    const expected = Object.entries(ending.parts).map(([part, phase]) => [
      nameOf(part as Part, remediationName),
      phase,
    ]);
    // What goes before its remediation is no part of the ending; what goes with it is, as it was last.
    const isGone = ({ type }: WatchedState): boolean =>
      type === 'DELETED' && ending.verdict !== 'deleted-before-terminal';
    const others = [...last].filter(([name, state]) => name !== remediationName && !isGone(state));
    expect(Object.fromEntries(others.map(([name, { object }]) => [name, phaseOf(object as never)]))).toEqual(
      Object.fromEntries(expected),
    );
  });

  test('shows its blocks while they last, and none afterwards', () => {
    const reasons = states.map(({ object }) => factOf(object, 'routingStatus', 'blockReason'));
    expect(new Set(reasons.filter((reason) => reason !== undefined))).toEqual(new Set(ending.blocks));
    const afterwards = last.get(remediationName)?.object ?? {};
    expect(factOf(afterwards, 'routingStatus', 'blockReason')).toBeUndefined();
  });

  test('writes resources of its generation that belong to the remediation', () => {
    const uid = textAt(states[0]?.object ?? {}, 'metadata.uid');
    const served = new Set(
      kindsOf(generation).map(({ group, version, kind }) => `${group}/${version} ${kind}`),
    );
    for (const { object } of states) {
      expect(served).toContain(`${textAt(object, 'apiVersion') ?? ''} ${kindIn(object)}`);
      expect(JSON.stringify(object)).not.toMatch(/"@|\{\w+\}/);
      if (kindIn(object) === 'RemediationRequest') continue;
      if (!NAMING_NO_UID.includes(`${generation} ${kindIn(object)}`))
        expect(textAt(object, 'spec.remediationRequestRef.uid'), nameIn(object)).toBe(uid);
      if (!['AgentSession', 'KubernetesExecution'].includes(kindIn(object)))
        expect(ownerUid(object)).toBe(uid);
    }
  });

  test('is the same for the same seed, and passes only forward in time', () => {
    expect(statesOf(branch, generation, SEED)).toEqual(states);
    const versions = states.map(({ object }) => Number(textAt(object, 'metadata.resourceVersion')));
    expect(versions).toEqual(versions.toSorted((left, right) => left - right));
  });
});

/** An assessment is correlated by name; in G0 an analysis named its remediation by a text, and an action its workflow. */
const NAMING_NO_UID = [
  'G3 EffectivenessAssessment',
  'G2 EffectivenessAssessment',
  'G0 AIAnalysis',
  'G0 KubernetesExecution',
];

function ownerUid(object: JsonObject): string | undefined {
  const { ownerReferences } = object['metadata'] as { ownerReferences?: { uid: string }[] };
  return ownerReferences?.[0]?.uid;
}

describe('the shapes of the generations', () => {
  const finalOf = (generation: Generation, kind: string): JsonObject =>
    statesOf('remediated', generation, SEED).findLast(({ object }) => kindIn(object) === kind)?.object ?? {};

  test('G3 groups the status, G2 has it flat', () => {
    const [grouped, flat] = [finalOf('G3', 'RemediationRequest'), finalOf('G2', 'RemediationRequest')];
    expect(textAt(grouped, 'status.completionStatus.outcome')).toBe('Remediated');
    expect(textAt(grouped, 'status.workflowSelection.selectedWorkflowRef.workflowId')).toBeDefined();
    expect(textAt(flat, 'status.outcome')).toBe('Remediated');
    expect(textAt(flat, 'status.completionStatus.outcome')).toBeUndefined();
    expect(textAt(finalOf('G2', 'AIAnalysis'), 'status.selectedWorkflow.workflowId')).toBeDefined();
    expect(textAt(finalOf('G2', 'AIAnalysis'), 'status.selectedWorkflow.workflowName')).toBeUndefined();
    expect(textAt(finalOf('G2', 'SignalProcessing'), 'status.severity')).toBeDefined();
  });

  test('only G3 has a snapshot of the workflow and a deadline in the execution', () => {
    expect(textAt(finalOf('G3', 'WorkflowExecution'), 'spec.workflowRef.workflowName')).toBeDefined();
    expect(textAt(finalOf('G3', 'WorkflowExecution'), 'spec.timesOutAt')).toBeDefined();
    const older = finalOf('G2', 'WorkflowExecution');
    expect(textAt(older, 'spec.workflowRef.executionBundle')).toBeDefined();
    expect(textAt(older, 'spec.workflowRef.workflowName')).toBeUndefined();
    expect(textAt(older, 'spec.timesOutAt')).toBeUndefined();
  });

  test('G1 has its own groups, names and lower-case phases', () => {
    const remediation = finalOf('G1', 'RemediationRequest');
    expect(textAt(remediation, 'apiVersion')).toBe('remediation.kubernaut.io/v1alpha1');
    expect(textAt(remediation, 'status.overallPhase')).toBe('completed');
    expect(textAt(remediation, 'spec.environment')).toBeDefined();
    expect(textAt(finalOf('G1', 'SignalProcessing'), 'spec.signalFingerprint')).toBeDefined();
    expect(textAt(finalOf('G1', 'SignalProcessing'), 'status.categorization.priority')).toBeDefined();
    expect(textAt(finalOf('G1', 'WorkflowExecution'), 'spec.workflowRef.containerImage')).toBeDefined();
    expect(textAt(finalOf('G1', 'WorkflowExecution'), 'status.pipelineRunRef.name')).toBeDefined();
    expect(textAt(finalOf('G1', 'NotificationRequest'), 'spec.type')).toBe('completion');
  });

  test('G0 has a RemediationProcessing, and the documented action of each step', () => {
    const states = statesOf('remediated-in-steps', 'G0', SEED);
    const last = (kind: string): JsonObject =>
      states.findLast(({ object }) => kindIn(object) === kind)?.object ?? {};
    expect(textAt(last('RemediationRequest'), 'status.remediationProcessingRef.name')).toMatch(/^rp-/);
    expect(textAt(last('RemediationProcessing'), 'status.completedAt')).toBeDefined();
    const action = last('KubernetesExecution');
    expect(textAt(action, 'apiVersion')).toBe('executor.kubernaut.io/v1');
    expect(textAt(action, 'spec.action.target.resourceKind')).toBeDefined();
    expect(ownerUid(action)).toBe(textAt(last('WorkflowExecution'), 'metadata.uid'));
  });

  test('an override runs another workflow than the analysis proposed', () => {
    const states = statesOf('approval-overridden', 'G3', SEED);
    const last = (kind: string): JsonObject =>
      states.findLast(({ object }) => kindIn(object) === kind)?.object ?? {};
    const decided = textAt(last('RemediationApprovalRequest'), 'status.workflowOverride.workflowName');
    expect(decided).toBeDefined();
    expect(textAt(last('WorkflowExecution'), 'spec.workflowRef.workflowName')).toBe(decided);
    expect(textAt(last('AIAnalysis'), 'status.rcaResult.selectedWorkflow.workflowName')).not.toBe(decided);
  });
});
