import type { Tracked } from './tracked.ts';

/** A stream may repeat what it said of a resource after its end; so many ends are remembered. */
const MAX_ENDS = 10_000;
/** Resources whose end is not known to be recorded; of more the oldest are forgotten. */
const MAX_UNRECORDED_ENDS = 5_000;

/** Which resources of a kind have ended, and which of these ends Temporal has and may still lose. */
export class EndedResources {
  readonly #versions = new Map<string, bigint>();
  /** Oldest first. */
  readonly #unrecorded = new Set<Tracked>();

  /** The version under which a resource ended. */
  versionOf(uid: string): bigint | undefined {
    return this.#versions.get(uid);
  }

  add(uid: string, version: bigint): void {
    this.#versions.set(uid, version);
    const [oldest] = this.#versions.keys();
    if (this.#versions.size > MAX_ENDS && oldest !== undefined) this.#versions.delete(oldest);
  }

  forgetVersions(): void {
    this.#versions.clear();
  }

  /** Temporal has the end of this one. Returns one to be forgotten, when there are too many. */
  addUnrecorded(tracked: Tracked): Tracked | undefined {
    this.#unrecorded.add(tracked);
    const [oldest] = this.#unrecorded;
    return this.#unrecorded.size > MAX_UNRECORDED_ENDS ? oldest : undefined;
  }

  /** Its end is recorded, or sent again, or it was no end. */
  deleteUnrecorded(tracked: Tracked): void {
    this.#unrecorded.delete(tracked);
  }

  unrecorded(): readonly Tracked[] {
    return [...this.#unrecorded];
  }
}
