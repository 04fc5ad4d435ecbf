import { describe, expect, test } from 'vitest';

import type { WatchedState } from '../../dev/simulator/states.ts';
import { statesOf } from '../../dev/simulator/states.ts';
import type { Branch } from '../../dev/simulator/stories.ts';
import { branchesOf } from '../../dev/simulator/stories.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { canonicalJson } from '../../src/domain/json.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { at, textAt } from '../../src/kubernaut/resource.ts';
import { observationsOfEach } from '../support/simulated-states.ts';

const SEED = 20;

const nameOf = ({ object }: WatchedState): string =>
  `${textAt(object, 'kind') ?? ''} ${textAt(object, 'metadata.name') ?? ''}`;
const objectsOf = (branch: Branch, kind: string): readonly JsonObject[] =>
  statesOf(branch, 'G3', SEED)
    .filter(({ object }) => object['kind'] === kind)
    .map(({ object }) => object);
const remediationsOf = (branch: Branch): readonly JsonObject[] => objectsOf(branch, 'RemediationRequest');
const phasesOf = (objects: readonly JsonObject[]): (string | undefined)[] =>
  objects.map((object) => textAt(object, 'status.overallPhase', 'status.phase', 'status.decision'));
const conditionsOf = (object: JsonObject | undefined): readonly JsonObject[] =>
  (at(object, 'status.conditions') ?? []) as JsonObject[];

interface Sent {
  readonly versions: number;
  /** Versions that the next write of their resource replaces at once. */
  readonly replaced: number;
  /** Of the others those that say the same as the one before. */
  readonly churn: number;
  readonly observations: readonly Observation[];
}

/** What is left for a watcher to send, if it sends no state that says nothing new and none that was replaced at once. */
function sentOf(branch: Branch): Sent {
  const states = statesOf(branch, 'G3', SEED);
  const said = new Map<string, string>();
  const sent = { versions: states.length, churn: 0, replaced: 0, observations: [] as Observation[] };
  for (const [index, observations] of observationsOfEach(states, 'G3').entries()) {
    const state = states[index] as WatchedState;
    const next = states.slice(index + 1).find((later) => nameOf(later) === nameOf(state));
    const content = contentOf(observations);
    if (next?.writtenAt === state.writtenAt) sent.replaced += 1;
    else if (said.get(nameOf(state)) === content) sent.churn += 1;
    else {
      said.set(nameOf(state), content);
      sent.observations.push(...observations);
    }
  }
  return sent;
}

const contentOf = (observations: readonly Observation[]): string =>
  canonicalJson(
    observations.map(({ key, phase, columns }): JsonObject => ({ key, phase, columns: { ...columns } })),
  );

test('an ordinary remediation is written 49 times, and a watcher has 49 observations to send of it', () => {
  const { versions, replaced, churn, observations } = sentOf('remediated');
  expect({ versions, replaced, churn }).toEqual({ versions: 49, replaced: 9, churn: 6 });
  expect(observations).toHaveLength(49);
});

test('most phases of a remediation are written more than once', () => {
  const phases = phasesOf(remediationsOf('remediated'));
  const counts = Object.groupBy(phases, (phase) => phase ?? 'none');
  expect(
    Object.fromEntries(Object.entries(counts).map(([phase, writes]) => [phase, writes?.length])),
  ).toEqual({ none: 2, Pending: 2, Processing: 2, Analyzing: 3, Executing: 1, Verifying: 2, Completed: 4 });
});

test('conditions gather as controllers set them, each type once', () => {
  const count = (kind: string): number => {
    const types = conditionsOf(objectsOf('remediated', kind).at(-1)).map((one) => textAt(one, 'type'));
    expect(new Set(types).size).toBe(types.length);
    return types.length;
  };
  const kinds = ['RemediationRequest', 'AIAnalysis', 'SignalProcessing', 'WorkflowExecution'];
  expect(kinds.map(count)).toEqual([9, 6, 5, 6]);
  expect(['EffectivenessAssessment', 'NotificationRequest'].map(count)).toEqual([4, 2]);
});

