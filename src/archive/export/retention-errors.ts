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
