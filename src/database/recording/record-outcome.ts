/** Why an observation is not stored. */
export interface Fault {
  readonly reason: string;
  readonly sqlstate: string;
}

export interface StoredRecord {
  readonly status: 'stored';
  readonly id: string;
  /** The record's partition key, which may differ from what the observation carried. */
  readonly createdAt: string;
  /** Accepted observations of this record so far. */
  readonly revision: number;
  /** Columns in which a character that PostgreSQL does not take was replaced. */
  readonly repaired: readonly string[];
}

/** PostgreSQL will never take it. The caller decides: quarantine, or an answer that names the field. */
export interface RefusedRecord extends Fault {
  readonly status: 'refused';
  readonly id: string;
}

export type RecordOutcome = StoredRecord | RefusedRecord;

/** Others were stored; this one waits for its month or its table, and the caller sends it again. */
export interface DelayedRecord extends Fault {
  readonly status: 'later';
  readonly id: string;
}