test('the remediation names its execution and its workflow while it is still Analyzing', () => {
  const first = remediationsOf('remediated').find((object) => at(object, 'status.workflowSelection'));
  expect(textAt(first, 'status.overallPhase')).toBe('Analyzing');
  expect(textAt(first, 'status.phaseProgress.workflowExecutionRef.name')).toBeDefined();
});

describe('a block after the analysis', () => {
  test.each(['blocked-resource-busy', 'blocked-recently-remediated', 'blocked-ineffective-chain'] as const)(
    '%s names no workflow: the analysis does',
    (branch) => {
      const blocked = remediationsOf(branch).filter(
        (object) => textAt(object, 'status.overallPhase') === 'Blocked',
      );
      expect(blocked.length).toBeGreaterThan(0);
      expect(blocked.map((object) => at(object, 'status.workflowSelection'))).toEqual(
        blocked.map(() => undefined),
      );
      const analysis = objectsOf(branch, 'AIAnalysis').at(-1);
      expect(textAt(analysis, 'status.rcaResult.selectedWorkflow.workflowId')).toBeDefined();
    },
  );
});

test.each(['blocked-resource-busy', 'duplicate-remediated', 'duplicate-failed', 'timed-out-global'] as const)(
  '%s is blocked without an end, and nothing is written while it is looked at again',
  (branch) => {
    const blocked = remediationsOf(branch).filter((object) => at(object, 'status.routingStatus.blockReason'));
    expect(blocked).toHaveLength(1);
    expect(at(blocked[0], 'status.routingStatus.blockedUntil')).toBeUndefined();
  },
);

test.each(branchesOf('G3'))('%s keeps no field of a block at its end', (branch) => {
  const routing = at(remediationsOf(branch).at(-1), 'status.routingStatus') ?? {};
  expect(Object.keys(routing).filter((member) => /^block|duplicateOf|Count/.test(member))).toEqual([]);
});

describe('an agent session', () => {
  test('exists before it has a status, and is then dispatched', () => {
    const sessions = objectsOf('remediated', 'AgentSession');
    expect(phasesOf(sessions)).toEqual([undefined, 'Investigating', 'Completed']);
    expect(textAt(sessions[1], 'status.sessionID')).toBeDefined();
    expect(textAt(sessions[1], 'status.dispatchedAt')).toBeDefined();
  });

  test('answers with the grounds of its decision, which the analysis does not take over', () => {
    const found = at(objectsOf('remediated', 'AgentSession').at(-1), 'status.result.rootCauseAnalysis');
    expect(at(found, 'causal_chain')).toHaveLength(2);
    expect(Object.keys(at(found, 'due_diligence') as JsonObject)).toHaveLength(8);
    const analysis = JSON.stringify(objectsOf('remediated', 'AIAnalysis').at(-1));
    expect(analysis).not.toMatch(/due_diligence|causal_chain/);
  });

  test('has its proposal where no workflow is run, which the analysis does not take over', () => {
    const result = at(objectsOf('manual-review', 'AgentSession').at(-1), 'status.result');
    expect(at(result, 'needsHumanReview')).toBe(true);
    expect(textAt(result, 'selectedWorkflow.execution_bundle_digest')).toMatch(/^sha256:/);
    expect(at(result, 'alternativeWorkflows')).toHaveLength(1);
    expect(at(result, 'detectedLabels')).toBeDefined();
    const analysis = objectsOf('manual-review', 'AIAnalysis').at(-1);
    for (const path of ['rcaResult.selectedWorkflow', 'rcaResult.alternativeWorkflows', 'postRCAContext'])
      expect(at(analysis, `status.${path}`), path).toBeUndefined();
    expect(
      at(objectsOf('no-action', 'AgentSession').at(-1), 'status.result.selectedWorkflow'),
    ).toBeUndefined();
  });

  test('that finds no capacity is deleted, and a second of the same name is another resource', () => {
    const states = statesOf('agent-busy', 'G3', SEED).filter(
      ({ object }) => object['kind'] === 'AgentSession',
    );
    const uids = states.map(({ object }) => textAt(object, 'metadata.uid'));
    const names = states.map(({ object }) => textAt(object, 'metadata.name'));
    expect([new Set(uids).size, new Set(names).size]).toEqual([2, 1]);
    const gone = states.find(({ type }) => type === 'DELETED');
    expect(textAt(gone?.object, 'status.reason')).toBe('CapacityExceeded');
    const generations = objectsOf('agent-busy', 'AIAnalysis').map((object) =>
      textAt(object, 'status.investigationSession.id'),
    );
    expect(new Set(generations.filter((id) => id !== undefined)).size).toBe(2);
  });

  test('is deleted, and not Cancelled, when its remediation ends first', () => {
    const states = statesOf('timed-out-analyzing', 'G3', SEED);
    const sessions = states.filter(({ object }) => object['kind'] === 'AgentSession');
    expect(sessions.at(-1)?.type).toBe('DELETED');
    expect(phasesOf(sessions.map(({ object }) => object))).not.toContain('Cancelled');
  });
});

