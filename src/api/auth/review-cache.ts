interface ReviewCacheOptions<T> {
  /** Asks the question that `get` was given. Throws when there is no answer to be had. */
  readonly ask: (key: string) => Promise<T>;
  /** How long a judgement may be used without asking again, in milliseconds. */
  readonly freshMs: (value: T) => number;
  /** How long it may be used while nobody answers, in milliseconds. */
  readonly staleMs: number;
  /** Default 10,000; the oldest makes room. */
  readonly maxEntries?: number;
  /** Clock in milliseconds. */
  readonly now?: () => number;
}

interface Entry<T> {
  readonly value: T;
  /** Clock when the question was sent, and not when the answer came: the judgement may be as old as that. */
  readonly at: number;
}

/** From this share of its time on a judgement is asked for again in the background, so that nobody waits for it. */
const REFRESH_FROM = 0.75;

/** Nobody was asked, because too many questions are open. It says nothing about the token. */
export class TooManyReviewsError extends Error {
  constructor() {
    super('too many callers are being reviewed at once');
    this.name = 'TooManyReviewsError';
  }
}

/** Reviews in flight at once; a flood of invented tokens must not become a flood of questions. */
const MAX_ASKING = 64;

/**
 * Judgements of an authority, kept because a question for each request would double its time.
 *
 * A judgement has three ages. Fresh: it is answered at once, and near the end of that time it is asked for
 * again in the background. Stale: the caller waits for a new answer, and gets the old one only if there is
 * none. Older: no answer is an error. Callers with the same key share one question. Entries and open
 * questions are bounded.
 */
export class ReviewCache<T> {
  readonly #options: Required<ReviewCacheOptions<T>>;
  readonly #entries = new Map<string, Entry<T>>();
  /** Open questions by key, so that a hundred requests of one caller ask once. */
  readonly #asking = new Map<string, Promise<T>>();

  constructor(options: ReviewCacheOptions<T>) {
    this.#options = { maxEntries: 10_000, now: () => performance.now(), ...options };
  }

  /** At once when the judgement is at hand and fresh. `question` is what is asked; the key must not reveal a secret. */
  get(key: string, question: string): T | Promise<T> {
    const known = this.#entries.get(key);
    if (known === undefined) return this.#ask(key, question);
    const age = this.#options.now() - known.at;
    const freshMs = this.#options.freshMs(known.value);
    if (age >= freshMs) return this.#askOrKeep(key, question, known);
    if (age >= freshMs * REFRESH_FROM && !this.#asking.has(key)) {
      // Whoever waits for it later learns why it failed; this one has an answer.
      this.#ask(key, question).catch(() => undefined);
    }
    return known.value;
  }

  /** For a judgement that is no longer fresh: the new one, or the old one while nobody answers. */
  async #askOrKeep(key: string, question: string, known: Entry<T>): Promise<T> {
    try {
      return await this.#ask(key, question);
    } catch (error: unknown) {
      if (this.#options.now() - known.at < this.#options.staleMs) return known.value;
      throw error;
    }
  }

  #ask(key: string, question: string): Promise<T> {
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking;
    if (this.#asking.size >= MAX_ASKING) return Promise.reject(new TooManyReviewsError());
    const at = this.#options.now();
    const answer = this.#options
      .ask(question)
      .then((value) => {
        this.#keep(key, { value, at });
        return value;
      })
      .finally(() => this.#asking.delete(key));
    this.#asking.set(key, answer);
    return answer;
  }

  /** Puts the entry last in the order of the map, so that the first one is the oldest judgement. */
  #keep(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#options.maxEntries && oldest !== undefined) this.#entries.delete(oldest);
  }
}
