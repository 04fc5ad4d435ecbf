import type { ProgressOutput } from './progress.ts';

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
