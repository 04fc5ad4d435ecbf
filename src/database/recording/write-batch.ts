import { setTimeout as delay } from 'node:timers/promises';

import type pg from 'pg';

import { jittered } from '../../domain/backoff.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { createMonth } from '../months/partitions.ts';
import { inPipelinedTransaction, type LastPart, sendInOrder } from '../pool.ts';
import { FIRST_REVISION, insertOfRows } from './new-rows.ts';
import { upsertOfObservedResources } from './observed-resource-writer.ts';
import type { PreparedObservation } from './prepared-observation.ts';
import { resolveLocations } from './record-location.ts';
import type { StoredRecord } from './record-outcome.ts';
import { mergeRows } from './record-rows.ts';
import type { Locations, WriteBatch } from './store-worklist.ts';

/**
 * Creates the months of a batch where it names any, then writes it in one transaction. It never throws: what
 * failed is answered with the locations as far as they were known, and store-worklist.ts decides what
 * follows.
 */
export function createBatchWriter(pool: pg.Pool): WriteBatch {
  return async (batch) => {
    const prepared = batch.items.map(({ observation }) => observation);
    let { locations } = batch;
    try {
      // Before any connection is taken: a batch that waits must not hold one.
      if (batch.pauseMs > 0) await delay(jittered(batch.pauseMs, Math.random));
      for (const month of batch.months) await createMonth(pool, month);
      const stored = await inPipelinedTransaction(pool, {
        first: async (client) => {
          const resolved = await resolveLocations(client, prepared);
          locations = resolved.createdAt;
          const areNew = resolved.areNew && locations.size === prepared.length;
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

/** Records that are new, one observation each: nothing is learnt from the answers, so the commit need not wait for them. */
function insertAll(
  prepared: readonly PreparedObservation[],
  locations: Locations,
): LastPart<readonly StoredRecord[]> {
  const inserts = byTable(prepared).map(([definition, ofTable]) =>
    insertOfRows(definition, ofTable, locations),
  );
  return {
    statements: [...inserts, ...upsertsOfResources(prepared)],
    result: prepared.map((one) => storedRecord(one, locations, FIRST_REVISION)),
  };
}

/** Records that may have a row already. Their revisions are in the answers, so the commit waits for them. */
async function mergeAll(
  client: pg.PoolClient,
  prepared: readonly PreparedObservation[],
  locations: Locations,
): Promise<readonly StoredRecord[]> {
  const revisions = new Map<string, number>();
  const merges = byTable(prepared).map(([definition, ofTable]) => async () => {
    const merged = await mergeRows(client, definition, ofTable, locations);
    for (const [id, revision] of merged) revisions.set(id, revision);
  });
  const upserts = upsertsOfResources(prepared).map((upsert) => () => client.query(upsert));
  await sendInOrder(client, [...merges, ...upserts]);
  return prepared.map((one) => storedRecord(one, locations, revisions.get(one.id) ?? 0));
}

/** Tables in one order for all writers, so that two of them take their locks in one order. */
function byTable(
  prepared: readonly PreparedObservation[],
): (readonly [definition: RecordDefinition, ofTable: readonly PreparedObservation[]])[] {
  const groups = Map.groupBy(prepared, ({ observation }) => observation.table);
  return RECORD_DEFINITIONS.flatMap((definition) => {
    const ofTable = groups.get(definition.table);
    return ofTable === undefined ? [] : [[definition, ofTable] as const];
  });
}

function upsertsOfResources(prepared: readonly PreparedObservation[]): pg.QueryConfig[] {
  const upsert = upsertOfObservedResources(prepared.map(({ observation }) => observation));
  return upsert === undefined ? [] : [upsert];
}

function storedRecord(
  { id, repaired }: Pick<PreparedObservation, 'id' | 'repaired'>,
  locations: Locations,
  revision: number,
): StoredRecord {
  return { status: 'stored', id, createdAt: locations.get(id) ?? '', revision, repaired };
}
