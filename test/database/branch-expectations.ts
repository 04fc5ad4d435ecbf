import type { Branch } from '../../dev/simulator/stories.ts';

/** What each branch must leave in the tables, written by hand. Absent columns must be null; counts follow from the lists. */
export interface BranchExpectation {
  readonly remediation: Row;
  readonly signals: readonly Row[];
  readonly analyses: readonly Row[];
  readonly executions: readonly Row[];
  readonly actions: readonly Row[];
}
export type Row = Readonly<Record<string, string | boolean>>;

const SIGNAL_DONE = [{ status: 'completed' }];
const ANALYSED = [{ completion_status: 'completed', leads_to_workflow: true }];
const ANALYSED_ONLY = [{ completion_status: 'completed' }];
const ANALYSIS_FAILED = [{ completion_status: 'failed', says_why: true }];
const SUCCESS = { phase: 'Completed', outcome: 'Success' };
const FAILED = { phase: 'Failed', outcome: 'Failed' };
const DONE = [{ success: true }];
const NOT_DONE = [{ success: false }];

const before = { signals: [], analyses: [], executions: [], actions: [] };
const signalled = { ...before, signals: SIGNAL_DONE };
const analysed = { ...signalled, analyses: ANALYSED_ONLY };
const executed = { ...signalled, analyses: ANALYSED, executions: [SUCCESS], actions: DONE };
const failing = { ...executed, executions: [FAILED], actions: NOT_DONE };

const terminal = { verdict: 'terminal' };
const unapproved = { ...terminal, approval_required: false };
const completed = (outcome: string, more: Row = {}): Row => ({
  ...unapproved,
  overall_phase: 'Completed',
  outcome,
  ...more,
});
const failed = (failurePhase: string, more: Row = {}): Row => ({
  ...unapproved,
  overall_phase: 'Failed',
  failure_phase: failurePhase,
  ...more,
});
const timedOut = (phase: string, more: Row = unapproved): Row => ({
  ...more,
  overall_phase: 'TimedOut',
  failure_phase: phase,
});
const verified = { verification_reason: 'Full' };
const remediated = completed('Remediated', verified);
const decided = (decision: string): Row => ({ approval_required: true, approval_decision: decision });
const blocked = (skipReason: string, more: Row = {}): Row => ({
  phase: 'Skipped',
  outcome: 'n/a',
  skip_reason: skipReason,
  ...more,
});
const afterBlock = (block: Row): BranchExpectation => ({
  ...executed,
  remediation: remediated,
  executions: [SUCCESS, block],
});
const BUSY = blocked('ResourceBusy', { names_the_conflict: true });

/** The branches as generations G3 and G2 say them: their resources say the same in other places. */
export const EXPECTED: Readonly<Partial<Record<Branch, BranchExpectation>>> = {
  remediated: { ...executed, remediation: remediated },
  'slow-enrichment': { ...executed, remediation: remediated },
  'agent-busy': { ...executed, remediation: remediated },
  'investigation-taken-over': { ...executed, remediation: remediated },
  'notification-deleted': { ...executed, remediation: remediated },
  'notification-flapping': { ...executed, remediation: remediated },
  'no-action': { ...analysed, remediation: completed('NoActionRequired') },
  'dry-run': { ...analysed, remediation: completed('DryRun') },
  'manual-review': {
    ...signalled,
    analyses: ANALYSIS_FAILED,
    remediation: { ...terminal, overall_phase: 'Completed', outcome: 'ManualReviewRequired' },
  },
  'analysis-failed': {
    ...signalled,
    analyses: ANALYSIS_FAILED,
    remediation: {
      ...terminal,
      overall_phase: 'Failed',
      failure_phase: 'AIAnalysis',
      outcome: 'ManualReviewRequired',
    },
  },
  'execution-failed': {
    ...failing,
    remediation: failed('WorkflowExecution'),
    executions: [{ ...FAILED, says_why: true }],
  },
  'approval-granted': { ...executed, remediation: { ...remediated, ...decided('Approved') } },
  'approval-overridden': {
    ...executed,
    remediation: { ...remediated, ...decided('Approved'), overridden: true },
  },
  'approval-rejected': { ...analysed, remediation: { ...failed('Approval'), ...decided('Rejected') } },
  'approval-expired': { ...analysed, remediation: { ...failed('Approval'), ...decided('Expired') } },
  'blocked-unmanaged-resource': afterBlock(blocked('UnmanagedResource')),
  'blocked-consecutive-failures': {
    ...before,
    remediation: { ...terminal, overall_phase: 'Failed', failure_phase: 'Blocked' },
    executions: [blocked('ConsecutiveFailures')],
  },
  'duplicate-remediated': {
    ...before,
    remediation: { ...terminal, overall_phase: 'Completed', outcome: 'Remediated' },
    executions: [blocked('DuplicateInProgress')],
  },
  'duplicate-failed': {
    ...before,
    remediation: { ...terminal, overall_phase: 'Failed', failure_phase: 'Deduplicated' },
    executions: [blocked('DuplicateInProgress')],
  },
  'blocked-exponential-backoff': afterBlock(blocked('ExponentialBackoff')),
  'blocked-resource-busy': afterBlock(BUSY),
  // The execution is named in the text of the message only.
  'blocked-recently-remediated': afterBlock(blocked('RecentlyRemediated', { names_the_conflict: true })),
  'blocked-ineffective-chain': {
    ...analysed,
    remediation: failed('Blocked', { outcome: 'ManualReviewRequired' }),
    executions: [blocked('IneffectiveChain')],
  },
  'lock-lost': {
    ...executed,
    remediation: completed('Remediated'),
    executions: [{ ...FAILED, says_why: true, names_the_conflict: true }],
    actions: [],
  },
  'verification-inconclusive': { ...executed, remediation: completed('Inconclusive', verified) },
  'verification-timed-out': {
    ...executed,
    remediation: completed('VerificationTimedOut', { verification_reason: 'Expired' }),
  },
  'timed-out-processing': {
    ...before,
    remediation: timedOut('Processing', terminal),
    signals: [{ status: 'failed' }],
  },
  'timed-out-analyzing': {
    ...signalled,
    remediation: timedOut('Analyzing', terminal),
    analyses: [{ completion_status: 'timeout', says_why: true }],
  },
  'timed-out-awaiting-approval': {
    ...analysed,
    remediation: timedOut('AwaitingApproval', { ...terminal, approval_required: true }),
  },
  'timed-out-executing': { ...failing, remediation: timedOut('Executing') },
  'timed-out-verifying': {
    ...executed,
    remediation: { ...timedOut('Verifying'), verification_reason: 'Unrecoverable' },
  },
  'timed-out-global': { ...failing, remediation: timedOut('Executing'), executions: [FAILED, BUSY] },
  'cancelled-by-deletion': {
    ...executed,
    remediation: {
      overall_phase: 'Executing',
      verdict: 'deleted-before-terminal',
      approval_required: false,
      final_state_unknown: false,
      deleted: true,
    },
    executions: [{ phase: 'Running' }],
    actions: [{}],
  },
  'cancelled-by-tool': { ...failing, remediation: { ...unapproved, overall_phase: 'Cancelled' } },
};

