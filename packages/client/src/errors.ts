/** One field of a record and what is wrong with it, as the service says it. */
export interface RefusedField {
  /** JSON pointer to the field. */
  readonly pointer: string;
  readonly detail: string;
}

/** The service will never take this record as it is. It was not stored. */
export class RecordRefusedError extends Error {
  readonly kind: string;
  readonly status: number;
  readonly fields: readonly RefusedField[];

  constructor(kind: string, status: number, refusal: { detail: string; fields: readonly RefusedField[] }) {
    const fields = refusal.fields.map(({ pointer, detail }) => `${pointer}: ${detail}`);
    super(`the ${kind} record was refused with ${status}: ${[refusal.detail, ...fields].join('; ')}`);
    this.name = 'RecordRefusedError';
    this.kind = kind;
    this.status = status;
    this.fields = refusal.fields;
  }
}

/** More records wait than may; nothing was accepted. */
export class QueueFullError extends Error {
  constructor(pending: number) {
    super(
      `${pending} audit records are waiting already; the service is down or too slow, and no spool folder is configured`,
    );
    this.name = 'QueueFullError';
  }
}

/** The spool has as many bytes as it may; nothing was accepted. */
export class SpoolFullError extends Error {
  readonly folder: string;
  readonly maxBytes: number;

  constructor(folder: string, bytes: number, maxBytes: number) {
    super(
      `cannot keep another audit record: spool ${folder} has ${bytes} bytes and may have ${maxBytes}; the service is down or too slow. ` +
        'Wait for it, move refused.ndjson away once it was read, or raise maxSpoolBytes',
    );
    this.name = 'SpoolFullError';
    this.folder = folder;
    this.maxBytes = maxBytes;
  }
}

/** The client was closed while records still waited and no spool kept them. */
export class NotDrainedError extends Error {
  readonly pending: number;

  constructor(pending: number, reason: string) {
    super(`closed with ${pending} audit records not stored: ${reason}`);
    this.name = 'NotDrainedError';
    this.pending = pending;
  }
}
