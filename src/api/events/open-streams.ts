import { Problem, retryAfter } from '../http/problems.ts';

/** How many streams of events may be open at once. */
export interface StreamLimits {
  /** In mode `none` everybody is one caller. */
  readonly perCaller: number;
  readonly perProcess: number;
}

/** Sixteen browsers of one person with a few views each, and several hundred people. */
export const DEFAULT_STREAM_LIMITS: StreamLimits = { perCaller: 50, perProcess: 500 };

const RETRY_SECONDS = 10;

/** Counts open streams by their caller; the memory of it is that of the streams. */
export class OpenStreams {
  readonly #limits: StreamLimits;
  readonly #byCaller = new Map<string, number>();
  #open = 0;

  constructor(limits: StreamLimits) {
    this.#limits = limits;
  }

  get open(): number {
    return this.#open;
  }

  /** The function ends what was taken. Throws the problem of one stream too many. */
  take(caller: string): () => void {
    const { perCaller, perProcess } = this.#limits;
    const own = this.#byCaller.get(caller) ?? 0;
    if (own >= perCaller) {
      const detail = `streams of events are limited to ${perCaller} at once for each caller; close one of them`;
      throw new Problem('too-many-requests', detail, retryAfter(RETRY_SECONDS));
    }
    if (this.#open >= perProcess) {
      const detail = `this process has ${perProcess} streams of events open, and takes no more`;
      throw new Problem('events-busy', detail, retryAfter(RETRY_SECONDS));
    }
    this.#byCaller.set(caller, own + 1);
    this.#open += 1;
    return () => {
      this.#open -= 1;
      const left = (this.#byCaller.get(caller) ?? 1) - 1;
      if (left === 0) this.#byCaller.delete(caller);
      else this.#byCaller.set(caller, left);
    };
  }
}
