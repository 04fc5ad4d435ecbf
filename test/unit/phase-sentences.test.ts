import { describe, expect, test } from 'vitest';

import { utf8Length } from '../../src/domain/bounds.ts';
import type { AuditPhase, Observation } from '../../src/domain/observation.ts';
import { AUDIT_PHASES } from '../../src/domain/observation.ts';
import { listSentence } from '../../src/workflows/audit-summary.ts';
import { phaseSentence } from '../../src/workflows/phase-sentences.ts';
import { executionObservation } from '../support/observations.ts';

type Columns = Observation['columns'];

const FROM = '2026-11-21T10:00:00.000000Z';
const AFTER_42_S = '2026-11-21T10:00:42.900000Z';
const AFTER_4_MINUTES = '2026-11-21T10:04:12.000000Z';
const AFTER_2_HOURS = '2026-11-21T12:00:05.000000Z';

/** What a server takes of a summary; an encrypted one is longer than its text. */
const SUMMARY_BYTES = 400;
const ROOM_FOR_ENCRYPTION = 100;

/** A list of one resource, `api-7`, each observation with columns of its own. */
function listOf(...columns: readonly Columns[]): Observation[] {
  return columns.map((own) => ({
    ...executionObservation({ key: 'a-uid/api-7', columns: own }),
    resource: { kind: 'Any', namespace: 'payments', name: 'api-7', uid: 'a-uid' },
  }));
}

const SAID: readonly (readonly [AuditPhase, readonly Columns[], string])[] = [
  ['progress', [{ overall_phase: 'Pending' }], 'remediation api-7: Pending'],
  [
    'progress',
    [{ overall_phase: 'Pending' }, { overall_phase: 'Analyzing' }, { overall_phase: 'Analyzing' }],
    'remediation api-7: Pending → Analyzing (3 observations)',
  ],
  [
    'signal-processing',
    [{ status: 'completed', environment: 'production', priority: 'P1' }],
    'signal processed by api-7: completed, production, P1',
  ],
  [
    'investigation',
    [
      {
        investigation_start: FROM,
        investigation_end: AFTER_42_S,
        root_cause: 'OOMKilled',
        confidence_score: '0.94',
      },
    ],
    'investigation done in 42 s: OOMKilled, confidence 0.94',
  ],
  [
    'investigation',
    [{ investigation_start: FROM }, { investigation_report: 'The pod was killed.\nThen again.' }],
    'investigation going on: The pod was killed. (2 observations)',
  ],
  [
    'analysis',
    [{ completion_status: 'completed', confidence_score: '0.8' }],
    'analysis: completed, confidence 0.8',
  ],
  [
    'recommendation',
    [{ workflow_crd_name: 'wfe-1' }, { top_recommendation: 'restart-api' }],
    'recommendation: restart-api (2 observations)',
  ],
  ['recommendation', [{ workflow_crd_name: 'wfe-1' }], 'recommendation: executed by wfe-1'],
  [
    'investigation',
    [
      {
        agent_sessions: '{"uid":{"phase":"Completed","confidence":0.9}}',
        investigation_end: FROM,
      },
    ],
    'investigation done: confidence 0.9',
  ],
  [
    'investigation',
    [
      {
        agent_sessions: '{"uid":{"phase":"Failed","reason":"CapacityExceeded"}}',
        investigation_end: FROM,
      },
    ],
    'agent session failed: CapacityExceeded',
  ],
  [
    'investigation',
    [
      {
        investigation_sessions:
          '{"uid":{"user":"dana@example.com","join_mode":"takeover","phase":"Disconnected","connection":"Disconnected"}}',
      },
    ],
    'investigation taken over by dana@example.com: Disconnected, Disconnected',
  ],
  ['analysis-failure', [{ failure_reason: 'TimedOut' }], 'analysis failed: TimedOut'],
  ['analysis-failure', [{ completion_status: 'timeout' }], 'analysis failed: timeout'],
  [
    'execution',
    [
      { phase: 'Running', workflow_name: 'restart', started_at: FROM },
      { phase: 'Completed', completed_at: AFTER_4_MINUTES },
    ],
    'execution of restart in 4m12s: Running → Completed (2 observations)',
  ],
  ['execution', [{ phase: 'Failed', failure_reason: 'Denied' }], 'execution of api-7: Failed, Denied'],
  [
    'action',
    [
      {
        action_type: 'ScaleUp',
        phase: 'failed',
        error: 'quota',
        start_time: FROM,
        end_time: AFTER_2_HOURS,
      },
    ],
    'action ScaleUp in 2h0m5s: failed, quota',
  ],
  [
    'skip',
    [{ skip_reason: 'ResourceBusy', conflicting_wfe: 'wfe-9' }],
    'skipped: ResourceBusy, behind wfe-9',
  ],
  [
    'approval',
    [{ extra: '{"approval_decision":"Approved","approval_decided_by":"alice"}' }],
    'approval: Approved, by alice',
  ],
  [
    'verification',
    [{ extra: '{"verification_reason":"full","verification_health_score":0.95}' }],
    'verification: full, health 0.95',
  ],
  [
    'approval',
    [{ approval_required: true, extra: '{"approval_reason":"Production needs one"}' }],
    'approval required: Production needs one',
  ],
  [
    'approval',
    [{ approval_required: false, extra: '{"approval_reason":"Auto-approved by policy"}' }],
    'no approval required: Auto-approved by policy',
  ],
  ['verification', [{ extra: '{"verification_phase":"Stabilizing"}' }], 'verification: Stabilizing'],
  [
    'notification',
    [{ notifications: '{"api-7":{"type":"Completion","phase":"Sent"}}' }],
    'notification api-7: Completion, Sent',
  ],
  [
    'closure',
    [{ verdict: 'terminal', outcome: 'Remediated', started_at: FROM, completed_at: AFTER_4_MINUTES }],
    'remediation api-7 closed in 4m12s: Remediated',
  ],
  [
    'closure',
    [{ verdict: 'deleted-before-terminal', overall_phase: 'Executing' }],
    'remediation api-7 closed: deleted before its end, last seen Executing',
  ],
  ['closure', [{}], 'audit of api-7 closed by an operator'],
];