const lowerCase = { signals: [{ status: 'completed' }] };
const skipped = (reason: string): BranchExpectation => ({
  ...executed,
  ...lowerCase,
  remediation: { ...unapproved, overall_phase: 'Skipped' },
  executions: [blocked(reason, { names_the_conflict: true })],
  actions: [],
});
const [completedThen, failedThen] = ['Completed', 'Failed'] as const;

const remediatedThen: BranchExpectation = {
  ...executed,
  ...lowerCase,
  remediation: { ...unapproved, overall_phase: completedThen, outcome: 'Remediated' },
};

/** G1: other words, no verification, and executions that skip themselves. */
export const EXPECTED_OF_G1: Readonly<Partial<Record<Branch, BranchExpectation>>> = {
  remediated: remediatedThen,
  'slow-enrichment': remediatedThen,
  'no-action': {
    ...analysed,
    ...lowerCase,
    remediation: { ...unapproved, overall_phase: completedThen, outcome: 'NoActionRequired' },
  },
  'analysis-failed': {
    ...before,
    ...lowerCase,
    analyses: ANALYSIS_FAILED,
    remediation: {
      ...terminal,
      overall_phase: failedThen,
      failure_phase: 'AIAnalysis',
      outcome: 'ManualReviewRequired',
    },
  },
  'execution-failed': {
    ...failing,
    ...lowerCase,
    remediation: { ...unapproved, overall_phase: failedThen, failure_phase: 'WorkflowExecution' },
    executions: [{ ...FAILED, says_why: true }],
  },
  'approval-granted': {
    ...executed,
    ...lowerCase,
    remediation: { ...terminal, ...decided('Approved'), overall_phase: completedThen, outcome: 'Remediated' },
  },
  'approval-rejected': {
    ...analysed,
    ...lowerCase,
    remediation: {
      ...terminal,
      ...decided('Rejected'),
      overall_phase: failedThen,
      failure_phase: 'Approval',
    },
  },
  'approval-expired': {
    ...analysed,
    ...lowerCase,
    remediation: { ...terminal, ...decided('Expired'), overall_phase: failedThen, failure_phase: 'Approval' },
  },
  'timed-out-processing': {
    ...before,
    remediation: { ...terminal, overall_phase: 'TimedOut', failure_phase: 'Processing' },
    signals: [{ status: 'failed' }],
  },
  'timed-out-analyzing': {
    ...before,
    ...lowerCase,
    remediation: { ...terminal, overall_phase: 'TimedOut', failure_phase: 'Analyzing' },
    analyses: [{ completion_status: 'timeout', says_why: true }],
  },
  'timed-out-executing': {
    ...failing,
    ...lowerCase,
    remediation: { ...unapproved, overall_phase: 'TimedOut', failure_phase: 'Executing' },
  },
  'cancelled-by-deletion': {
    ...executed,
    ...lowerCase,
    remediation: {
      overall_phase: 'Executing',
      verdict: 'deleted-before-terminal',
      approval_required: false,
      final_state_unknown: false,
      deleted: true,
    },
    executions: [{ phase: 'Running' }],
    actions: [{}],
  },
  'skipped-resource-busy': skipped('ResourceBusy'),
  'skipped-recently-remediated': skipped('RecentlyRemediated'),
};

/** G0: as G1, and actions that name their workflow execution and no remediation. */
export const EXPECTED_OF_G0: Readonly<Partial<Record<Branch, BranchExpectation>>> = {
  'remediated-in-steps': { ...remediatedThen, actions: [] },
  'step-failed': {
    ...failing,
    actions: [],
    remediation: { ...unapproved, overall_phase: failedThen, failure_phase: 'WorkflowExecution' },
  },
};
