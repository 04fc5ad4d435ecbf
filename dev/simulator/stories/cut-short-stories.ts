import {
  AIA_DONE,
  ALL_DONE,
  ROWS,
  SP_DONE,
  TERMINAL,
  TIMED_OUT,
  WFE_DONE,
  withBlocks,
} from '../expected-ending.ts';
import { analysed, analysedForApproval, investigatesOn } from '../scenes/analysis.ts';
import { approvalAsked } from '../scenes/approval.ts';
import { released, targetBusy } from '../scenes/blocks.ts';
import {
  cancelledByTool,
  cascaded,
  completed,
  deleted,
  peopleNotified,
  retained,
  timedOut,
} from '../scenes/endings.ts';
import { executed, running } from '../scenes/execution.ts';
import { beginning, processingBegins, received } from '../scenes/signal.ts';
import { stillFiring, verificationBegins, verifiesOn } from '../scenes/verification.ts';
import type { Story } from '../story.ts';
import { SINCE_G1, SINCE_G2 } from '../story.ts';

/** Remediations that do not get to a clear end: verification, time, or somebody stops them. */
export const CUT_SHORT_STORIES = {
  'verification-inconclusive': {
    summary: 'executed, but the alert still fires',
    generations: SINCE_G2,
    steps: [
      ...beginning,
      ...analysed,
      ...executed,
      ...stillFiring,
      ...completed('Inconclusive', 'The alert still fires'),
      ...peopleNotified,
    ],
    ending: {
      ...TERMINAL,
      overallPhase: 'Completed',
      outcome: 'Inconclusive',
      parts: ALL_DONE,
      rows: ROWS.EXECUTED,
    },
  },
  'verification-timed-out': {
    summary: 'executed, but the assessment never ended',
    generations: SINCE_G2,
    steps: [
      ...beginning,
      ...analysed,
      ...executed,
      ...verifiesOn,
      {
        after: '25m',
        update: 'RR',
        status: {
          overallPhase: 'Completed',
          message: 'The verification took too long',
          completedAt: '@now',
          completionStatus: { outcome: 'VerificationTimedOut' },
        },
      },
      {
        after: '1s',
        update: 'EA',
        status: { phase: 'Completed', assessmentReason: 'Expired', completedAt: '@now' },
      },
      ...peopleNotified,
    ],
    ending: {
      ...TERMINAL,
      overallPhase: 'Completed',
      outcome: 'VerificationTimedOut',
      parts: ALL_DONE,
      rows: ROWS.EXECUTED,
    },
  },
  'timed-out-processing': {
    summary: 'out of time while the signal is enriched',
    generations: SINCE_G1,
    steps: [
      ...received,
      ...processingBegins,
      { after: '5m', update: 'SP', status: { failureInfo: { consecutiveFailures: 4 } } },
      ...timedOut('Processing', 'phase-timeout-processing', '5m0s'),
      ...cascaded('SP'),
      ...retained,
    ],
    ending: {
      ...TIMED_OUT,
      timeoutPhase: 'Processing',
      parts: { SP: 'Failed', 'NR/phase-timeout-processing': 'Sent' },
      rows: ROWS.PROCESSED,
    },
  },
  'timed-out-analyzing': {
    summary: 'out of time while the agent investigates',
    generations: SINCE_G1,
    steps: [
      ...beginning,
      ...investigatesOn,
      ...timedOut('Analyzing', 'phase-timeout-analyzing', '10m0s'),
      ...cascaded('AIA', 'AS'),
      ...retained,
    ],
    ending: {
      ...TIMED_OUT,
      timeoutPhase: 'Analyzing',
      // The session is deleted, and is no part of the ending.
      parts: { ...SP_DONE, AIA: 'Failed', 'NR/phase-timeout-analyzing': 'Sent' },
      rows: ROWS.INVESTIGATING,
    },
  },
  'timed-out-awaiting-approval': {
    summary: 'out of time while it waits for an approval, which stays open',
    generations: SINCE_G2,
    steps: [
      ...beginning,
      ...analysedForApproval,
      ...approvalAsked,
      { after: '14m', update: 'RAR', status: { timeRemaining: '0s' } },
      ...timedOut('AwaitingApproval', 'phase-timeout-awaitingapproval', '15m0s'),
      ...retained,
    ],
    ending: {
      ...TIMED_OUT,
      timeoutPhase: 'AwaitingApproval',
      parts: { ...AIA_DONE, RAR: '', 'NR/approval': 'Sent', 'NR/phase-timeout-awaitingapproval': 'Sent' },
      rows: ROWS.ANALYSED,
    },
  },
  'timed-out-executing': {
    summary: 'out of time while the workflow runs',
    generations: SINCE_G1,
    steps: [
      ...beginning,
      ...analysed,
      ...running,
      { after: '30m', update: 'WFE', status: { executionStatus: '@tasks half' } },
      ...timedOut('Executing', 'phase-timeout-executing', '30m0s'),
      ...cascaded('WFE'),
      ...retained,
    ],
    ending: {
      ...TIMED_OUT,
      timeoutPhase: 'Executing',
      parts: { ...AIA_DONE, WFE: 'Failed', 'NR/phase-timeout-executing': 'Sent' },
      rows: ROWS.EXECUTED,
    },
  },
  'timed-out-verifying': {
    summary: 'out of time while it is verified',
    generations: SINCE_G2,
    steps: [
      ...beginning,
      ...analysed,
      ...executed,
      ...verificationBegins,
      { after: '30m', update: 'EA', status: { phase: 'Assessing' } },
      ...timedOut('Verifying', 'phase-timeout-verifying', '30m0s'),
      ...cascaded('EA'),
      ...retained,
    ],
    ending: {
      ...TIMED_OUT,
      timeoutPhase: 'Verifying',
      parts: { ...WFE_DONE, EA: 'Failed', 'NR/phase-timeout-verifying': 'Sent' },
      rows: ROWS.EXECUTED,
    },
  },
  'timed-out-global': {
    summary: 'busy for so long that the hour is over while the workflow runs',
    generations: SINCE_G2,
    steps: [
      ...beginning,
      ...analysed,
      ...targetBusy,
      ...released('Analyzing', '50m'),
      ...running,
      { after: '7m', update: 'WFE', status: { executionStatus: '@tasks half' } },
      ...timedOut('Executing', 'timeout', '1h0m0s'),
      ...cascaded('WFE'),
      ...retained,
    ],
    ending: {
      ...TIMED_OUT,
      timeoutPhase: 'Executing',
      blocks: ['ResourceBusy'],
      parts: { ...AIA_DONE, WFE: 'Failed', 'NR/timeout': 'Sent' },
      rows: withBlocks(ROWS.EXECUTED, 1),
    },
  },
  'cancelled-by-deletion': {
    summary: 'somebody deletes the remediation while its workflow runs',
    generations: SINCE_G1,
    steps: [...beginning, ...analysed, ...running, ...deleted('SP', 'AIA', 'AS', 'WFE')],
    ending: {
      overallPhase: 'Executing',
      verdict: 'deleted-before-terminal',
      parts: { ...AIA_DONE, WFE: 'Running' },
      rows: ROWS.EXECUTED,
    },
  },
  'cancelled-by-tool': {
    summary: 'cancelled on request while its workflow runs',
    generations: SINCE_G2,
    steps: [...beginning, ...analysed, ...running, ...cancelledByTool, ...cascaded('WFE'), ...retained],
    ending: {
      ...TERMINAL,
      overallPhase: 'Cancelled',
      parts: { ...AIA_DONE, WFE: 'Failed' },
      rows: ROWS.EXECUTED,
    },
  },
} as const satisfies Readonly<Record<string, Story>>;
