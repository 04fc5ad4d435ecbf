/** The archive is not what was written, or not what the table holds. Nothing is dropped; somebody must look. */
export class ArchiveMismatchError extends Error {
  readonly month: string;
  readonly faults: readonly string[];

  constructor(month: string, faults: readonly string[]) {
    super(`the archive of ${month.slice(0, 7)} is not what was written: ${faults.join('; ')}`);
    this.name = 'ArchiveMismatchError';
    this.month = month;
    this.faults = faults;
  }
}

/** Another process is removing orphans of the month, and could take what is exported now for one of them. Tried again. */
export class OrphansInTheWayError extends Error {
  readonly month: string;

  constructor(month: string) {
    super(`cannot export ${month.slice(0, 7)} while orphans of it are being removed; it is tried again`);
    this.name = 'OrphansInTheWayError';
    this.month = month;
  }
}

/** A manifest would leave out a table, or name parts that nobody has read back. */
export class ExportIncompleteError extends Error {
  readonly month: string;

  constructor(month: string, table: string, problem: string) {
    super(
      `cannot seal ${month.slice(0, 7)}: ${table} ${problem} by this run; the next run of retention exports it anew`,
    );
    this.name = 'ExportIncompleteError';
    this.month = month;
  }
}

/** There is nothing that could be restored; the message says why. */
export class CannotRestoreError extends Error {
  readonly month: string;

  constructor(month: string, reason: string) {
    super(`${month.slice(0, 7)} cannot be restored: ${reason}`);
    this.name = 'CannotRestoreError';
    this.month = month;
  }
}

/** The archive was written by a newer schema: what this one does not know would be lost. */
export class ArchiveSchemaError extends Error {
  readonly month: string;
  readonly unknown: readonly string[];

  constructor(month: string, unknown: readonly string[]) {
    super(
      `the archive of ${month.slice(0, 7)} has what this schema does not know: ${unknown.join(', ')}; ` +
        'restore it with the release that wrote it, or a newer one',
    );
    this.name = 'ArchiveSchemaError';
    this.month = month;
    this.unknown = unknown;
  }
}

/** Somebody else restores the same month now. */
export class AnotherRestoreError extends Error {
  readonly month: string;

  constructor(month: string) {
    super(`${month.slice(0, 7)} is being restored by another process: wait until it is done`);
    this.name = 'AnotherRestoreError';
    this.month = month;
  }
}
