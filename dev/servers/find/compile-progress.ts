import { formatSpan } from './progress.ts';

/**
 * Packages that all others import are compiled first and are small, so the share of time spent grows slower than the
 * share of packages done. The exponent fits a recorded build of Temporal.
 */
const SHARE_EXPONENT = 1.6;
/** Before that an estimate would swing wildly. */
const ESTIMATE_FROM_SHARE = 0.1;

/** Counts the packages that `go build -v` names, and estimates from them how long the rest takes. */
export class CompileProgress {
  readonly #total: number;
  readonly #startedAt = performance.now();
  #done = 0;

  constructor(total: number) {
    this.#total = total;
  }

  count(): void {
    // One that went from the cache meanwhile is compiled though it was not counted; never say 101 of 100.
    this.#done = Math.min(this.#done + 1, this.#total);
  }

  describe(nowMs = performance.now()): string {
    if (this.#done === this.#total) return `linking, all ${this.#total} packages are compiled`;
    const counted = `compiling, ${this.#done} of ${this.#total} packages`;
    const share = this.#done / this.#total;
    if (share < ESTIMATE_FROM_SHARE) return counted;
    const spentMs = nowMs - this.#startedAt;
    const restMs = spentMs * (share ** -SHARE_EXPONENT - 1);
    return `${counted}, about ${formatSpan(restMs)} left`;
  }
}
