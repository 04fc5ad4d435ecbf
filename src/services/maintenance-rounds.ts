import { reasonOf } from '../domain/errors.ts';
import type { Logger } from '../observability/logger.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import type { TemporalClient } from '../temporal/connection.ts';
import type { WantedSchedule } from '../temporal/schedules.ts';
import { ensureSchedule, observeSchedule } from '../temporal/schedules.ts';

/** What a round does, and with what. Both parts are repeated for ever, so each must be safe to repeat. */
interface RoundOptions {
  /** Needs PostgreSQL only: an outage of Temporal must not leave records without a month. */
  readonly keepMonthsAhead: () => Promise<void>;
  /** Made or brought up to date once per process, then only observed. */
  readonly schedules: readonly WantedSchedule[];
  /** Called at the first round, and again at the next one when it failed. */
  readonly connect: () => Promise<TemporalClient>;
  readonly metrics: MaintenanceMetrics;
  readonly logger: Logger;
}

const ROUND_MS = 60_000;

/**
 * What a worker does by itself every minute, so that neither an outage nor a restart of Temporal stops it.
 * One round at a time: a minute that comes while one is running is left out. `stop` waits for the round, then closes the
 * connection to Temporal.
 */
export class MaintenanceRounds {
  readonly #options: RoundOptions;
  #timer: NodeJS.Timeout | undefined;
  /** The round that is running. It never rejects: `#round` logs what failed. */
  #current: Promise<void> | undefined;
  #temporal: TemporalClient | undefined;
  /** Whether every schedule was made or brought up to date since this process started. */
  #schedulesExist = false;

  constructor(options: RoundOptions) {
    this.#options = options;
  }

  start(): void {
    const round = (): void => {
      // One that takes longer than a minute is not followed by all that came due meanwhile.
      this.#current ??= this.#round().finally(() => {
        this.#current = undefined;
      });
    };
    this.#timer = setInterval(round, ROUND_MS);
    round();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#current;
    await this.#temporal?.close();
  }

  /** A part that fails is logged and tried again in the next round; neither waits for the other. */
  async #round(): Promise<void> {
    const { keepMonthsAhead, logger } = this.#options;
    const parts = [
      { server: 'database', run: keepMonthsAhead },
      { server: 'temporal', run: () => this.#tendSchedules() },
    ] as const;
    for (const { server, run } of parts) {
      await run().catch((error: unknown) => {
        logger.warn(
          { server, reason: reasonOf(error) },
          'maintenance could not be done; it is tried again in a minute',
        );
      });
    }
  }

  async #tendSchedules(): Promise<void> {
    const { connect, schedules, metrics, logger } = this.#options;
    this.#temporal ??= await connect();
    for (const wanted of schedules) {
      if (!this.#schedulesExist) {
        const outcome = await ensureSchedule(this.#temporal.client, wanted);
        logger.info({ schedule: wanted.id, outcome }, 'schedule ensured');
      }
      await observeSchedule(this.#temporal.client, wanted.id, metrics);
    }
    this.#schedulesExist = true;
  }
}
