/**
 * The audit phases and the activity that records each. The names are stored for ever in Temporal histories and ledger
 * entries: renaming one is a migration.
 */
export const ACTIVITY_BY_PHASE = {
  progress: 'recordProgress',
  'signal-processing': 'recordSignalProcessing',
  investigation: 'recordInvestigation',
  analysis: 'recordAnalysis',
  recommendation: 'recordRecommendation',
  'analysis-failure': 'recordAnalysisFailure',
  execution: 'recordExecution',
  action: 'recordAction',
  skip: 'recordSkip',
  approval: 'recordApproval',
  verification: 'recordVerification',
  notification: 'recordNotification',
  closure: 'recordClosure',
} as const;

export type AuditPhase = keyof typeof ACTIVITY_BY_PHASE;
export type RecordingActivityName = (typeof ACTIVITY_BY_PHASE)[AuditPhase];

export const AUDIT_PHASES = Object.keys(ACTIVITY_BY_PHASE) as readonly AuditPhase[];
