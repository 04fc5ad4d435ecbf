import type { Batcher } from '../../database/recording/batcher.ts';
import {
  BatcherFullError,
  BatcherTimeoutError,
  RecordDelayedError,
} from '../../database/recording/batcher.ts';
import type { RecordOutcome } from '../../database/recording/prepared-observation.ts';
import { isOutage } from '../../database/sqlstate.ts';
import { reasonOf } from '../../domain/errors.ts';
import type { Observation } from '../../domain/observation.ts';
import { recordId } from '../../identity/identities.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Metrics } from '../../observability/metrics.ts';
import { isTemporalOutage } from '../../temporal/connection.ts';
import { ObservationTooLargeError } from '../../temporal/deferred-records.ts';
import { Problem, retryAfter } from '../http/problems.ts';
import type { Deferral } from './deferring.ts';
import { createDeferring, DeferralTimeoutError } from './deferring.ts';

export type { Deferral } from './deferring.ts';

/** Durable elsewhere, on its way to the database. */
interface DeferredRecord {
  readonly status: 'deferred';
  /** Follows from table, cluster and key, so it is known before the database has the record. */
  readonly id: string;
  /** As the observation carries it. A record that the database has already may have another one. */
  readonly createdAt: string;
}

/** Neither the database nor Temporal took it in time, though they took others of its batch: it has to be sent again. */
interface UndurableRecord {
  readonly status: 'not-durable';
  /** 503, or 500 when the reason was a defect of ours. */
  readonly problem: Problem;
}

/** What became of one observation. `refused` is for ever: the database can never take it. */
export type DurabilityOutcome = RecordOutcome | DeferredRecord | UndurableRecord;

/** Makes observations durable: in the database, or in Temporal while that is away. */
export interface Durability {
  /**
   * Settles when each is durable or refused, and says for each what became of it, in their order.
   *
   * Throws the problem that holds for all of them: the queue is full, or none was taken. Then the client
   * keeps them and sends them again; a repeated observation changes nothing.
   */
  keep(observations: readonly Observation[]): Promise<readonly DurabilityOutcome[]>;
  /** Observations accepted and not yet durable, in memory on their way to the database or to Temporal. */
  pending(): number;
  /** Settles when the queue of the database is empty. Called when the process ends. */
  drain(): Promise<void>;
}

