import type pg from 'pg';

import { UsageError } from '../config/settings.ts';
import type { MonthComparison } from '../database/comparison/compare-month.ts';
import { compareMonth, COMPARISON_TIMEOUT_MS } from '../database/comparison/compare-month.ts';
import { describeDifference } from '../database/comparison/records-differ.ts';
import { selectMonths } from '../database/months/month-states.ts';
import { jsonDocument } from '../terminal/json-document.ts';
import { readFlags, readMonth } from './arguments.ts';
import { withCommandPool } from './command-pool.ts';
import { withOperatorProgress } from './operator-view.ts';
import { noteCommand } from './read-audit.ts';

const FLAGS = {
  month: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const USAGE = `usage: remediation-audit verify [--month YYYY-MM] [--json]

  Compares the rows in the database with the fold of their ledger entries, recomputes the hashes of each entry, and looks for
  rows without entries, entries without rows and locations without either. Names every difference by table, id and column, and
  ends with 1 when there is one. Without --month every month that is in the database. Changes nothing.
  --json prints an object per line: one for each difference, one for each month.

  What lies in the archive is checked by \`remediation-audit archive verify\`.
`;

/** Every difference is on standard output already. */
class DifferencesError extends Error {
  constructor(count: number) {
    super(
      `${count === 1 ? 'one difference' : `${count} differences`} between rows and ledger: find out who changed them before anything else`,
    );
    this.name = 'DifferencesError';
  }
}

/** `verify [--month YYYY-MM] [--json]`: holds rows, ledger and locations of the database against each other. */
export async function runVerify(args: readonly string[]): Promise<void> {
  const { values, positionals } = readFlags(args, FLAGS);
  if (values.help === true) {
    process.stdout.write(USAGE);
    return;
  }
  if (positionals.length > 0)
    throw new UsageError(`unknown argument ${positionals[0] ?? ''}; ${USAGE.split('\n', 1)[0] ?? ''}`);
  const wanted = values.month === undefined ? undefined : readMonth(values.month);
  const database = {
    command: 'verify',
    as: ['url', 'ownerUrl'],
    statementTimeoutMs: COMPARISON_TIMEOUT_MS,
  } as const;
  await withCommandPool(database, async (pool, config) => {
    // Before it begins: a difference is printed when it is found, and there may be many.
    await noteCommand(pool, config, { route: 'verify', filter: { month: values.month ?? null } });
    const months = wanted === undefined ? (await selectMonths(pool)).map(({ month }) => month) : [wanted];
    let differences = 0;
    await withOperatorProgress('comparing', async (progress) => {
      for (const month of months) {
        progress.doing(month.slice(0, 7));
        const write = (line: string): void => {
          progress.clear();
          process.stdout.write(`${line}\n`);
        };
        differences += (await verifyMonth(pool, month, { isJson: values.json === true, write })).differences;
      }
    });
    if (differences > 0) throw new DifferencesError(differences);
  });
}

interface Output {
  readonly isJson: boolean;
  readonly write: (line: string) => void;
}

async function verifyMonth(
  pool: pg.Pool,
  month: string,
  { isJson, write }: Output,
): Promise<MonthComparison> {
  const client = await pool.connect();
  try {
    const compared = await compareMonth(client, month, (difference) => {
      const named = { month: month.slice(0, 7), ...difference };
      write(
        isJson
          ? jsonDocument('LedgerDifference', JSON.stringify(named)).trimEnd()
          : `${named.month}: ${describeDifference(difference)}`,
      );
    });
    const summary = { ...compared, month: month.slice(0, 7) };
    write(isJson ? jsonDocument('LedgerComparison', JSON.stringify(summary)).trimEnd() : summaryOf(summary));
    return compared;
  } finally {
    client.release();
  }
}

function summaryOf({ month, records, entries, differences }: MonthComparison): string {
  if (records === 0 && differences === 0) return `${month}: nothing in the database`;
  const found = differences === 0 ? 'no difference' : `${differences} differences`;
  return `${month}: ${records} records, ${entries} ledger entries, ${found}`;
}
