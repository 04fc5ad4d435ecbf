import { describe, expect, test } from 'vitest';

import type { Generation } from '../../dev/simulator/generations.ts';
import { statesOf } from '../../dev/simulator/states.ts';
import type { Branch } from '../../dev/simulator/stories.ts';
import { branchesOf } from '../../dev/simulator/stories.ts';
import { actorsOf } from '../../src/query/remediation/decision.ts';
import type { RemediationFacts } from '../../src/query/remediation/summary.ts';
import { summaryOf } from '../../src/query/remediation/summary.ts';
import { summaryText } from '../../src/query/remediation/text.ts';
import type { TimelineEvent } from '../../src/query/remediation/timeline.ts';
import { timelineOf } from '../../src/query/remediation/timeline.ts';
import { PLAIN_VIEW } from '../../src/terminal/view.ts';
import { entriesOf, factsOfStory } from '../support/remediation-story.ts';

const SEED = 20;
const factsIn = (branch: Branch, generation: Generation = 'G3'): RemediationFacts =>
  factsOfStory(statesOf(branch, generation, SEED), generation);
const eventsOf = (branch: Branch, generation: Generation = 'G3'): readonly TimelineEvent[] =>
  timelineOf(entriesOf(statesOf(branch, generation, SEED), generation));
const linesOf = (branch: Branch): string[] => eventsOf(branch).map(({ event }) => event);

