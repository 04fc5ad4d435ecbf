// Which key of a work queue is worked on next: the bookkeeping, without a clock and without promises. A key is in one state:
//
//   idle      nothing is to be done; it is not remembered.
//   queued    entered by `add`, by `done` when it was added meanwhile, and from delayed when its time has come. Left by `take`,
//             in the order in which keys came.
//   active    entered by `take`. Left by `done`, to idle or queued; by `delay` or `failed`, to delayed; by `putBack`, to queued.
//   delayed   entered by `failed` for a pause that doubles with each failure, or by `delay` until a given time. An `add` does
//             not shorten that: whoever adds it does not know why it failed.
//
// What must stay true: a key is never active twice at a time, so its work is done in order. A key that was added while it was
// active is worked on again. While the schedule is paused `take` answers nothing, and nothing is lost.
import type { Backoff } from './pacing.ts';

export class WorkSchedule<Key> {
  readonly #newBackoff: () => Backoff;
  readonly #queued = new Set<Key>();
  readonly #active = new Set<Key>();
  /** Added while they were active. */
  readonly #again = new Set<Key>();
  /** Until when each waits. */
  readonly #delayed = new Map<Key, number>();
  readonly #failures = new Map<Key, { readonly backoff: Backoff; count: number }>();
  #pausedUntil = -Infinity;

  constructor(newBackoff: () => Backoff) {
    this.#newBackoff = newBackoff;
  }

  add(key: Key): void {
    if (this.#active.has(key)) this.#again.add(key);
    else if (!this.#delayed.has(key)) this.#queued.add(key);
  }

  take(now: number): Key | undefined {
    if (now < this.#pausedUntil) return undefined;
    for (const [key, until] of this.#delayed) if (until <= now) this.#requeue(key);
    const [next] = this.#queued;
    if (next === undefined) return undefined;
    this.#queued.delete(next);
    this.#active.add(next);
    return next;
  }

  #requeue(key: Key): void {
    this.#delayed.delete(key);
    this.#queued.add(key);
  }

  done(key: Key): void {
    this.#active.delete(key);
    this.#failures.delete(key);
    if (this.#again.delete(key)) this.#queued.add(key);
  }

  /** Its work failed: it waits, longer each time. Returns how often in a row it failed. */
  failed(key: Key, now: number): number {
    const failures = this.#failures.get(key) ?? { backoff: this.#newBackoff(), count: 0 };
    failures.count += 1;
    this.#failures.set(key, failures);
    this.delay(key, now + failures.backoff.nextMs());
    return failures.count;
  }

  delay(key: Key, until: number): void {
    this.#active.delete(key);
    this.#again.delete(key);
    this.#delayed.set(key, until);
  }

  /** Its work could not be tried: it is worked on again, and that is no failure of its own. */
  putBack(key: Key): void {
    this.#active.delete(key);
    this.#again.delete(key);
    this.#queued.add(key);
  }

  pause(until: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
  }

  /** The earliest time at which `take` may answer a key; undefined when nothing waits. */
  nextAt(): number | undefined {
    let earliest = this.#queued.size > 0 ? -Infinity : Infinity;
    if (earliest === Infinity)
      for (const until of this.#delayed.values()) earliest = Math.min(earliest, until);
    return earliest === Infinity ? undefined : Math.max(earliest, this.#pausedUntil);
  }
}
