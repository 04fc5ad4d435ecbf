import { AIA_DONE, ALL_DONE, FAILED, REMEDIATED, ROWS, withBlocks } from '../expected-ending.ts';
import { analysed } from '../scenes/analysis.ts';
import {
  backsOff,
  duplicate,
  failedTooOften,
  ineffective,
  inheritsFailure,
  inheritsSuccess,
  released,
  remediatedJustNow,
  targetBusy,
  unmanagedThreeTimes,
} from '../scenes/blocks.ts';
import { completed, peopleNotified, retained } from '../scenes/endings.ts';
import { executed, lockLost } from '../scenes/execution.ts';
import { beginning, processed, received } from '../scenes/signal.ts';
import { verified } from '../scenes/verification.ts';
import type { Story } from '../story.ts';
import { SINCE_G2 } from '../story.ts';

const done = completed('Remediated', 'Remediation completed');

/** Remediations that are held back by others, or by their own past. */
export const BLOCKED_STORIES = {
  'blocked-unmanaged-resource': {
    summary: 'blocked three times until the target is managed, then remediated',
    generations: SINCE_G2,
    steps: [
      ...received,
      ...unmanagedThreeTimes,
      ...processed,
      ...analysed,
      ...executed,
      ...verified,
      ...done,
      ...peopleNotified,
    ],
    ending: {
      ...REMEDIATED,
      blocks: ['UnmanagedResource'],
      parts: ALL_DONE,
      rows: withBlocks(ROWS.EXECUTED, 1),
    },
  },
  'blocked-consecutive-failures': {
    summary: 'blocked for an hour after three failures, then failed',
    generations: SINCE_G2,
    steps: [...received, ...failedTooOften, ...retained],
    ending: {
      ...FAILED,
      failurePhase: 'Blocked',
      blocks: ['ConsecutiveFailures'],
      parts: { 'NR/block-consecutivefailures': 'Sent' },
      rows: withBlocks(ROWS.RECEIVED, 1),
    },
  },
  'duplicate-remediated': {
    summary: 'a duplicate, which ends as the original does: well',
    generations: SINCE_G2,
    steps: [...received, ...duplicate, ...inheritsSuccess, ...retained],
    ending: {
      ...REMEDIATED,
      blocks: ['DuplicateInProgress'],
      parts: {},
      rows: withBlocks(ROWS.RECEIVED, 1),
    },
  },
  'duplicate-failed': {
    summary: 'a duplicate, which ends as the original does: badly',
    generations: SINCE_G2,
    steps: [...received, ...duplicate, ...inheritsFailure, ...retained],
    ending: {
      ...FAILED,
      failurePhase: 'Deduplicated',
      blocks: ['DuplicateInProgress'],
      parts: {},
      rows: withBlocks(ROWS.RECEIVED, 1),
    },
  },
  'blocked-exponential-backoff': {
    summary: 'waits two minutes after failures, then remediated',
    generations: SINCE_G2,
    steps: [
      ...received,
      ...backsOff,
      ...processed,
      ...analysed,
      ...executed,
      ...verified,
      ...done,
      ...peopleNotified,
    ],
    ending: {
      ...REMEDIATED,
      blocks: ['ExponentialBackoff'],
      parts: ALL_DONE,
      rows: withBlocks(ROWS.EXECUTED, 1),
    },
  },
  'blocked-resource-busy': {
    summary: 'another execution works on the target; afterwards remediated',
    generations: SINCE_G2,
    steps: [
      ...beginning,
      ...analysed,
      ...targetBusy,
      ...released('Analyzing', '90s'),
      ...executed,
      ...verified,
      ...done,
      ...peopleNotified,
    ],
    ending: { ...REMEDIATED, blocks: ['ResourceBusy'], parts: ALL_DONE, rows: withBlocks(ROWS.EXECUTED, 1) },
  },
  'blocked-recently-remediated': {
    summary: 'the same workflow ran a minute ago; later remediated',
    generations: SINCE_G2,
    steps: [
      ...beginning,
      ...analysed,
      ...remediatedJustNow,
      ...executed,
      ...verified,
      ...done,
      ...peopleNotified,
    ],
    ending: {
      ...REMEDIATED,
      blocks: ['RecentlyRemediated'],
      parts: ALL_DONE,
      rows: withBlocks(ROWS.EXECUTED, 1),
    },
  },
  'blocked-ineffective-chain': {
    summary: 'the workflow changed nothing three times: a person has to look',
    generations: SINCE_G2,
    steps: [...beginning, ...analysed, ...ineffective, ...retained],
    ending: {
      ...FAILED,
      outcome: 'ManualReviewRequired',
      failurePhase: 'Blocked',
      blocks: ['IneffectiveChain'],
      parts: { ...AIA_DONE, 'NR/block-ineffectivechain': 'Sent' },
      rows: withBlocks(ROWS.ANALYSED, 1),
    },
  },
  'lock-lost': {
    summary: 'another execution locked the target first; ends as that one does',
    generations: SINCE_G2,
    steps: [...beginning, ...analysed, ...lockLost, ...retained],
    ending: { ...REMEDIATED, parts: { ...AIA_DONE, WFE: 'Failed' }, rows: ROWS.HANDED_OVER },
  },
} as const satisfies Readonly<Record<string, Story>>;
