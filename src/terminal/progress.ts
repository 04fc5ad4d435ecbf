import { cutEnd, safeText } from './text.ts';

/*
 * That a command takes its time, for who waits at a terminal.
 *
 * In: a name, and what is done just now. Out: one line on standard error from the second second on, written anew each second, taken away
 * when the work ends. In a pipe, in a file and on a terminal that cannot clear a line nothing is written at all.
 *
 * What must stay true: nothing else is written to the terminal while the line stands. Who writes during the work clears it first.
 */

/** Nobody wonders earlier. */
const QUIET_MS = 2_000;
const STEP_MS = 1_000;
const CLEAR_LINE = '\r\u001b[K';
/** Where the terminal does not say how wide it is. */
const USUAL_WIDTH = 80;

/** Where the line is shown. */
interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface Progress {
  /** What is done now, such as the name of a file. */
  readonly doing: (what: string) => void;
  /** Takes the line away, before something else is written. */
  readonly clear: () => void;
}

const NO_PROGRESS: Progress = { doing: () => undefined, clear: () => undefined };

interface ProgressOptions {
  readonly stream: ProgressStream;
  /** `TERM`; a dumb one cannot clear a line. */
  readonly terminal: string;
  readonly what: string;
}

export async function withProgress<T>(
  { stream, terminal, what }: ProgressOptions,
  work: (progress: Progress) => Promise<T>,
): Promise<T> {
  if (stream.isTTY !== true || terminal === 'dumb') return work(NO_PROGRESS);
  const begun = performance.now();
  let [now, isShown] = ['', false];
  const clear = (): void => {
    if (isShown) stream.write(CLEAR_LINE);
    isShown = false;
  };
  const timer = setInterval(() => {
    const waited = performance.now() - begun;
    if (waited < QUIET_MS) return;
    const text = safeText(`${what}: ${Math.round(waited / 1_000)} s${now === '' ? '' : `, ${now}`}`);
    stream.write(`${CLEAR_LINE}${cutEnd(text, (stream.columns ?? USUAL_WIDTH) - 1)}`);
    isShown = true;
  }, STEP_MS);
  const progress: Progress = {
    doing(what) {
      now = what;
    },
    clear,
  };
  try {
    return await work(progress);
  } finally {
    clearInterval(timer);
    clear();
  }
}
