import { proxyActivities, setCurrentDetails, setHandler, upsertMemo } from '@temporalio/workflow';

import type { RestoreActivities } from '../activities/types.ts';
import { type RestoreMonthInput, restoreProgress } from './messages.ts';

const steps = proxyActivities<RestoreActivities>({
  // A month of many millions of rows; what makes progress says so by its heartbeat.
  startToCloseTimeout: '12h',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** Brings one month back from the archive. A store or a database that is away only delays it; a damaged archive fails it. */
export async function restoreMonth(request: RestoreMonthInput): Promise<string> {
  let progress = 'looking for the month';
  const tell = (what: string): void => {
    progress = what;
    setCurrentDetails(what);
  };
  setHandler(restoreProgress, () => progress);
  const plan = await steps.beginRestore(request);
  let until: string;
  if (plan.kind === 'kept') until = plan.until;
  else {
    let rows = 0;
    for (const [index, table] of plan.tables.entries()) {
      tell(`table ${index + 1} of ${plan.tables.length}, ${table}; ${rows} rows loaded before`);
      rows += await steps.loadRestoredTable(request.month, table, plan.manifest);
    }
    tell(`attaching ${rows} rows`);
    until = await steps.attachRestoredMonth(request, plan.manifest);
  }
  const outcome = `restored until ${until}`;
  tell(outcome);
  upsertMemo({ outcome });
  return outcome;
}
