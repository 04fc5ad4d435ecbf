import {
  AIA_DONE,
  AIA_FAILED,
  ALL_DONE,
  FAILED,
  REMEDIATED,
  ROWS,
  TERMINAL,
  WFE_DONE,
} from '../expected-ending.ts';
import {
  analysed,
  analysedAtSecondAttempt,
  analysedForReview,
  analysedTakenOver,
  analysedWithoutNeed,
  analysisFailed,
} from '../scenes/analysis.ts';
import {
  completed,
  NOT_AGAIN_TODAY,
  notificationDeleted,
  notifiedAndNotNotified,
  notifiedPartly,
  peopleNotified,
  retained,
  reviewAsked,
} from '../scenes/endings.ts';
import { executed, executionFailed } from '../scenes/execution.ts';
import { beginning, processedAfter, received } from '../scenes/signal.ts';
import { verified } from '../scenes/verification.ts';
import type { Story } from '../story.ts';
import { SINCE_G1, SINCE_G2, SINCE_G3 } from '../story.ts';

const done = completed('Remediated', 'Remediation completed');

/** Remediations that nothing holds up: what they end in is found by the analysis or the execution. */
export const PLAIN_STORIES = {
  remediated: {
    summary: 'investigated, executed, verified: it helped',
    generations: SINCE_G1,
    steps: [...beginning, ...analysed, ...executed, ...verified, ...done, ...peopleNotified],
    ending: { ...REMEDIATED, parts: ALL_DONE, rows: ROWS.EXECUTED },
  },
  'slow-enrichment': {
    summary: 'the cluster answers slowly: the context of the signal takes seconds',
    generations: SINCE_G1,
    steps: [
      ...received,
      ...processedAfter('4s..9s'),
      ...analysed,
      ...executed,
      ...verified,
      ...done,
      ...peopleNotified,
    ],
    ending: { ...REMEDIATED, parts: ALL_DONE, rows: ROWS.EXECUTED },
  },
  'agent-busy': {
    summary: 'the agent has no capacity at first: a second session investigates',
    generations: SINCE_G3,
    steps: [...beginning, ...analysedAtSecondAttempt, ...executed, ...verified, ...done, ...peopleNotified],
    ending: { ...REMEDIATED, parts: ALL_DONE, rows: ROWS.EXECUTED },
  },
  'investigation-taken-over': {
    summary: 'somebody takes the investigation over, is disconnected, and comes back',
    generations: SINCE_G3,
    steps: [...beginning, ...analysedTakenOver, ...executed, ...verified, ...done, ...peopleNotified],
    ending: { ...REMEDIATED, parts: { ...ALL_DONE, IS: 'Completed' }, rows: ROWS.EXECUTED },
  },
  'notification-deleted': {
    summary: 'remediated; its notification is deleted before it was delivered',
    generations: SINCE_G2,
    steps: [...beginning, ...analysed, ...executed, ...verified, ...done, ...notificationDeleted],
    ending: { ...REMEDIATED, parts: { ...WFE_DONE, EA: 'Completed' }, rows: ROWS.EXECUTED },
  },
  'notification-flapping': {
    summary: 'remediated; one notification fails, another does not: the status flaps, 27 times a second',
    generations: SINCE_G2,
    steps: [...beginning, ...analysed, ...executed, ...verified, ...done, ...notifiedAndNotNotified],
    ending: { ...REMEDIATED, parts: { ...ALL_DONE, 'NR/escalation': 'Failed' }, rows: ROWS.EXECUTED },
  },
  'no-action': {
    summary: 'the problem went away by itself',
    generations: SINCE_G1,
    steps: [
      ...beginning,
      ...analysedWithoutNeed,
      ...completed('NoActionRequired', 'Nothing to do', NOT_AGAIN_TODAY),
      ...retained,
    ],
    ending: {
      ...TERMINAL,
      overallPhase: 'Completed',
      outcome: 'NoActionRequired',
      parts: AIA_DONE,
      rows: ROWS.ANALYSED,
    },
  },
  'dry-run': {
    summary: 'a workflow was chosen, and on purpose not executed',
    generations: SINCE_G2,
    steps: [
      ...beginning,
      ...analysed,
      ...completed('DryRun', 'Dry run: nothing was executed'),
      ...notifiedPartly,
    ],
    ending: {
      ...TERMINAL,
      overallPhase: 'Completed',
      outcome: 'DryRun',
      parts: { ...AIA_DONE, 'NR/completion': 'PartiallySent' },
      rows: ROWS.ANALYSED,
    },
  },
  'manual-review': {
    summary: 'no workflow fits: a person has to look',
    generations: SINCE_G2,
    steps: [
      ...beginning,
      ...analysedForReview,
      ...completed('ManualReviewRequired', 'A person has to look', {
        routingStatus: { nextAllowedExecution: '@now+24h' },
        completionStatus: { outcome: 'ManualReviewRequired', requiresManualReview: true },
      }),
      ...reviewAsked,
    ],
    ending: {
      ...TERMINAL,
      overallPhase: 'Completed',
      outcome: 'ManualReviewRequired',
      parts: { ...AIA_FAILED, 'NR/manual-review': 'Sent' },
      rows: ROWS.ANALYSED,
    },
  },
  'analysis-failed': {
    summary: 'the analysis names a workflow that nobody has',
    generations: SINCE_G1,
    steps: [
      ...beginning,
      ...analysisFailed,
      {
        after: '2s..10s',
        update: 'RR',
        status: {
          overallPhase: 'Failed',
          message: 'The analysis failed',
          completedAt: '@now',
          completionStatus: {
            outcome: 'ManualReviewRequired',
            failurePhase: 'AIAnalysis',
            failureReason: 'Workflow {workflowName}-v9 is not in the catalogue',
            requiresManualReview: true,
          },
        },
      },
      ...reviewAsked,
    ],
    ending: {
      ...FAILED,
      outcome: 'ManualReviewRequired',
      failurePhase: 'AIAnalysis',
      parts: { ...AIA_FAILED, 'NR/manual-review': 'Sent' },
      rows: ROWS.ANALYSED,
    },
  },
  'execution-failed': {
    summary: 'the workflow fails, and says why',
    generations: SINCE_G1,
    steps: [...beginning, ...analysed, ...executionFailed, ...retained],
    ending: {
      ...FAILED,
      failurePhase: 'WorkflowExecution',
      parts: { ...AIA_DONE, WFE: 'Failed', 'NR/manual-review': 'Sent' },
      rows: ROWS.EXECUTED,
    },
  },
} as const satisfies Readonly<Record<string, Story>>;
