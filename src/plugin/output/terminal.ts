import type { UserEnvironment } from '../../config/user-environment.ts';
import { cutEnd, safeText } from '../../terminal/text.ts';
import type { View } from '../../terminal/view.ts';
import type { OutputChoice } from '../flags.ts';

/** What of a stream decides how is written to it. */
interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** `COLUMNS` is somebody's own wish; in a pipe nothing else is known, and nothing is cut. */
export function viewFor(
  { colour, isExact }: Pick<OutputChoice, 'colour' | 'isExact'>,
  stream: Stream,
  environment: UserEnvironment,
): View {
  const isTerminal = stream.isTTY === true;
  const wantsColour = isTerminal && !environment.noColour && environment.terminal !== 'dumb';
  return {
    width: environment.columns ?? (isTerminal ? stream.columns : undefined),
    isColoured: colour === 'always' || (colour === 'auto' && wantsColour),
    isExact,
    nowMs: Date.now(),
  };
}

/** Nobody wonders earlier. */
const QUIET_MS = 2_000;
const STEP_MS = 1_000;
const CLEAR_LINE = '\r\u001b[K';

/** Says on a terminal that an answer takes its time, on a line that goes away with the answer. */
export async function withProgress<T>(stream: Stream, what: string, work: () => Promise<T>): Promise<T> {
  if (stream.isTTY !== true) return work();
  const begun = performance.now();
  const timer = setInterval(() => {
    const waited = performance.now() - begun;
    if (waited < QUIET_MS) return;
    const text = safeText(`${what}: ${Math.round(waited / 1_000)} s`);
    stream.write(`${CLEAR_LINE}${cutEnd(text, (stream.columns ?? 80) - 1)}`);
  }, STEP_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (performance.now() - begun >= QUIET_MS) stream.write(CLEAR_LINE);
  }
}
