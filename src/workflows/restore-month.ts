import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertMemo,
} from '@temporalio/workflow';

import type { RestoreActivities } from '../activities/types.ts';
import { type RestoreMonthInput, restoreProgress } from './messages.ts';
import { MONTH_STEP_OPTIONS } from './retain-month.ts';

const steps = proxyActivities<RestoreActivities>(MONTH_STEP_OPTIONS);

/** How often it begins anew because retention or a record moved the month meanwhile. */
const MAX_ROUNDS = 5;

/**
 * Brings one month back from the archive, as it was requested in the database. A store or a database that is away only delays it; a
 * damaged archive fails it.
 */
export async function restoreMonth({ month }: RestoreMonthInput): Promise<string> {
  let progress = 'looking for the month';
  const showProgress = (what: string): void => {
    progress = what;
    setCurrentDetails(what);
  };
  setHandler(restoreProgress, () => progress);
  try {
    const outcome = `restored until ${await restoreInRounds(month, showProgress)}`;
    showProgress(outcome);
    upsertMemo({ outcome });
    return outcome;
  } catch (error: unknown) {
    await CancellationScope.nonCancellable(() => steps.abandonRestore(month));
    throw error;
  }
}

async function restoreInRounds(month: string, showProgress: (what: string) => void): Promise<string> {
  for (let round = 1; ; round += 1) {
    try {
      return await restoreOnce(month, showProgress);
    } catch (error: unknown) {
      if (round === MAX_ROUNDS || !hasMoved(error)) throw error;
      showProgress('beginning anew: the month was moved meanwhile');
    }
  }
}

async function restoreOnce(month: string, showProgress: (what: string) => void): Promise<string> {
  const plan = await steps.beginRestore(month);
  if (plan.kind === 'kept') return plan.until;
  let rows = 0;
  for (const [index, table] of plan.tables.entries()) {
    showProgress(`table ${index + 1} of ${plan.tables.length}, ${table}; ${rows} rows loaded before`);
    rows += await steps.loadRestoredTable(month, table);
  }
  showProgress(`attaching ${rows} rows`);
  return steps.attachRestoredMonth(month);
}

function hasMoved(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === 'MonthMovedError';
}
