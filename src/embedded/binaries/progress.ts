export type Report = (line: string) => void;

const INTERVAL_MS = 15_000;
const SECOND_MS = 1_000;
const MINUTE_S = 60;

/** A long step that says every 15 s that it is still alive. */
export class Progress implements Disposable {
  readonly #startedAt = performance.now();
  readonly #report: Report;
  readonly #label: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(report: Report, label: string) {
    this.#report = report;
    this.#label = label;
  }

  /** Announces a step, and from then on says how far it is. */
  begin(announcement: string, doing: () => string): void {
    this.say(announcement);
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      this.say(`${doing()}, ${this.elapsed()} so far`);
    }, INTERVAL_MS).unref();
  }

  say(text: string): void {
    this.#report(`${this.#label}: ${text}`);
  }

  elapsed(): string {
    const seconds = Math.round((performance.now() - this.#startedAt) / SECOND_MS);
    return seconds < MINUTE_S
      ? `${seconds} s`
      : `${Math.floor(seconds / MINUTE_S)} min ${seconds % MINUTE_S} s`;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
