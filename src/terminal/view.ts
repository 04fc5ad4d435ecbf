import { millisecondsOf } from '../domain/instant.ts';

/** How an answer is shown to a person. */
export interface View {
  /** Columns of the terminal; undefined where nothing is cut, such as in a pipe. */
  readonly width: number | undefined;
  readonly isColoured: boolean;
  /** Whether times are given as they are. Otherwise as so long ago. */
  readonly isExact: boolean;
  readonly nowMs: number;
}

/** For a file or another program: nothing cut, no colour, exact times. */
export const PLAIN_VIEW: View = { width: undefined, isColoured: false, isExact: true, nowMs: 0 };

const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Colour = keyof typeof COLOURS;

/** Only for text that is safe already. */
export function painted(text: string, colour: Colour | undefined, { isColoured }: View): string {
  if (!isColoured || colour === undefined || text === '') return text;
  return `\u001b[${COLOURS[colour]}m${text}\u001b[0m`;
}

/** Words of phases, outcomes and verdicts by what they mean for whoever reads them. */
const MEANINGS: Readonly<Record<string, Colour>> = {
  Completed: 'green',
  Remediated: 'green',
  Approved: 'green',
  complete: 'green',
  Failed: 'red',
  TimedOut: 'red',
  Rejected: 'red',
  incomplete: 'red',
  'deleted-before-terminal': 'red',
  Blocked: 'yellow',
  Skipped: 'yellow',
  Cancelled: 'yellow',
  AwaitingApproval: 'yellow',
  ManualReviewRequired: 'yellow',
  Inconclusive: 'yellow',
  VerificationTimedOut: 'yellow',
  unknown: 'yellow',
  open: 'cyan',
  Pending: 'cyan',
  Processing: 'cyan',
  Analyzing: 'cyan',
  Executing: 'cyan',
  Verifying: 'cyan',
};

/** Own names only: a phase may be called `constructor`. */
export function colourOf(word: string): Colour | undefined {
  return Object.hasOwn(MEANINGS, word) ? MEANINGS[word] : undefined;
}

/** `42s`, `7m12s`, `2h5m`, `3d4h`. */
export function spanText(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}m${whole % 60}s`;
  if (whole < 172_800) return `${Math.floor(whole / 3_600)}h${Math.floor((whole % 3_600) / 60)}m`;
  return `${Math.floor(whole / 86_400)}d${Math.floor((whole % 86_400) / 3_600)}h`;
}

/** `5m12s ago`, or the instant itself to the second. */
export function timeText(instant: string, { isExact, nowMs }: View): string {
  if (isExact) return `${instant.slice(0, 19)}Z`;
  const seconds = (nowMs - millisecondsOf(instant)) / 1_000;
  return seconds < 0 ? `in ${spanText(-seconds)}` : `${spanText(seconds)} ago`;
}