test.each(SAID)('%s of %j reads: %s', (phase, columns, sentence) => {
  expect(phaseSentence(phase, listOf(...columns))).toBe(sentence);
});

test('a list of deletions says what was deleted, except at the end of a remediation', () => {
  const deleted = (observation: Observation): Observation => ({
    ...observation,
    resource: { kind: 'AgentSession', namespace: 'payments', name: 'api-7', uid: 'a-uid', deletedAt: FROM },
  });
  const list = listOf({ investigation_start: FROM }).map(deleted);
  expect(phaseSentence('investigation', list)).toBe('AgentSession api-7 deleted');
  expect(phaseSentence('closure', listOf({ verdict: 'terminal', outcome: 'Failed' }).map(deleted))).toBe(
    'remediation api-7 closed: Failed',
  );
  expect(phaseSentence('investigation', [...listOf({ investigation_end: AFTER_42_S }), ...list])).toBe(
    'investigation done in 42 s (2 observations)',
  );
});

test('what only confirms is not said twice', () => {
  const [observation] = listOf({ verdict: 'terminal', outcome: 'Remediated' });
  if (observation === undefined) throw new Error('no observation');
  const news = { observation, bytes: 1, isConfirmation: false };
  const confirmation = { observation, bytes: 1, isConfirmation: true };
  expect(listSentence('closure', [confirmation])).toBe('confirmed that all of api-7 is stored');
  expect(listSentence('closure', [news, confirmation])).toBe('remediation api-7 closed: Remediated');
});

test('every phase has a row above', () => {
  expect(new Set(SAID.map(([phase]) => phase))).toEqual(new Set(AUDIT_PHASES));
});

const NOTHING_KNOWN: Readonly<Record<AuditPhase, string>> = {
  progress: 'remediation api-7',
  'signal-processing': 'signal processed by api-7',
  investigation: 'investigation going on',
  analysis: 'analysis',
  recommendation: 'recommendation',
  'analysis-failure': 'analysis failed',
  execution: 'execution of api-7',
  action: 'action api-7',
  skip: 'skipped',
  approval: 'approval',
  verification: 'verification',
  notification: 'notification api-7',
  closure: 'audit of api-7 closed by an operator',
};

test.each(AUDIT_PHASES)('%s says nothing of what is not known', (phase) => {
  expect(phaseSentence(phase, listOf({}))).toBe(NOTHING_KNOWN[phase]);
  expect(phaseSentence(phase, listOf({ root_cause: '', status: '', extra: '' }))).toBe(NOTHING_KNOWN[phase]);
});

test.each(['{"approval_decision":', 'null', '[]', '7', '"x"', 'no JSON'])('extra may be %s', (extra) => {
  expect(phaseSentence('approval', listOf({ extra }))).toBe('approval');
});

describe('a time is not said', () => {
  test.each([
    ['when it is no instant', 'yesterday', AFTER_42_S],
    ['when it is a date without a time', FROM, '2026-11-21'],
    ['when it is no day', FROM, '2026-13-41T10:00:00.000000Z'],
    ['when the end is before the start', AFTER_42_S, FROM],
  ])('%s', (_when, investigation_start, investigation_end) => {
    const list = listOf({ investigation_start, investigation_end });
    expect(phaseSentence('investigation', list)).toBe('investigation done');
  });
});

test('without a resource the record is named by the end of its key, also where that is no key of ours', () => {
  const named = (key: string): string =>
    phaseSentence('notification', [executionObservation({ key, columns: {} })]);
  expect(named('a-uid/caf%C3%A9%20one')).toBe('notification café one');
  expect(named('a-uid/100%')).toBe('notification 100%');
  expect(named('')).toBe('notification ');
});

describe('what people write at length', () => {
  test('is cut to its first line, and that to a part of the sentence', () => {
    const root_cause = `${'long '.repeat(100)}\nsecond line`;
    const sentence = phaseSentence('investigation', listOf({ root_cause, confidence_score: '0.9' }));
    expect(sentence).toMatch(/^investigation going on: (?:long )+.*…, confidence 0\.9$/);
    expect(sentence.length).toBeLessThan(140);
  });

  // Each is one character to a reader: an emoji is two of UTF-16 and four bytes.
  test.each(['x', 'ü', '漢', '🔥'])(
    'stays below what a server takes, and never has half a %s',
    (character) => {
      for (const phase of AUDIT_PHASES) {
        const text = character.repeat(1_001);
        const columns = [
          'root_cause',
          'workflow_name',
          'failure_reason',
          'error',
          'action_type',
          'overall_phase',
          'phase',
          'status',
          'environment',
          'priority',
          'top_recommendation',
          'skip_reason',
          'outcome',
          'verdict',
        ].map((name) => [name, text] as const);
        const list = Array.from({ length: 200 }, () => listOf(Object.fromEntries(columns))).flat();
        const sentence = phaseSentence(phase, list);
        expect(utf8Length(sentence)).toBeLessThan(SUMMARY_BYTES - ROOM_FOR_ENCRYPTION);
        expect(sentence.isWellFormed()).toBe(true);
        expect(sentence).toMatch(/ \(200 observations\)$/);
      }
    },
  );
});
