import type { Config } from '../config/config.ts';
import type { Logger } from '../observability/logger.ts';

/** One of the three processes, started and composed from configuration values. */
export interface RunningService {
  /** Where it can be asked how it is, or what it knows. */
  readonly url: string;
  /** Settles when the service has ended by itself: rejects when something fatal ended it. */
  readonly ended: Promise<void>;
  /** Ends what is in flight, then everything it opened. */
  stop(): Promise<void>;
}

export interface ServiceContext {
  readonly config: Config;
  readonly logger: Logger;
  /** Ends the waiting for servers that are not up yet. */
  readonly signal: AbortSignal;
}

/** Waits for the signal; rejects when a service broke, returns when one has ended by itself. */
export async function untilStopped(services: readonly RunningService[], stop: AbortSignal): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener('abort', () => {
      resolve();
    });
  });
  await Promise.race([stopped, ...services.map(({ ended }) => ended)]);
}

export function neverByItself(): Promise<void> {
  return new Promise(() => undefined);
}

/** A signal ended the work before its result was there: the exit code must say so, or a script would go on. */
export class EndedBySignal extends Error {}
