import { condition, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';

/** As much of an observation as the ceiling needs. */
export interface CeilingObservation {
  readonly remediation: string;
  readonly number: number;
  /** Fills the payload. */
  readonly content: string;
}

export interface CeilingActivities {
  recordList(observations: readonly CeilingObservation[]): Promise<void>;
}

export const observed = defineSignal<[readonly CeilingObservation[]]>('observed');

const { recordList } = proxyActivities<CeilingActivities>({ startToCloseTimeout: '15s' });

/** The least a workflow can do that records observations in lists: whatever waits at a wake-up, in one activity. */
export async function minimalBatched(expected: number): Promise<void> {
  let waiting: CeilingObservation[] = [];
  setHandler(observed, (observations) => {
    waiting.push(...observations);
  });
  for (let recorded = 0; recorded < expected;) {
    await condition(() => waiting.length > 0);
    const list = waiting;
    waiting = [];
    await recordList(list);
    recorded += list.length;
  }
}
