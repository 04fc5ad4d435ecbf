import type { Config } from '../config/config.ts';
import type { Logger } from '../observability/logger.ts';
import type { Outages } from '../observability/outages.ts';

/** One of the three processes, started and composed from configuration values. */
export interface RunningService {
  /** Where it listens: its probes and metrics, and for `serve` the API. */
  readonly url: string;
  /** Settles when the service has ended by itself: rejects when something fatal ended it. */
  readonly ended: Promise<void>;
  /**
   * Ends what is in flight, then everything it opened, in the opposite order. Called once, also after
   * `ended`.
   */
  stop(): Promise<void>;
}

/** What every service is given. A service reads no environment and installs no handler of signals. */
export interface ServiceContext {
  readonly config: Config;
  readonly logger: Logger;
  /** Those of the logger: a service says here on which servers it depends. */
  readonly outages: Outages;
  /** Ends the waiting for servers that are not up yet. */
  readonly signal: AbortSignal;
}

/**
 * Waits for the signal; rejects when a service broke, returns when one has ended by itself. Stops nothing:
 * that is left to the caller.
 */
export async function untilStopped(services: readonly RunningService[], stop: AbortSignal): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener('abort', () => {
      resolve();
    });
  });
  await Promise.race([stopped, ...services.map(({ ended }) => ended)]);
}

/** For `ended` of a service that runs until somebody stops it. */
export function neverByItself(): Promise<void> {
  return new Promise(() => undefined);
}

/** A signal ended the work before its result was there: the exit code must say so, or a script would go on. */
export class EndedBySignal extends Error {}

/**
 * Steps that undo what was opened. Each part that opens something pushes its step at once, so that a start
 * that fails halfway closes exactly what it had opened.
 */
export interface Closing {
  push(close: () => Promise<unknown>): void;
  /** In reverse order of opening. One that fails does not keep the others open; the failures are thrown together. */
  run: () => Promise<void>;
}

export function createClosing(): Closing {
  const steps: (() => Promise<unknown>)[] = [];
  return {
    push: (close) => {
      steps.push(close);
    },
    run: async () => {
      const failures: unknown[] = [];
      for (let close = steps.pop(); close !== undefined; close = steps.pop()) {
        await close().catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0)
        throw new AggregateError(failures, 'shutdown: some connections could not be closed');
    },
  };
}