describe('the summary of a remediation', () => {
  test('that helped says what, why, who decided, and how long each phase took', () => {
    const summary = summaryOf(factsIn('remediated'));
    expect(summary.headline).toMatch(
      /^\S+\/\w+\/\S+: \w+, \S+, Completed \(Remediated\) in \d+m\d+s, no approval was needed \(policy "approval"\)$/,
    );
    expect(summary).toMatchObject({
      verdict: 'terminal',
      what: { environment: 'production', occurrences: 1 },
      why: { causal_chain: [expect.any(String) as string, expect.any(String) as string], alternatives: 1 },
      decided: { kind: 'policy', reason: 'Auto-approved by policy', how_known: 'self-reported' },
      outcome: { phase: 'Completed', outcome: 'Remediated', verification: 'Full' },
      blocks: [],
    });
    expect(Object.keys(summary.why['due_diligence'] as object)).toHaveLength(8);
    expect(summary.executions).toMatchObject([
      {
        name: expect.stringMatching(/^we-/) as string,
        phase: 'Completed',
        duration_seconds: expect.any(Number) as number,
      },
    ]);
    expect(summary.phases.map(({ phase }) => phase)).toEqual([
      ...['Pending', 'Processing', 'Analyzing', 'Executing', 'Verifying'],
    ]);
    const sum = summary.phases.reduce((total, { duration_seconds: seconds }) => total + (seconds ?? NaN), 0);
    expect(sum).toBe(summary.duration_seconds);
    expect(summary.missing).toEqual([]);
  });

  test('names the controllers that wrote what is recorded, and no person that a resource names', () => {
    const { actors } = summaryOf(factsIn('approval-granted'));
    expect(actors.map(({ actor }) => actor)).toContain('remediationorchestrator-controller');
    expect(actors.every(({ how_known: how }) => how === 'managed-fields')).toBe(true);
    expect(actors.map(({ actor }) => actor)).not.toContain('dana@example.com');
    expect(summaryText(summaryOf(factsIn('approval-granted')), PLAIN_VIEW)).toMatch(
      /^written by +managed-fields: .*remediationorchestrator-controller/m,
    );
    const events = [
      { actor: 'a-controller', how_known: 'managed-fields', kind: 'remediation' },
      { actor: 'poster', how_known: 'caller', kind: 'signal' },
      { actor: null, how_known: 'unknown', kind: 'remediation' },
      { actor: 'a-controller', how_known: 'managed-fields', kind: 'analysis' },
      { actor: 'a-controller', how_known: 'managed-fields', kind: 'analysis' },
    ] as const;
    expect(actorsOf(events)).toEqual([
      { actor: 'a-controller', how_known: 'managed-fields', kinds: ['remediation', 'analysis'] },
      { actor: 'poster', how_known: 'caller', kinds: ['signal'] },
    ]);
  });

  test.each([
    ['approval-granted', { kind: 'person', decision: 'Approved', by: 'dana@example.com', via: 'kubectl' }],
    ['approval-rejected', { kind: 'person', decision: 'Rejected', reason: 'Not during the sale' }],
    ['approval-expired', { kind: 'expiry', decision: 'Expired', by: 'system' }],
    ['approval-overridden', { kind: 'person', override: { workflowName: expect.any(String) as string } }],
    ['manual-review', { kind: 'analysis', decision: 'ManualReviewRequired' }],
    ['no-action', { kind: 'analysis', decision: 'NoActionRequired' }],
    ['duplicate-remediated', { kind: 'routing', decision: 'DuplicateInProgress' }],
    ['cancelled-by-tool', { kind: 'cancellation', by: null, how_known: 'unknown' }],
  ] as const)('of %s says who or what decided, and how that is known', (branch, decided) => {
    expect(summaryOf(factsIn(branch)).decided).toMatchObject(decided);
  });

  test('an approval has a phase of its own', () => {
    const phases = summaryOf(factsIn('approval-granted')).phases.map(({ phase }) => phase);
    expect(phases).toEqual([
      'Pending',
      'Processing',
      'Analyzing',
      'AwaitingApproval',
      'Executing',
      'Verifying',
    ]);
  });

  test('that was blocked says why, by which execution, and of which remediation it is a duplicate', () => {
    expect(summaryOf(factsIn('blocked-resource-busy')).blocks).toMatchObject([
      { reason: 'ResourceBusy', conflicting_execution: expect.stringMatching(/^we-/) as string },
    ]);
    expect(summaryOf(factsIn('duplicate-remediated')).blocks).toMatchObject([
      { reason: 'DuplicateInProgress', duplicate_of: expect.stringMatching(/^rr-/) as string },
    ]);
    expect(summaryOf(factsIn('blocked-unmanaged-resource')).blocks).toMatchObject([
      { reason: 'UnmanagedResource' },
    ]);
  });

  test('whose execution was deleted while it ran says when, and what is not known', () => {
    const { executions, missing } = summaryOf(factsIn('cancelled-by-deletion'));
    expect(executions).toMatchObject([{ phase: 'Running', deleted_at: expect.any(String) as string }]);
    expect(missing).toContain('an execution was deleted before it ended: how it ended is not known');
  });

  test('that was deleted before it ended says so, and does not make up who did it', () => {
    const summary = summaryOf(factsIn('cancelled-by-deletion'));
    expect(summary.verdict).toBe('deleted-before-terminal');
    expect(summary.outcome).toMatchObject({ phase: 'Executing', completed_at: null });
    expect(summary.missing[0]).toBe(
      'it was deleted before it ended; a deletion does not say who asked for it',
    );
    expect(summary.decided.by).not.toBe('watcher');
  });

  test('whose agent was busy names both sessions, and the result of the second', () => {
    const { why } = summaryOf(factsIn('agent-busy'));
    expect(why['sessions']).toMatchObject([
      { phase: 'Failed', reason: 'CapacityExceeded' },
      { phase: 'Completed', reason: null },
    ]);
    expect(why['causal_chain']).toHaveLength(2);
  });

  test('that failed says where and why', () => {
    expect(summaryOf(factsIn('execution-failed'))).toMatchObject({
      outcome: { phase: 'Failed', failure_phase: 'WorkflowExecution' },
      executions: [{ phase: 'Failed', failure_message: expect.any(String) as string }],
    });
  });

  test('names the months that were not searched, and what no record says', () => {
    const facts = factsIn('remediated');
    const unsearched = { months: ['2026-03'], reason: 'the archive was left out' };
    expect(summaryOf({ ...facts, analyses: [], unsearched }).missing).toEqual([
      'it was Analyzing, and there is no record of its analysis',
      'not searched: 2026-03: the archive was left out',
    ]);
  });

  test('is bounded, whatever its records hold', () => {
    const facts = factsIn('remediated');
    const [execution = {}] = facts.executions;
    const long = 'x'.repeat(100_000);
    const remediation = { ...facts.remediation, failure_reason: long };
    const executions = Array.from({ length: 500 }, () => ({ ...execution, failure_message: long }));
    expect(JSON.stringify(summaryOf({ ...facts, remediation, executions })).length).toBeLessThan(200_000);
  });
});

