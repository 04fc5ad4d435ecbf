import { QueueFullError } from './errors.ts';
import type { PendingQueue, PendingRecord } from './pending-queue.ts';
import { firstOfOneKind } from './pending-queue.ts';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Records wait in memory: each caller is answered when the service has taken its record. */
export function createMemoryQueue(maxPending: number): PendingQueue {
  const waiting = new Map<PendingRecord, Waiting>();
  const settle = (record: PendingRecord): Waiting | undefined => {
    const found = waiting.get(record);
    waiting.delete(record);
    return found;
  };
  return {
    get size() {
      return waiting.size;
    },
    add(record) {
      if (waiting.size >= maxPending) return Promise.reject(new QueueFullError(waiting.size));
      return new Promise((resolve, reject) => {
        waiting.set(record, { resolve, reject });
      });
    },
    oldest: (limit) => Promise.resolve(firstOfOneKind(waiting.keys(), limit)),
    stored(records) {
      for (const record of records) settle(record)?.resolve();
      return Promise.resolve();
    },
    refused(record, error) {
      settle(record)?.reject(error);
      return Promise.resolve();
    },
    close(reason) {
      for (const record of [...waiting.keys()]) settle(record)?.reject(reason);
      return Promise.resolve();
    },
  };
}
