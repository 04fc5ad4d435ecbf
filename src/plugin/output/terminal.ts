import type { UserEnvironment } from '../../config/user-environment.ts';
import type { View } from '../../terminal/view.ts';
import type { OutputChoice } from '../flags.ts';

/** What of a stream decides how an answer is written to it. */
interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
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