test('an investigation that is taken over names who did, and when they were away', () => {
  const sessions = objectsOf('investigation-taken-over', 'InvestigationSession');
  expect(phasesOf(sessions)).toEqual([undefined, 'Active', 'Disconnected', 'Active', 'Completed']);
  expect(textAt(sessions.at(-1), 'spec.userIdentity.username')).toBe('dana@example.com');
  expect(textAt(sessions.at(-1), 'status.disconnectedAt')).toBeDefined();
  const driven = objectsOf('investigation-taken-over', 'AgentSession').at(-1);
  expect(at(driven, 'status.interactive')).toBe(true);
  expect(textAt(driven, 'status.actingUser')).toBe('dana@example.com');
});

test('a notification that is deleted is noted as cancelled, and one that is tried again is not noted', () => {
  const words = remediationsOf('notification-deleted').map((object) =>
    textAt(object, 'status.completionStatus.notificationStatus'),
  );
  expect(words.filter((word) => word !== undefined)).toEqual(['Cancelled']);
});

test('who is notified stands in a condition, and the health of a Node has no score', () => {
  const [, queued] = objectsOf('remediated', 'NotificationRequest');
  expect(textAt(conditionsOf(queued)[0], 'message')).toContain('channels: console, slack');
  const scores = Array.from({ length: 40 }, (_, seed) => statesOf('remediated', 'G3', seed))
    .map((states) => states.findLast(({ object }) => object['kind'] === 'EffectivenessAssessment')?.object)
    .filter((object) => textAt(object, 'spec.remediationTarget.kind') === 'Node');
  expect(scores.length).toBeGreaterThan(0);
  for (const assessment of scores) {
    expect(at(assessment, 'status.components.healthAssessed')).toBe(true);
    expect(at(assessment, 'status.components.healthScore')).toBeUndefined();
  }
});

test('an approval exists before it has a status', () => {
  const [created, asked] = objectsOf('approval-granted', 'RemediationApprovalRequest');
  expect(created).not.toHaveProperty('status');
  expect(textAt(asked, 'status.createdAt')).toBeDefined();
});

test('a cancellation is one write that names no user', () => {
  const last = remediationsOf('cancelled-by-tool').find(
    (object) => textAt(object, 'status.overallPhase') === 'Cancelled',
  );
  expect(textAt(last, 'status.message')).toBe('Cancelled by user via kubernaut_cancel_remediation');
  expect(textAt(last, 'status.completedAt')).toBeDefined();
  expect(at(last, 'status.operatorAudit.lastModifiedBy')).toBeUndefined();
});

test('a status flaps 27 times a second between two contents, and nothing else of it changes', () => {
  const states = statesOf('notification-flapping', 'G3', SEED).filter(
    ({ object }) => textAt(object, 'status.completionStatus.notificationStatus') !== undefined,
  );
  expect(states).toHaveLength(27);
  const words = states.map(({ object }) => textAt(object, 'status.completionStatus.notificationStatus'));
  expect(words.slice(0, 4)).toEqual(['Sent', 'Failed', 'Sent', 'Failed']);
  const delivered = states.map(({ object }) =>
    textAt(
      conditionsOf(object).find((one) => one['type'] === 'NotificationDelivered'),
      'status',
    ),
  );
  expect(delivered.slice(0, 4)).toEqual(['True', 'False', 'True', 'False']);
  const gaps = states.slice(1).map(({ writtenAt }, index) => writtenAt - (states[index]?.writtenAt ?? 0));
  expect(new Set(gaps)).toEqual(new Set([37]));
});
