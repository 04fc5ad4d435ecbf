import { AIA_DONE, ALL_DONE, FAILED, REMEDIATED, ROWS } from '../expected-ending.ts';
import { analysedForApproval } from '../scenes/analysis.ts';
import { approvalAsked, approvalExpired, approved, approvedOtherwise, rejected } from '../scenes/approval.ts';
import { completed, peopleNotified, retained } from '../scenes/endings.ts';
import { executed } from '../scenes/execution.ts';
import { beginning } from '../scenes/signal.ts';
import { verified } from '../scenes/verification.ts';
import type { Story } from '../story.ts';
import { SINCE_G1, SINCE_G2 } from '../story.ts';

const done = completed('Remediated', 'Remediation completed');
const APPROVED = { RAR: 'Approved', 'NR/approval': 'Sent' } as const;

/** Remediations that wait for a person. */
export const APPROVAL_STORIES = {
  'approval-granted': {
    summary: 'a person approves what was proposed',
    generations: SINCE_G1,
    steps: [
      ...beginning,
      ...analysedForApproval,
      ...approvalAsked,
      ...approved,
      ...executed,
      ...verified,
      ...done,
      ...peopleNotified,
    ],
    ending: { ...REMEDIATED, parts: { ...ALL_DONE, ...APPROVED }, rows: ROWS.EXECUTED },
  },
  'approval-overridden': {
    summary: 'a person approves another workflow than the proposed one',
    generations: SINCE_G2,
    steps: [
      ...beginning,
      ...analysedForApproval,
      ...approvalAsked,
      ...approvedOtherwise,
      ...executed,
      ...verified,
      ...done,
      ...peopleNotified,
    ],
    ending: { ...REMEDIATED, parts: { ...ALL_DONE, ...APPROVED }, rows: ROWS.EXECUTED },
  },
  'approval-rejected': {
    summary: 'a person says no',
    generations: SINCE_G1,
    steps: [...beginning, ...analysedForApproval, ...approvalAsked, ...rejected, ...retained],
    ending: {
      ...FAILED,
      failurePhase: 'Approval',
      parts: { ...AIA_DONE, RAR: 'Rejected', 'NR/approval': 'Sent' },
      rows: ROWS.ANALYSED,
    },
  },
  'approval-expired': {
    summary: 'nobody answers in time',
    generations: SINCE_G1,
    steps: [...beginning, ...analysedForApproval, ...approvalAsked, ...approvalExpired, ...retained],
    ending: {
      ...FAILED,
      failurePhase: 'Approval',
      parts: { ...AIA_DONE, RAR: 'Expired', 'NR/approval': 'Sent' },
      rows: ROWS.ANALYSED,
    },
  },
} as const satisfies Readonly<Record<string, Story>>;
