import type pg from 'pg';

import { compareMonth } from './compare-month.ts';
import type { Difference } from './compared-month.ts';

/** Named in the error; `remediation-audit verify` names all of them. */
const NAMED_DIFFERENCES = 20;

/** Rows of a month are not what its ledger says, or the ledger not what its hashes say. Nothing of it is archived or dropped. */
export class RecordsDifferError extends Error {
  readonly month: string;
  /** All of them, also those that the message leaves out. */
  readonly differences: number;

  constructor(month: string, differences: number, named: readonly Difference[]) {
    const name = month.slice(0, 7);
    const rest = differences - named.length;
    super(
      `rows and ledger of ${name} differ (${differences}): ${named.map(describeDifference).join('; ')}` +
        `${rest > 0 ? `; and ${rest} more` : ''}. Find out who changed them; \`remediation-audit verify --month ${name}\` names them all`,
    );
    this.name = 'RecordsDifferError';
    this.month = month;
    this.differences = differences;
  }
}

/** Throws RecordsDifferError unless the month is what its ledger says. */
export async function requireEqualLedger(client: pg.ClientBase, month: string): Promise<void> {
  const named: Difference[] = [];
  const { differences } = await compareMonth(client, month, (difference) => {
    if (named.length < NAMED_DIFFERENCES) named.push(difference);
  });
  if (differences > 0) throw new RecordsDifferError(month, differences, named);
}

export function describeDifference({ table, id, column, detail }: Difference): string {
  return `${table} ${id} ${column}: ${detail}`;
}
