import type { RecordRefusedError } from './errors.ts';
import type { RecordKind } from './records.ts';

/** One record that waits, as the JSON that will be sent. */
export interface PendingRecord {
  readonly kind: RecordKind;
  readonly json: string;
}

/** Where records wait until the service has them. */
export interface PendingQueue {
  /** How many wait. */
  readonly size: number;
  /** Takes a record; resolves once it can no longer be lost. */
  add(record: PendingRecord): Promise<void>;
  /** The oldest record and those of its kind behind it, at most so many. */
  oldest(limit: number): Promise<readonly PendingRecord[]>;
  /** The service has them. */
  stored(records: readonly PendingRecord[]): Promise<void>;
  /** The service will never take it. */
  refused(record: PendingRecord, error: RecordRefusedError): Promise<void>;
  /** Ends what it holds open; what waits still is left to a spool, or given up with the reason. */
  close(reason: Error): Promise<void>;
}

/** Bytes in one batch; the service takes bodies of 5 MiB. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** The first records of one kind, in order, as far as they fit into one batch. */
export function firstOfOneKind(records: Iterable<PendingRecord>, limit: number): readonly PendingRecord[] {
  const first: PendingRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    if (first[0] !== undefined && record.kind !== first[0].kind) continue;
    bytes += Buffer.byteLength(record.json);
    if (first.length === limit || (first.length > 0 && bytes > MAX_BATCH_BYTES)) break;
    first.push(record);
  }
  return first;
}
