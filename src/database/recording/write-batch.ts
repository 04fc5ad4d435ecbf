import { setTimeout as delay } from 'node:timers/promises';

import type pg from 'pg';

import { monthOf } from '../../domain/instant.ts';
import { DEFAULT_POSTED_MONTHS_PER_DAY } from '../../domain/limits.ts';
import type { Observation, ObservedResource } from '../../domain/observation.ts';
import { isPosted } from '../../domain/observation.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { jittered } from '../../domain/time.ts';
import { createMonth, type Poster } from '../months/partitions.ts';
import { inPipelinedTransaction, type LastPart, sendInOrder } from '../pool.ts';
import { arrayLiteral } from './array-parameter.ts';
import type { PreparedObservation, StoredRecord } from './prepared-observation.ts';
import { resolveRecords } from './record-aliases.ts';
import { type Locations, resolveLocations } from './record-location.ts';
import type { WrittenRow } from './record-rows.ts';
import { FIRST_REVISION, insertOfRows, mergeRows } from './record-rows.ts';
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
      const stored = await inPipelinedTransaction(pool, {
        first: async (client) => {
          prepared = await resolveRecords(client, prepared);
          const resolved = await resolveLocations(client, prepared, (known) => {
            locations = known;
          });
          locations = resolved.createdAt;
          await requireOpenMonths(client, prepared, locations);
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

/** For whom a month is made: the first poster whose record goes there; nobody when a resource needs it too. */
function posterOf(
  month: string,
  prepared: readonly PreparedObservation[],
  locations: Locations,
  mostPerDay: number,
): Poster | undefined {
  const inMonth = prepared.filter((one) => monthIn(one, locations) === month);
  const [first] = inMonth;
  if (first === undefined || !inMonth.every(({ observation }) => isPosted(observation))) return undefined;
  const { actor, backfill = false } = first.observation;
  return { name: actor, mayRevive: backfill, mostPerDay };
}

function monthIn({ id, observation }: PreparedObservation, locations: Locations): string {
  return monthOf(locations.get(id) ?? observation.createdAt);
}

/**
 * Refuses what posts would write into an archived month, unless their caller may: it would be in no archive, make the month
 * live again and void its approval. The month in which a post was accepted is open; nearly all go there, without a query.
 */
async function requireOpenMonths(
  client: pg.PoolClient,
  prepared: readonly PreparedObservation[],
  locations: Locations,
): Promise<void> {
  const months = new Set<string>();
  for (const one of prepared) {
    const { observation } = one;
    if (!isPosted(observation) || observation.backfill === true) continue;
    const month = monthIn(one, locations);
    if (month !== monthOf(observation.observedAt)) months.add(month);
  }
  if (months.size === 0) return;
  await client.query({
    name: 'require-open-months',
    text: 'select audit_require_open_months($1::date[])',
    values: [arrayLiteral([...months])],
  });
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
    result: prepared.map((one) => storedRecord(one, locations, newRowOf(one))),
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

function newRowOf({ observation }: PreparedObservation): WrittenRow {
  const { phase } = observation.columns;
  return {
    revision: FIRST_REVISION,
    phases: { from: undefined, to: typeof phase === 'string' ? phase : undefined },
  };
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
  row: WrittenRow,
): StoredRecord {
  return { status: 'stored', id, createdAt: locations.get(id) ?? '', repaired, ...row };
}

const OBSERVE_RESOURCES = `
  select audit_observe_resources($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::bigint[], $9::text[], $10::timestamptz[], $11::timestamptz[])`;

/** The statement that stores what the watcher has seen of each resource; none where nothing came from a resource. */
function upsertOfObservedResources(observations: readonly Observation[]): pg.QueryConfig | undefined {
  const seen = observations.filter(hasResource);
  if (seen.length === 0) return undefined;
  const ofResource = (value: (resource: ObservedResource) => string | undefined): string =>
    arrayLiteral(seen.map(({ resource }) => value(resource)));
  const ofObservation = (value: (observation: Observation) => string | boolean | undefined): string =>
    arrayLiteral(seen.map(value));
  return {
    name: 'observe-resources',
    text: OBSERVE_RESOURCES,
    values: [
      ofObservation(({ cluster }) => cluster),
      ofResource(({ uid }) => uid),
      ofResource(({ kind }) => kind),
      ofResource(({ namespace }) => namespace),
      ofResource(({ name }) => name),
      ofObservation(({ columns }) => columns['remediation_uid']),
      ofResource(({ phase }) => phase),
      ofObservation(({ sourceVersion }) => sourceVersion),
      ofResource(({ projectionHash }) => projectionHash),
      ofObservation(({ observedAt }) => observedAt),
      ofResource(({ deletedAt }) => deletedAt),
    ],
  };
}

/** A post is about a record and comes from no resource. */
function hasResource(observation: Observation): observation is Observation & { resource: ObservedResource } {
  return observation.resource !== undefined;
}
