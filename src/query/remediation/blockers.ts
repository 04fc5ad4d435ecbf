import type { SourcedRow } from '../combined-answer.ts';
import { type Facts, textIn } from './facts.ts';

/*
 * The other remediation behind a block. A block names the execution that was in the way, and whose it is only the record of that
 * execution says; a duplicate names its original, which has a record of its own or none.
 */

/** Another remediation of the same cluster that is recorded. */
export interface RemediationReference {
  readonly namespace: string | null;
  readonly name: string;
  readonly uid: string | null;
  /** Where its record was read. */
  readonly source: SourcedRow['source'];
}

export interface Blockers {
  /** Those whose executions were in the way, by the name of the execution. */
  readonly byExecution: ReadonlyMap<string, RemediationReference>;
  /** Those of which others were duplicates, by their name. */
  readonly byName: ReadonlyMap<string, RemediationReference>;
}

/** In the place of the other remediation. Months that were not searched are named beside it, so it may be there. */
export const NO_RECORD = 'no record of it was found';

export const NO_BLOCKERS: Blockers = { byExecution: new Map(), byName: new Map() };

/** The execution that a block names, without its namespace. */
export function conflictOf(block: Facts): string | undefined {
  return textIn(block, 'conflicting_wfe')?.split('/').at(-1);
}

export function originalOf(block: Facts): string | undefined {
  return textIn(block, 'extra', 'duplicate_of') ?? undefined;
}
