import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';

import type { PartitionActivities } from '../activities/types.ts';

const partitions = proxyActivities<PartitionActivities>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** One run of the rollover: the months ahead are there, however long it takes somebody to let go of a lock. */
export async function partitionRollover(): Promise<number> {
  const ahead = await partitions.rollPartitionsOver();
  setCurrentDetails(`${ahead} months ahead`);
  return ahead;
}
