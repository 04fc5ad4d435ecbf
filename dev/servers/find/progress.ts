import { SECOND_MS } from '../../../src/domain/time.ts';

type Report = (line: string) => void;
/** Shows a line in the place of the one before; undefined takes it away. */
export type ShowStatus = (text: string | undefined) => void;

export interface ProgressOutput {
  report: Report;
  /** Only where the output can overwrite a line. Default: a line of its own every 15 s. */
  showStatus?: ShowStatus | undefined;
}

const LINE_INTERVAL_MS = 15_000;
const STATUS_INTERVAL_MS = 500;
const MINUTE_S = 60;

/** A long step that says how far it is: in one line that changes on a terminal, else every 15 s. */
export class Progress implements Disposable {
  readonly #startedAt = performance.now();
  readonly #output: ProgressOutput;
  readonly #label: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(output: ProgressOutput, label: string) {
    this.#output = output;
    this.#label = label;
  }

  /** Announces a step, and from then on says how far it is. */
  begin(announcement: string, doing: () => string): void {
    this.say(announcement);
    this.#end();
    const { showStatus } = this.#output;
    const report = (): void => {
      const text = `${doing()}, ${this.elapsed()} so far`;
      if (showStatus === undefined) this.say(text);
      else showStatus(`${this.#label}: ${text}`);
    };
    const interval = showStatus === undefined ? LINE_INTERVAL_MS : STATUS_INTERVAL_MS;
    this.#timer = setInterval(report, interval).unref();
  }

  say(text: string): void {
    this.#output.report(`${this.#label}: ${text}`);
  }

  elapsed(): string {
    return formatSpan(performance.now() - this.#startedAt);
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#output.showStatus?.(undefined);
  }
}

export function formatSpan(spanMs: number): string {
  const seconds = Math.round(spanMs / SECOND_MS);
  return seconds < MINUTE_S
    ? `${seconds} s`
    : `${Math.floor(seconds / MINUTE_S)} min ${seconds % MINUTE_S} s`;
}

/** As much of a stream as is written to: process.stderr, or a list of a test. */
interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const CLEAR_LINE = '\r\u001b[2K';
const DEFAULT_COLUMNS = 80;

/** Lines for a log; on a terminal also one line below them that changes. */
export function createProgressOutput(stream: OutputStream): ProgressOutput {
  if (stream.isTTY !== true) {
    return { report: (line) => stream.write(`${line}\n`) };
  }
  let status: string | undefined;
  const clear = (): void => {
    if (status !== undefined) stream.write(CLEAR_LINE);
  };
  const draw = (): void => {
    // A line that wraps could not be overwritten.
    if (status !== undefined) stream.write(status.slice(0, (stream.columns ?? DEFAULT_COLUMNS) - 1));
  };
  return {
    report: (line) => {
      clear();
      stream.write(`${line}\n`);
      draw();
    },
    showStatus: (text) => {
      clear();
      status = text;
      draw();
    },
  };
}