describe('the timeline of a remediation', () => {
  test('has one line per event, with the fields that changed', () => {
    const lines = linesOf('remediated');
    expect(lines[0]).toMatch(/^signal received: \w+ on /);
    expect(lines).toContain('remediation Processing');
    expect(lines).toContain('verification Completed, Full, health 1, alert 1, metrics 0.82');
    expect(lines.filter((line) => line === 'remediation Completed: Remediated')).toHaveLength(1);
    expect(lines.length).toBeLessThan(30);
    expect(lines.filter((line, index) => line === lines[index - 1])).toEqual([]);
    for (const { changes } of eventsOf('remediated')) expect(changes.length).toBeGreaterThan(0);
  });

  test.each(branchesOf('G3').filter((branch) => branch !== 'notification-flapping'))(
    'of %s never names the watcher, and is short',
    (branch) => {
      const events = eventsOf(branch);
      expect(events.map(({ actor }) => actor)).not.toContain('watcher');
      expect(events.length).toBeLessThan(60);
      expect(JSON.stringify(events).length).toBeLessThan(60_000);
    },
  );

  test('names the person who decided, and who took the investigation over and was away', () => {
    const decided = eventsOf('approval-granted').find(({ event }) => event.startsWith('approval Approved'));
    expect(decided).toMatchObject({
      event: 'approval Approved by dana@example.com: Looks right, go ahead',
      actor: 'dana@example.com',
      how_known: 'self-reported',
    });
    const people = eventsOf('investigation-taken-over').filter(({ actor }) => actor === 'dana@example.com');
    expect(people.map(({ event }) => event)).toEqual([
      'dana@example.com took part in the investigation',
      'dana@example.com was disconnected from the investigation',
      'dana@example.com reconnected',
      'dana@example.com finished the investigation',
    ]);
  });

  test('names the controller that wrote each state', () => {
    const events = eventsOf('remediated');
    const actorOf = (beginning: string): string | null | undefined =>
      events.find(({ event }) => event.startsWith(beginning))?.actor;
    expect(actorOf('signal received')).toBe('gateway');
    expect(actorOf('signal processing')).toBe('signalprocessing-controller');
    expect(actorOf('analysis Completed')).toBe('aianalysis-controller');
    expect(actorOf('execution of')).toBe('workflowexecution-controller');
    expect(actorOf('remediation Executing')).toBe('remediationorchestrator-controller');
    expect(actorOf('verification')).toBe('effectivenessmonitor-controller');
    for (const { how_known: how } of events) expect(how).toBe('managed-fields');
  });

  test('names nobody for a deletion: who wrote the last state, or took a finalizer, need not have deleted it', () => {
    const deletions = eventsOf('cancelled-by-deletion').filter(({ event }) => event.includes('deleted'));
    expect(deletions.length).toBeGreaterThan(1);
    for (const { actor, how_known: how } of deletions) expect([actor, how]).toEqual([null, 'unknown']);
  });

  test('names a block by its reason and its cause, and what was deleted', () => {
    expect(linesOf('blocked-resource-busy').find((line) => line.startsWith('blocked'))).toMatch(
      /^blocked: ResourceBusy by we-\S+: /,
    );
    const ofDeletion = linesOf('cancelled-by-deletion');
    for (const line of ['remediation deleted before it ended', 'execution deleted'])
      expect(ofDeletion).toContain(line);
    expect(linesOf('agent-busy')).toContain('agent session Failed: CapacityExceeded');
  });

  test('a client that the API server names is the actor, and a post has its caller', () => {
    const [entry] = entriesOf(statesOf('remediated', 'G3', SEED), 'G3');
    if (entry === undefined) throw new Error('the story has no entry');
    const actorOf = (more: Partial<typeof entry>) => timelineOf([{ ...entry, ...more }])[0];
    expect(actorOf({ actor: 'kubernaut-gateway' })).toMatchObject({
      actor: 'kubernaut-gateway',
      how_known: 'managed-fields',
    });
    expect(actorOf({ actor: 'executor', sourceVersion: '-5' })).toMatchObject({ how_known: 'caller' });
    expect(actorOf({ actor: 'watcher' })).toMatchObject({ actor: null, how_known: 'unknown' });
  });

  test('an operator who closed the audit is known by the name that was given', () => {
    const [entry] = entriesOf(statesOf('remediated', 'G3', SEED), 'G3');
    if (entry === undefined) throw new Error('the story has no entry');
    const content = JSON.stringify({
      extra: { closed_by_operator: { by: 'dana', reason: 'the cluster is gone' } },
    });
    const closure = { ...entry, table: 'remediation_audit', sourceVersion: '-5', actor: 'dana', content };
    expect(timelineOf([closure])).toMatchObject([
      { event: 'audit closed by an operator', actor: 'dana', how_known: 'self-reported' },
    ]);
  });
});
