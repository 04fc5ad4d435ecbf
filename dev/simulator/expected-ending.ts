import type { Part } from './step.ts';

/** Tables of the audit in which a remediation leaves rows. */
type AuditTable =
  | 'remediation_audit'
  | 'signal_processing_audit'
  | 'ai_analysis_audit'
  | 'ai_investigation_embeddings'
  | 'workflow_execution_audit'
  | 'kubernetes_execution_audit';

/** How a story ends, written by hand: what tests compare with what was played, and with what was recorded. */
export interface ExpectedEnding {
  /** Last phase of the remediation, in the spelling of the generation. */
  readonly overallPhase: string;
  readonly outcome?: string;
  readonly failurePhase?: string;
  readonly timeoutPhase?: string;
  readonly verdict: 'terminal' | 'deleted-before-terminal';
  /** Reasons of the blocks, each a row of its own beside the executions. */
  readonly blocks?: readonly string[];
  /** The last phase of every other resource, of an approval its decision. */
  readonly parts: Readonly<Partial<Record<Part, string>>>;
  /** Rows per table. An action is expected where an engine was given something to run. */
  readonly rows: Readonly<Record<AuditTable, number>>;
}

type Rows = ExpectedEnding['rows'];

const RECEIVED: Rows = {
  remediation_audit: 1,
  signal_processing_audit: 0,
  ai_analysis_audit: 0,
  ai_investigation_embeddings: 0,
  workflow_execution_audit: 0,
  kubernetes_execution_audit: 0,
};
const PROCESSED: Rows = { ...RECEIVED, signal_processing_audit: 1 };
const INVESTIGATING: Rows = { ...PROCESSED, ai_analysis_audit: 1 };
const ANALYSED: Rows = { ...INVESTIGATING, ai_investigation_embeddings: 1 };
/** An execution that never got to run. */
const HANDED_OVER: Rows = { ...ANALYSED, workflow_execution_audit: 1 };
const EXECUTED: Rows = { ...HANDED_OVER, kubernetes_execution_audit: 1 };

/** How far a remediation came decides its rows. */
export const ROWS = { RECEIVED, PROCESSED, INVESTIGATING, ANALYSED, HANDED_OVER, EXECUTED } as const;

/** Each block is a row of the executions, too. */
export const withBlocks = (rows: Rows, blocks: number): Rows => ({
  ...rows,
  workflow_execution_audit: rows.workflow_execution_audit + blocks,
});

/** Endings that many stories share: of the resources, and of the remediation. */
export const SP_DONE = { SP: 'Completed' } as const;
export const AIA_DONE = { ...SP_DONE, AIA: 'Completed', AS: 'Completed' } as const;
export const AIA_FAILED = { ...SP_DONE, AIA: 'Failed', AS: 'Completed' } as const;
export const WFE_DONE = { ...AIA_DONE, WFE: 'Completed' } as const;
export const ALL_DONE = { ...WFE_DONE, EA: 'Completed', 'NR/completion': 'Sent' } as const;
export const TERMINAL = { verdict: 'terminal' } as const;
export const REMEDIATED = { ...TERMINAL, overallPhase: 'Completed', outcome: 'Remediated' } as const;
export const FAILED = { ...TERMINAL, overallPhase: 'Failed' } as const;
export const TIMED_OUT = { ...TERMINAL, overallPhase: 'TimedOut' } as const;
