import { setTimeout as delay } from 'node:timers/promises';

import type { RecordRefusedError } from './errors.ts';
import type { PendingRecord } from './pending-queue.ts';
import type { FailureType, Service } from './send-batch.ts';
import { sendBatch } from './send-batch.ts';

const MAX_BACKOFF_MS = 30_000;

export interface Delivery {
  readonly service: Service;
  readonly backoffMs: number;
  /** Ends the attempts; what is not answered by then goes on waiting. */
  readonly signal: AbortSignal;
  readonly stored: (records: readonly PendingRecord[], seconds: number) => Promise<void>;
  readonly refused: (record: PendingRecord, error: RecordRefusedError) => Promise<void>;
  readonly again: (reason: string, type: FailureType) => void;
}

/** Sends records of one kind until each is stored or refused. One that is refused never takes the others with it. */
export async function deliver(delivery: Delivery, records: readonly PendingRecord[]): Promise<void> {
  const batches = [records];
  let failures = 0;
  while (!delivery.signal.aborted) {
    const batch = batches[0];
    if (batch?.[0] === undefined) return;
    const began = performance.now();
    const result = await sendBatch(delivery.service, batch[0].kind, batch);
    if (result.status === 'again') {
      delivery.again(result.reason, result.type);
      failures += 1;
      await pause(result.afterMs ?? backoff(delivery.backoffMs, failures), delivery.signal);
      continue;
    }
    failures = 0;
    batches.shift();
    if (result.status === 'split') {
      const middle = Math.ceil(batch.length / 2);
      if (batch.length === 1) await delivery.refused(batch[0], result.error);
      else batches.unshift(batch.slice(0, middle), batch.slice(middle));
      continue;
    }
    for (const [record, error] of result.refused) await delivery.refused(record, error);
    const stored = batch.filter((record) => !result.refused.has(record) && !result.later.has(record));
    await delivery.stored(stored, (performance.now() - began) / 1_000);
    if (result.later.size === 0) continue;
    delivery.again(`${result.later.size} records cannot be stored now`, 'http_error');
    batches.unshift([...result.later]);
    await pause(backoff(delivery.backoffMs, 1), delivery.signal);
  }
}

function backoff(firstMs: number, failures: number): number {
  const limit = Math.min(firstMs * 2 ** (failures - 1), MAX_BACKOFF_MS);
  // Many clients lose the service at the same moment; they must not come back at the same moment.
  return limit * (0.5 + Math.random() / 2);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // An abort ends the pause early; the loop then looks at the signal.
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
