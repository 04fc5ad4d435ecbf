import {
  ApplicationFailure,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  upsertMemo,
} from '@temporalio/workflow';

import type { ComparedRecords, ComparisonActivities } from '../activities/types.ts';
import { rootReasonOf } from '../domain/errors.ts';

const { planComparison } = proxyActivities<Pick<ComparisonActivities, 'planComparison'>>({
  startToCloseTimeout: '5m',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

const { compareRecords } = proxyActivities<Pick<ComparisonActivities, 'compareRecords'>>({
  // A month of many millions of entries, at a rate that leaves the database to others.
  startToCloseTimeout: '12h',
  heartbeatTimeout: '30s',
  // Half an hour of trouble with one month, such as a damaged page, must not keep the others from being compared.
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m', maximumAttempts: 35 },
});

/**
 * One run of the comparison: every month in the database is held against its ledger, one after the other. Differences are in the
 * answer, the memo and the metric that an alert watches. A month that cannot be compared fails the run, after the others.
 */
export async function recordComparison(): Promise<string[]> {
  const report: string[] = [];
  const stopped: string[] = [];
  for (const month of await planComparison()) {
    const name = month.slice(0, 7);
    setCurrentDetails([...report, `${name}: comparing`].join('\n\n'));
    try {
      const compared = await compareRecords(month);
      // Months ahead are there and empty.
      if (compared.entries > 0 || compared.differences > 0) report.push(`${name}: ${sentenceOf(compared)}`);
    } catch (error: unknown) {
      if (isCancellation(error)) throw error;
      const reason = rootReasonOf(error);
      log.error('a month cannot be compared with its ledger', { month: name, reason });
      report.push(`${name}: STOPPED: ${reason}`);
      stopped.push(name);
    }
  }
  setCurrentDetails(report.join('\n\n'));
  upsertMemo({ report: report.length === 0 ? 'nothing is recorded' : report.join('; ') });
  if (stopped.length > 0)
    throw ApplicationFailure.nonRetryable(`not compared with the ledger: ${stopped.join(', ')}`);
  return report;
}

function sentenceOf({ records, entries, differences }: ComparedRecords): string {
  const found =
    differences === 0 ? 'no difference' : `${differences} difference${differences === 1 ? '' : 's'}`;
  return `${records} records, ${entries} ledger entries, ${found}`;
}
