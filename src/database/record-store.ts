import type pg from 'pg';

import { monthOf } from '../domain/instant.ts';
import type { Observation } from '../domain/observation.ts';
import { RECORD_DEFINITIONS } from '../domain/records/index.ts';
import { createMonth } from './partitions.ts';
import { inTransaction } from './pool.ts';
import type { PreparedObservation } from './prepared-observation.ts';
import { prepareObservation } from './prepared-observation.ts';
import { settleHomes } from './record-home.ts';
import { mergeRows } from './record-rows.ts';
import { isMissingPartition } from './sqlstate.ts';

export interface StoredRecord {
  readonly id: string;
  /** The record's home, which may differ from what the observation said. */
  readonly createdAt: string;
  /** Accepted observations of this record so far. */
  readonly revision: number;
}

export interface RecordStore {
  /**
   * Stores observations: each ends in its record's row and, unless it is a repetition, in one ledger entry. All of
   * them in one transaction, or the call throws and none is stored. Answers in the order of the observations.
   */
  record(observations: readonly Observation[]): Promise<StoredRecord[]>;
}

export function createRecordStore(pool: pg.Pool): RecordStore {
  return {
    async record(observations) {
      const prepared = observations.map(prepareObservation);
      try {
        return await store(pool, prepared);
      } catch (error: unknown) {
        if (!isMissingPartition(error)) throw error;
        await createMissingMonths(pool, prepared);
        return await store(pool, prepared);
      }
    },
  };
}

async function store(pool: pg.Pool, prepared: readonly PreparedObservation[]): Promise<StoredRecord[]> {
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
