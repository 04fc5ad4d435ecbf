import type pg from 'pg';

import { monthOf } from '../domain/instant.ts';
import type { Observation } from '../domain/observation.ts';
import { RECORD_DEFINITIONS } from '../domain/records/index.ts';
import { repairObservation } from '../domain/repair-observation.ts';
import { createMonth } from './partitions.ts';
import { inTransaction } from './pool.ts';
import type { PreparedObservation } from './prepared-observation.ts';
import { prepareObservation } from './prepared-observation.ts';
import { settleHomes } from './record-home.ts';
import { mergeRows } from './record-rows.ts';
import { persistently } from './retry.ts';
import type { ErrorClass } from './sqlstate.ts';
import { classifyError, sqlStateOf } from './sqlstate.ts';

export interface StoredRecord {
  readonly status: 'stored';
  readonly id: string;
  /** The record's home, which may differ from what the observation said. */
  readonly createdAt: string;
  /** Accepted observations of this record so far. */
  readonly revision: number;
}

/** PostgreSQL will never take it. Whoever brought it decides: quarantine, or an answer that names the field. */
export interface RefusedRecord {
  readonly status: 'refused';
  readonly id: string;
  readonly reason: string;
  readonly sqlstate: string;
}

export type RecordOutcome = StoredRecord | RefusedRecord;

export interface RecordStore {
  /**
   * Stores observations: each ends in its record's row and, unless it is a repetition, in one ledger entry, both in one
   * transaction. Repeating it changes nothing. Answers in the order of the observations; one that can never be stored
   * does not keep the others out. Throws when the database cannot store now: then try the same again.
   */
  record(observations: readonly Observation[]): Promise<RecordOutcome[]>;
}

const HOPELESS: ReadonlySet<ErrorClass> = new Set(['poison', 'repairable']);

export function createRecordStore(pool: pg.Pool): RecordStore {
  return {
    record: async (observations) => {
      const outcomes = new Map<PreparedObservation, RecordOutcome>();
      const prepared = observations.map(prepareObservation);
      await storeOrSplit(pool, prepared, outcomes);
      return prepared.map((observation) => outcomeOf(outcomes, observation));
    },
  };
}

/** One transaction for all of them; when one is hopeless, halves, until it stands alone. */
async function storeOrSplit(
  pool: pg.Pool,
  prepared: readonly PreparedObservation[],
  outcomes: Map<PreparedObservation, RecordOutcome>,
): Promise<void> {
  try {
    const stored = await persistently(() => storeWithMonths(pool, prepared));
    prepared.forEach((observation, index) => {
      outcomes.set(observation, stored[index] ?? missingAnswer(observation));
    });
  } catch (error: unknown) {
    if (!HOPELESS.has(classifyError(error))) throw error;
    const [only, ...others] = prepared;
    if (only === undefined) throw error;
    if (others.length === 0) {
      outcomes.set(only, await repairOrRefuse(pool, only, error));
      return;
    }
    const middle = Math.ceil(prepared.length / 2);
    await storeOrSplit(pool, prepared.slice(0, middle), outcomes);
    await storeOrSplit(pool, prepared.slice(middle), outcomes);
  }
}

/** A character that PostgreSQL refuses is replaced and the record kept; what it refuses all the same is refused. */
async function repairOrRefuse(
  pool: pg.Pool,
  refused: PreparedObservation,
  cause: unknown,
): Promise<RecordOutcome> {
  if (classifyError(cause) === 'repairable') {
    const repaired = prepareObservation(repairObservation(refused.observation));
    try {
      const [stored] = await persistently(() => storeWithMonths(pool, [repaired]));
      if (stored !== undefined) return stored;
    } catch (error: unknown) {
      if (!HOPELESS.has(classifyError(error))) throw error;
    }
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return { status: 'refused', id: refused.id, reason, sqlstate: sqlStateOf(cause) ?? '' };
}

async function storeWithMonths(
  pool: pg.Pool,
  prepared: readonly PreparedObservation[],
): Promise<StoredRecord[]> {
  try {
    return await storeTogether(pool, prepared);
  } catch (error: unknown) {
    if (classifyError(error) !== 'missing-partition') throw error;
    await createMissingMonths(pool, prepared);
    return await storeTogether(pool, prepared);
  }
}

async function storeTogether(
  pool: pg.Pool,
  prepared: readonly PreparedObservation[],
): Promise<StoredRecord[]> {
  return inTransaction(pool, async (client) => {
    const homes = await settleHomes(client, prepared);
    const revisions = new Map<string, number>();
    for (const definition of RECORD_DEFINITIONS) {
      const ofTable = prepared.filter(({ observation }) => observation.table === definition.table);
      if (ofTable.length === 0) continue;
      for (const [id, revision] of await mergeRows(client, definition, ofTable, homes))
        revisions.set(id, revision);
    }
    return prepared.map(({ id }) => ({
      status: 'stored',
      id,
      createdAt: homes.get(id) ?? '',
      revision: revisions.get(id) ?? 0,
    }));
  });
}

/** A record may live in a month that was never made, or whose home was decided by an earlier observation. */
async function createMissingMonths(pool: pg.Pool, prepared: readonly PreparedObservation[]): Promise<void> {
  const homes = await inTransaction(pool, (client) => settleHomes(client, prepared));
  for (const month of new Set([...homes.values()].map(monthOf))) await createMonth(pool, month);
}

function outcomeOf(
  outcomes: ReadonlyMap<PreparedObservation, RecordOutcome>,
  observation: PreparedObservation,
): RecordOutcome {
  return outcomes.get(observation) ?? missingAnswer(observation);
}

function missingAnswer({ id }: PreparedObservation): never {
  throw new Error(`the store gave no answer for record ${id}`);
}
