import { setTimeout as delay } from 'node:timers/promises';

import type pg from 'pg';

import { DEFAULT_POSTED_MONTHS_PER_DAY } from '../../domain/limits.ts';
import { jittered } from '../../domain/time.ts';
import { createMonth } from '../months/partitions.ts';
import { inPipelinedTransaction, sendInOrder } from '../pool.ts';
import { areNewPosts, byTable, insertAll, insertUnknown, storedRecord } from './new-records.ts';
import { upsertsOfResources } from './observed-resources.ts';
import { checkOfMonths, posterOf } from './posted-months.ts';
import type { PreparedObservation, StoredRecord } from './prepared-observation.ts';
import { findRecords, type Locations } from './record-location.ts';
import type { WrittenRow } from './record-rows.ts';
import { mergeRows } from './record-rows.ts';
import type { WriteBatch } from './store-worklist.ts';

export interface BatchWriterOptions {
  /** Months that the posts of one caller may make in 24 hours. Default 12. */
  readonly postedMonthsPerDay?: number;
}

/**
 * Creates the months of a batch where it names any, then writes it in one transaction. It never throws: what
 * failed is answered with the locations as far as they were known, and store-worklist.ts decides what
 * follows.
 */
export function createBatchWriter(
  pool: pg.Pool,
  { postedMonthsPerDay = DEFAULT_POSTED_MONTHS_PER_DAY }: BatchWriterOptions = {},
): WriteBatch {
  return async (batch) => {
    let prepared: readonly PreparedObservation[] = batch.items.map(({ observation }) => observation);
    let { locations } = batch;
    try {
      // Before any connection is taken: a batch that waits must not hold one.
      if (batch.pauseMs > 0) await delay(jittered(batch.pauseMs, Math.random));
      for (const month of batch.months)
        await createMonth(pool, month, posterOf(month, prepared, locations, postedMonthsPerDay));
      // What is known after all is written as if this had not been tried.
      if (batch.mayInsert && areNewPosts(prepared)) {
        locations = new Map(prepared.map(({ id, observation }) => [id, observation.createdAt]));
        const stored = await insertUnknown(pool, prepared, locations);
        if (stored !== undefined) return { stored };
      }
      const stored = await inPipelinedTransaction(pool, {
        first: async (client) => {
          const found = await findRecords(client, prepared, (known) => {
            ({ prepared, locations } = known);
          });
          ({ prepared, locations } = found);
          for (const check of checkOfMonths(prepared, locations)) await client.query(check);
          const areNew = found.areNew && locations.size === prepared.length;
          return { locations, mayInsert: batch.mayInsert && areNew };
        },
        last: (found) =>
          found.mayInsert
            ? insertAll(prepared, found.locations)
            : { work: (client) => mergeAll(client, prepared, found.locations) },
      });
      return { stored };
    } catch (error: unknown) {
      return { error, locations };
    }
  };
}

/** Records that may have a row already. Their revisions are in the answers, so the commit waits for them. */
async function mergeAll(
  client: pg.PoolClient,
  prepared: readonly PreparedObservation[],
  locations: Locations,
): Promise<readonly StoredRecord[]> {
  const rows = new Map<string, WrittenRow>();
  const merges = byTable(prepared).map(([definition, ofTable]) => async () => {
    const merged = await mergeRows(client, definition, ofTable, locations);
    for (const [id, row] of merged) rows.set(id, row);
  });
  const upserts = upsertsOfResources(prepared).map((upsert) => () => client.query(upsert));
  await sendInOrder(client, [...merges, ...upserts]);
  return prepared.map((one) => {
    const row = rows.get(one.id) ?? { revision: 0 };
    // Several observations of one record changed its row once.
    rows.set(one.id, { revision: row.revision });
    return storedRecord(one, locations, row);
  });
}
