import type { Observation } from '../domain/observation.ts';
import type { ReadingContext } from './observed-remediation.ts';

/** Whose resource a record of a table is. */
const KIND_OF_TABLE: Readonly<Record<string, string>> = {
  ai_analysis_audit: 'AIAnalysis',
  workflow_execution_audit: 'WorkflowExecution',
};

/**
 * Marks what is said of a sibling's record: it waits for the sibling, unless that was seen. No row appears for a sibling
 * that does not exist, and the row is placed by when the sibling was created, whichever of the two is recorded first.
 */
export function siblingMark(
  sibling: { readonly table: string; readonly namespace: string; readonly name: string },
  remediationUid: string,
  { siblingCreatedAt }: ReadingContext,
): Pick<Observation, 'fragment'> | Pick<Observation, 'createdAt'> {
  const { table, namespace, name } = sibling;
  const kind = KIND_OF_TABLE[table];
  // No kind is known for the table, so the sibling cannot be looked for, and what is said has to wait.
  if (kind === undefined) return { fragment: true };
  const createdAt = siblingCreatedAt?.({ kind, namespace, name }, remediationUid);
  return createdAt === undefined ? { fragment: true } : { createdAt };
}
