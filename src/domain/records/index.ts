import type { RecordDefinition } from './definition.ts';
import { workflowExecutionAudit } from './workflow-execution-audit.ts';

/** Every record table, in the order in which one transaction writes them: a fixed order keeps writers free of deadlocks. */
export const RECORD_DEFINITIONS = [workflowExecutionAudit] as const satisfies readonly RecordDefinition[];

export type RecordTable = (typeof RECORD_DEFINITIONS)[number]['table'];

export function definitionOf(table: string): RecordDefinition {
  const definition = RECORD_DEFINITIONS.find((candidate) => candidate.table === table);
  if (definition === undefined) throw new UnknownRecordTableError(table);
  return definition;
}

export class UnknownRecordTableError extends Error {
  readonly table: string;

  constructor(table: string) {
    super(`no record table ${table}; known are ${RECORD_DEFINITIONS.map((known) => known.table).join(', ')}`);
    this.name = 'UnknownRecordTableError';
    this.table = table;
  }
}
