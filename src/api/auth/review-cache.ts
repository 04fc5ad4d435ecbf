interface ReviewCacheOptions<T> {
  /** Asks the question that `get` was given. Throws when there is no answer to be had. */
  readonly ask: (key: string) => Promise<T>;
  /** How long a judgement may be used without asking again, in milliseconds. */
  readonly freshMs: (value: T) => number;
  /** Whether the judgement is of somebody known. One of a stranger neither displaces those nor is used when it is old. */
  readonly isKnown: (value: T) => boolean;
  /** Whether the error means that nobody answers, which alone lets an old judgement be used. */
  readonly isOutage: (error: unknown) => boolean;
  /** Of known callers, and as many of strangers. Default 10,000; the oldest makes room. */
  readonly maxEntries?: number;
  /** Clock in milliseconds. */
  readonly now?: () => number;
}

/** Who asks, and how old a judgement may be for it. */
interface Asker {
  /** Strangers of one address share what it may ask at once. */
  readonly address: string;
  /** How old a judgement may be that is used while nobody answers, in milliseconds. */
  readonly staleMs: number;
}

interface Entry<T> {
  readonly value: T;
  /** Clock when the question was sent, and not when the answer came: the judgement may be as old as that. */
  readonly at: number;
}

/** From this share of its time on a judgement is asked for again in the background, so that nobody waits for it. */
const REFRESH_FROM = 0.75;

/** Nobody was asked, because too many questions about strangers are open. It says nothing about the token. */
export class TooManyReviewsError extends Error {
  constructor(address: string) {
    super(`too many unknown tokens are being reviewed at once, the last of them from ${address}`);
    this.name = 'TooManyReviewsError';
  }
}

/**
 * Questions about strangers that are open at once: a flood of invented tokens must not become a flood of questions, and
 * that of one address must not keep newcomers of others waiting.
 */
const MAX_STRANGERS = 64;
const MAX_STRANGERS_OF_ADDRESS = 16;

/**
 * Judgements of an authority, kept because a question for each request would double its time.
 *
 * A judgement has three ages. Fresh: it is answered at once, and near the end of that time it is asked for
 * again in the background. Stale: the caller waits for a new answer, and gets the old one only in an outage. Older: no
 * answer is an error. Callers with the same key share one question.
 *
 * What must stay true: whoever is known is always asked about again, whatever strangers do. So their number has a limit of
 * its own, and their judgements are kept apart.
 */
export class ReviewCache<T> {
  readonly #options: Required<ReviewCacheOptions<T>>;
  readonly #known = new Map<string, Entry<T>>();
  readonly #strangers = new Map<string, Entry<T>>();
  /** Open questions by key, so that a hundred requests of one caller ask once. */
  readonly #asking = new Map<string, Promise<T>>();
  /** Open questions about strangers, by address. */
  readonly #strangersAsking = new Map<string, number>();

  constructor(options: ReviewCacheOptions<T>) {
    this.#options = { maxEntries: 10_000, now: () => performance.now(), ...options };
  }

  /** At once when the judgement is at hand and fresh. `question` is what is asked; the key must not reveal a secret. */
  get(key: string, question: string, asker: Asker): T | Promise<T> {
    const known = this.#known.get(key);
    const entry = known ?? this.#strangers.get(key);
    const ask = (): Promise<T> =>
      known === undefined ? this.#askAboutStranger(key, question, asker.address) : this.#ask(key, question);
    if (entry === undefined) return ask();
    const age = this.#options.now() - entry.at;
    const freshMs = this.#options.freshMs(entry.value);
    if (age >= freshMs) return known === undefined ? ask() : this.#askOrKeep(ask, known, asker);
    if (age >= freshMs * REFRESH_FROM && !this.#asking.has(key)) {
      // Whoever waits for it later learns why it failed; this one has an answer.
      ask().catch(() => undefined);
    }
    return entry.value;
  }

  /** For a judgement that is no longer fresh: the new one, or the old one in an outage. */
  async #askOrKeep(ask: () => Promise<T>, known: Entry<T>, { staleMs }: Asker): Promise<T> {
    try {
      return await ask();
    } catch (error: unknown) {
      if (this.#options.isOutage(error) && this.#options.now() - known.at < staleMs) return known.value;
      throw error;
    }
  }

  #askAboutStranger(key: string, question: string, address: string): Promise<T> {
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking;
    const ofAddress = this.#strangersAsking.get(address) ?? 0;
    const all = [...this.#strangersAsking.values()].reduce((sum, count) => sum + count, 0);
    if (ofAddress >= MAX_STRANGERS_OF_ADDRESS || all >= MAX_STRANGERS)
      return Promise.reject(new TooManyReviewsError(address));
    this.#strangersAsking.set(address, ofAddress + 1);
    return this.#ask(key, question).finally(() => {
      const left = (this.#strangersAsking.get(address) ?? 1) - 1;
      if (left === 0) this.#strangersAsking.delete(address);
      else this.#strangersAsking.set(address, left);
    });
  }

  #ask(key: string, question: string): Promise<T> {
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking;
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

  /** Puts the entry last in the order of its map, so that the first one is the oldest judgement. */
  #keep(key: string, entry: Entry<T>): void {
    this.#known.delete(key);
    this.#strangers.delete(key);
    const entries = this.#options.isKnown(entry.value) ? this.#known : this.#strangers;
    entries.set(key, entry);
    const [oldest] = entries.keys();
    if (entries.size > this.#options.maxEntries && oldest !== undefined) entries.delete(oldest);
  }
}
