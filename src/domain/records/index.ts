import { aiAnalysisAudit } from './ai-analysis-audit.ts';
import { aiInvestigationEmbeddings } from './ai-investigation-embeddings.ts';
import type { RecordDefinition } from './definition.ts';
import { kubernetesExecutionAudit } from './kubernetes-execution-audit.ts';
import { remediationAudit } from './remediation-audit.ts';
import { signalProcessingAudit } from './signal-processing-audit.ts';
import { workflowExecutionAudit } from './workflow-execution-audit.ts';

/** Every record table, in the order in which one transaction writes them: a fixed order keeps writers free of deadlocks. */
export const RECORD_DEFINITIONS = [
  remediationAudit,
  signalProcessingAudit,
  aiAnalysisAudit,
  workflowExecutionAudit,
  kubernetesExecutionAudit,
] as const satisfies readonly RecordDefinition[];

/** With the tables that are described like records but are no fold of observations and have a statement of their own. */
export const DESCRIBED_TABLES = [
  ...RECORD_DEFINITIONS,
  aiInvestigationEmbeddings,
] as const satisfies readonly RecordDefinition[];

export function definitionOf(table: string): RecordDefinition {
  const definition = RECORD_DEFINITIONS.find((candidate) => candidate.table === table);
  if (definition === undefined) throw new UnknownRecordTableError(table);
  return definition;
}

/** Whether a legal hold can match its rows. A month also has the ledger and the reads, which follow the records of their month. */
export function isRecordTable(table: string): boolean {
  return RECORD_DEFINITIONS.some((candidate) => candidate.table === table);
}

export class UnknownRecordTableError extends Error {
  readonly table: string;

  constructor(table: string) {
    super(`no record table ${table}; known are ${RECORD_DEFINITIONS.map((known) => known.table).join(', ')}`);
    this.name = 'UnknownRecordTableError';
    this.table = table;
  }
}