interface DurabilityOptions {
  readonly batcher: Batcher;
  /** Without it a database that is away is a problem at once. */
  readonly deferral?: Deferral | undefined;
  /** How long Temporal may take for one record, in milliseconds: the sources' client gives up after 5 s, and the database had 2 of them. */
  readonly deferTimeoutMs?: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

const DEFAULT_DEFER_TIMEOUT_MS = 2_000;
/** Beyond it more would only be held in memory. */
const MAX_DEFERRING = 10_000;
const QUEUE_RETRY_SECONDS = 1;
const OUTAGE_RETRY_SECONDS = 5;

/**
 * Three levels, each with a short time: the database, then Temporal, then the client, which is asked to keep
 * the record.
 *
 * Only what the database could not take in time goes to Temporal; what it refused goes back to the client.
 * Both queues are bounded: beyond them there is a 429, which keeps a service without a database from filling
 * its memory.
 */
export function createDurability(options: DurabilityOptions): Durability {
  const { batcher, metrics, logger } = options;
  const temporal = options.deferral === undefined ? undefined : createDeferring(options.deferral);
  let deferring = 0;

  const deferAll = async (
    observations: readonly Observation[],
    cause: unknown,
  ): Promise<(DeferredRecord | UndurableRecord)[]> => {
    const { deferTimeoutMs = DEFAULT_DEFER_TIMEOUT_MS } = options;
    if (temporal === undefined) throw notDurable('database-unavailable', cause);
    if (deferring + observations.length > MAX_DEFERRING) throw full(deferring);
    deferring += observations.length;
    const failures = await temporal.deferEach(observations, deferTimeoutMs).finally(() => {
      deferring -= observations.length;
    });
    const failed = failures.filter((failure) => failure !== undefined);
    if (failed.length > 0) {
      logger.error(
        { server: 'temporal', err: failed[0], records: failed.length, of: failures.length },
        'Temporal did not take what the database could not store',
      );
    }
    metrics.api.recordsDeferred.inc(failures.length - failed.length);
    return observations.map((observation, index) => deferredRecord(observation, failures[index]));
  };

  const recordAll = async (observations: readonly Observation[]) => {
    try {
      return await batcher.recordAll(observations);
    } catch (error: unknown) {
      if (!(error instanceof BatcherFullError)) throw error;
      metrics.api.turnedAway.inc(observations.length);
      throw full(error.waiting);
    }
  };

  return {
    async keep(observations) {
      const results = observations.length === 0 ? [] : await recordAll(observations);
      const failed = results.find((result) => result.status === 'rejected');
      if (failed === undefined) return results.map((result) => outcomeOf(result, undefined));
      // A rejected result is no refusal: the record is sound, and the database did not take it in time.
      const left = observations.filter((_, index) => results[index]?.status === 'rejected');
      logger.warn(
        { server: 'database', reason: reasonOf(failed.reason), records: left.length },
        'the database cannot store records now; Temporal keeps them',
      );
      // They may have been committed all the same: storing them again changes nothing.
      const deferred = (await deferAll(left, failed.reason)).values();
      const answers = results.map((result) =>
        outcomeOf(result, result.status === 'rejected' ? deferred.next().value : undefined),
      );
      const [first] = answers;
      // A batch of which nothing was taken is a problem as a whole, as a single record is: the client may
      // send it again whole.
      if (first?.status === 'not-durable' && answers.every(({ status }) => status === 'not-durable'))
        throw first.problem;
      return answers;
    },
    pending: () => batcher.pending() + deferring,
    drain: () => batcher.drain(),
  };
}

function deferredRecord(observation: Observation, failure: unknown): DeferredRecord | UndurableRecord {
  if (failure !== undefined)
    return { status: 'not-durable', problem: notDurable('storage-unavailable', failure) };
  const { table, cluster, key, createdAt } = observation;
  return { status: 'deferred', id: recordId(table, cluster, key), createdAt };
}

/** The database's own answer, or that of Temporal for a record which the database did not take. */
function outcomeOf(
  result: PromiseSettledResult<RecordOutcome>,
  deferred: DeferredRecord | UndurableRecord | undefined,
): DurabilityOutcome {
  if (result.status === 'fulfilled') return result.value;
  if (deferred === undefined) throw result.reason;
  return deferred;
}

/** 429: nothing of this request was taken. */
function full(waiting: number): Problem {
  const detail = `${waiting} records are waiting to be stored; come again in a moment`;
  return new Problem('queue-full', detail, retryAfter(QUEUE_RETRY_SECONDS));
}

/** A defect of this service is not reported as an outage; even so the record was not made durable. */
function notDurable(outage: 'database-unavailable' | 'storage-unavailable', cause: unknown): Problem {
  const detail = 'the record could not be made durable; keep it and send it again';
  const type = isPassing(cause) ? outage : 'internal-error';
  return new Problem(type, detail, { ...retryAfter(OUTAGE_RETRY_SECONDS), cause });
}

/** What keeps a record from being stored, or from waiting in Temporal meanwhile, until somebody or something is back. */
const WAITING = [
  BatcherTimeoutError,
  RecordDelayedError,
  DeferralTimeoutError,
  ObservationTooLargeError,
] as const;

/** Whether time alone can mend it. Everything else is a defect, and is reported as one. */
function isPassing(error: unknown): boolean {
  return isOutage(error) || isTemporalOutage(error) || WAITING.some((known) => error instanceof known);
}
