import { setTimeout as delay } from 'node:timers/promises';

import type { RecordRefusedError } from './errors.ts';
import type { PendingRecord } from './pending-queue.ts';
import type { BatchResult, FailureType, Service } from './send-batch.ts';
import { INTERNAL_ERROR, sendBatch } from './send-batch.ts';

const MAX_BACKOFF_MS = 30_000;

export interface Delivery {
  readonly service: Service;
  readonly backoffMs: number;
  /** Ends the attempts; what is not answered by then goes on waiting. */
  readonly signal: AbortSignal;
  readonly stored: (records: readonly PendingRecord[], seconds: number) => Promise<void>;
  readonly refused: (record: PendingRecord, error: RecordRefusedError, seconds: number) => Promise<void>;
  readonly again: (failed: FailedAttempt) => void;
}

/** Records that were not stored, and are sent again. */
interface FailedAttempt {
  readonly records: readonly PendingRecord[];
  readonly reason: string;
  readonly type: FailureType;
  readonly seconds: number;
}

/** A batch that the service failed on so often is halved, to find the record that it fails on. */
const FAILURES_OF_BATCH = 3;
/** A record that the service failed on so often, alone, is refused: over more than a minute with the default backoff. */
const FAILURES_OF_RECORD = 10;

/** Sends records of one kind until each is stored or refused. One that is refused never takes the others with it. */
export async function deliver(delivery: Delivery, records: readonly PendingRecord[]): Promise<void> {
  const batches = [records];
  const failuresOf: FailuresOf = new Map();
  let attempts = 0;
  while (!delivery.signal.aborted) {
    const batch = batches[0];
    if (batch?.[0] === undefined) return;
    const began = performance.now();
    const result = await sendBatch(delivery.service, batch[0].kind, batch);
    const seconds = (performance.now() - began) / 1_000;
    if (result.status === 'again') {
      const { reason, type } = result;
      delivery.again({ records: batch, reason, type, seconds });
      const isSetApart = await setFailedApart(delivery, batches, failuresOf, {
        failure: result.failure,
        seconds,
      });
      attempts = isSetApart ? 1 : attempts + 1;
      await pause(result.afterMs ?? backoff(delivery.backoffMs, attempts), delivery.signal);
      continue;
    }
    attempts = 0;
    batches.shift();
    if (result.status === 'split') {
      if (batch.length === 1) await delivery.refused(batch[0], result.error, seconds);
      else batches.unshift(...halvesOf(batch));
      continue;
    }
    const later = await settle(delivery, { batch, result, seconds }, failuresOf);
    if (later.length === 0) continue;
    const reason = `${later.length} records cannot be stored now`;
    delivery.again({ records: later, reason, type: 'http_error', seconds });
    // Behind the others: what the service failed on must not hold what it has not seen yet.
    batches.push(later);
    await pause(backoff(delivery.backoffMs, mostFailures(later, failuresOf)), delivery.signal);
  }
}

interface Answered {
  readonly batch: readonly PendingRecord[];
  readonly result: Extract<BatchResult, { status: 'answered' }>;
  readonly seconds: number;
}

/** Answers what is to be sent again, without what the service has failed on too often. */
async function settle(
  delivery: Delivery,
  { batch, result, seconds }: Answered,
  failuresOf: FailuresOf,
): Promise<readonly PendingRecord[]> {
  for (const [record, error] of result.refused) await delivery.refused(record, error, seconds);
  const stored = batch.filter((record) => !result.refused.has(record) && !result.later.has(record));
  await delivery.stored(stored, seconds);
  const again: PendingRecord[] = [];
  for (const record of result.later) {
    const error = result.failed.get(record);
    if (error !== undefined && countFailure(record, failuresOf) >= FAILURES_OF_RECORD)
      await delivery.refused(record, error, seconds);
    else again.push(record);
  }
  return again;
}

type FailuresOf = Map<PendingRecord, number>;

/** Whether the first batch was halved, or its only record given up: what comes next has not failed yet. */
async function setFailedApart(
  delivery: Delivery,
  batches: (readonly PendingRecord[])[],
  failuresOf: FailuresOf,
  { failure, seconds }: { readonly failure: RecordRefusedError | undefined; readonly seconds: number },
): Promise<boolean> {
  const batch = batches[0] ?? [];
  const [record] = batch;
  if (failure === undefined || record === undefined) return false;
  const failures = countFailure(record, failuresOf);
  if (batch.length > 1) {
    if (failures < FAILURES_OF_BATCH) return false;
    failuresOf.delete(record);
    batches.splice(0, 1, ...halvesOf(batch));
    return true;
  }
  // Only the service itself can fail on a record; what is before it fails on everything.
  const isGivenUp = failure.status === INTERNAL_ERROR && failures >= FAILURES_OF_RECORD;
  batches.shift();
  if (isGivenUp) await delivery.refused(record, failure, seconds);
  // Behind the others, which may be taken meanwhile.
  else batches.push(batch);
  return isGivenUp;
}

function countFailure(record: PendingRecord, failuresOf: FailuresOf): number {
  const failures = (failuresOf.get(record) ?? 0) + 1;
  failuresOf.set(record, failures);
  return failures;
}

function mostFailures(records: readonly PendingRecord[], failuresOf: FailuresOf): number {
  return records.reduce((most, record) => Math.max(most, failuresOf.get(record) ?? 1), 1);
}

function halvesOf(batch: readonly PendingRecord[]): readonly (readonly PendingRecord[])[] {
  const middle = Math.ceil(batch.length / 2);
  return [batch.slice(0, middle), batch.slice(middle)];
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
