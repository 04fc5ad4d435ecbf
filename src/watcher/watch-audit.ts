interface DeliveredEvent {
  readonly uid: string;
  readonly version: bigint;
  readonly isDeletion: boolean;
}

/**
 * Holds a watch to what a list has found: what the list showed first, the watch must still deliver. A watch that goes on
 * beyond such a version without having delivered it has lost it.
 */
export class WatchAudit {
  readonly #expected = new Map<string, bigint>();

  expect(uid: string, version: bigint): void {
    this.#expected.set(uid, version);
  }

  /** An event came. Returns how many events the watch has lost on the way to it. */
  delivered({ uid, version, isDeletion }: DeliveredEvent): number {
    const expected = this.#expected.get(uid);
    // The version of a deletion that only a list showed is unknown: any deletion of the resource is the one.
    if (expected !== undefined && (isDeletion || version >= expected)) this.#expected.delete(uid);
    return this.passed(version);
  }

  /** The watch is known to have told everything before the version. */
  passed(version: bigint): number {
    let lost = 0;
    for (const [uid, expected] of this.#expected) {
      if (expected >= version) continue;
      this.#expected.delete(uid);
      lost += 1;
    }
    return lost;
  }

  /** Nothing is waited for any longer. Returns how many events did not come. */
  close(): number {
    const lost = this.#expected.size;
    this.#expected.clear();
    return lost;
  }
}
