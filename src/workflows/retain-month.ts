import type { ActivityOptions } from '@temporalio/workflow';

import type { RetentionActivities, RetentionDecision } from '../activities/types.ts';

/** Of a step that may take hours, in retention and in restore. */
export const MONTH_STEP_OPTIONS: ActivityOptions = {
  // A month of many millions of rows. The worker sends heartbeats while the step runs: see `worker/start-worker.ts`.
  startToCloseTimeout: '12h',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
};

/** How often a month is exported again in one run because rows came in between; the next run goes on. */
const MAX_EXPORTS = 3;

/** Takes one month as far as it gets. Each step is resumable; where the month is, the database knows. */
export async function retainMonth(
  steps: RetentionActivities,
  { month, action }: RetentionDecision,
  showProgress: (progress: string) => void,
): Promise<string> {
  switch (action) {
    case 'archive':
      return archive(steps, month, showProgress);
    case 'detach':
    case 'release':
      return detachAndDrop(steps, month, showProgress);
    case 'drop':
      return drop(steps, month, showProgress);
    case 'expire':
      showProgress('removing its archive');
      return (await steps.expireMonth(month)) === 'held'
        ? 'its archive is kept because of a hold'
        : 'its archive was removed because of its age';
    case 'reattach':
      await steps.reattachMonth(month);
      return 'attached again because of a hold';
  }
}

async function archive(
  steps: RetentionActivities,
  month: string,
  showProgress: (progress: string) => void,
): Promise<string> {
  for (let attempt = 1; attempt <= MAX_EXPORTS; attempt += 1) {
    showProgress('freezing');
    const tables = await steps.freezeMonth(month);
    for (const table of tables) {
      showProgress(`exporting ${table}`);
      await steps.exportMonth(month, table);
      showProgress(`verifying ${table}`);
      await steps.verifyExport(month, table);
    }
    showProgress('writing the manifest');
    const next = await steps.sealMonth(month);
    if (next === 'awaits-approval') return 'archived; the drop awaits approval';
    const outcome = await detachAndDrop(steps, month, showProgress);
    if (outcome !== REOPENED) return outcome;
  }
  return `${REOPENED} ${MAX_EXPORTS} times; the next run tries again`;
}

const HELD = 'kept and attached again because of a hold';
const REOPENED = 're-opened by rows that came meanwhile';

async function detachAndDrop(
  steps: RetentionActivities,
  month: string,
  showProgress: (progress: string) => void,
): Promise<string> {
  showProgress('detaching');
  const outcome = await steps.detachMonth(month);
  if (outcome === 'reopened') return REOPENED;
  if (outcome === 'held') return HELD;
  if (outcome === 'in-grace') return 'detached; dropped when its grace is over';
  return drop(steps, month, showProgress);
}

async function drop(
  steps: RetentionActivities,
  month: string,
  showProgress: (progress: string) => void,
): Promise<string> {
  showProgress('dropping');
  const outcome = await steps.dropMonth(month);
  return outcome === 'held' ? HELD : outcome;
}
