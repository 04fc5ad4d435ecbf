import type pg from 'pg';

import { isPosted } from '../../domain/observation.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { inOneExchange } from '../pool.ts';
import { SQLSTATE, sqlStateOf } from '../sqlstate.ts';
import { upsertsOfResources } from './observed-resources.ts';
import { checkOfMonths } from './posted-months.ts';
import type { PreparedObservation, StoredRecord } from './prepared-observation.ts';
import { arraysOfNames } from './record-aliases.ts';
import { arraysOfLocations, type Locations } from './record-location.ts';
import { FIRST_REVISION, insertOfRows, type WrittenRow } from './record-rows.ts';

/** Whether each is a post about a record of its own. Nearly all of these are about records that nobody has seen. */
export function areNewPosts(prepared: readonly PreparedObservation[]): boolean {
  const isEachPosted = prepared.every(({ observation }) => isPosted(observation));
  return isEachPosted && new Set(prepared.map(({ id }) => id)).size === prepared.length;
}

const CLAIM_RECORDS = `
  select audit_claim_records($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::boolean[],
    $8::boolean[], $9::uuid[], $10::text[], $11::timestamptz[], $12::boolean[])`;

/**
 * Stores records that nobody has seen in one exchange with the server: names, partition keys, entries, rows and the commit travel together.
 * Undefined where one of them is known after all; then nothing was written, and the caller has to ask first what it is about.
 */
export async function insertUnknown(
  pool: pg.Pool,
  prepared: readonly PreparedObservation[],
  locations: Locations,
): Promise<readonly StoredRecord[] | undefined> {
  const claim = {
    name: 'claim-records',
    text: CLAIM_RECORDS,
    values: [...arraysOfNames(prepared), ...arraysOfLocations(prepared)],
  };
  const { statements, result } = insertAll(prepared, locations);
  try {
    // The claim first: a record that is known may live in another month than the one checked here.
    await inOneExchange(pool, [claim, ...checkOfMonths(prepared, locations), ...statements]);
    return result;
  } catch (error: unknown) {
    if (sqlStateOf(error) === SQLSTATE.record_known) return undefined;
    throw error;
  }
}

/** Records that are new, one observation each: nothing is learnt from the answers, so the commit need not wait for them. */
export function insertAll(
  prepared: readonly PreparedObservation[],
  locations: Locations,
): { readonly statements: readonly pg.QueryConfig[]; readonly result: readonly StoredRecord[] } {
  const inserts = byTable(prepared).map(([definition, ofTable]) =>
    insertOfRows(definition, ofTable, locations),
  );
  return {
    statements: [...inserts, ...upsertsOfResources(prepared)],
    result: prepared.map((one) => storedRecord(one, locations, newRowOf(one))),
  };
}

function newRowOf({ observation }: PreparedObservation): WrittenRow {
  const { phase } = observation.columns;
  return {
    revision: FIRST_REVISION,
    phases: { from: undefined, to: typeof phase === 'string' ? phase : undefined },
  };
}

/** Tables in one order for all writers, so that two of them take their locks in one order. */
export function byTable(
  prepared: readonly PreparedObservation[],
): (readonly [definition: RecordDefinition, ofTable: readonly PreparedObservation[]])[] {
  const groups = Map.groupBy(prepared, ({ observation }) => observation.table);
  return RECORD_DEFINITIONS.flatMap((definition) => {
    const ofTable = groups.get(definition.table);
    return ofTable === undefined ? [] : [[definition, ofTable] as const];
  });
}

export function storedRecord(
  { id, repaired }: Pick<PreparedObservation, 'id' | 'repaired'>,
  locations: Locations,
  row: WrittenRow,
): StoredRecord {
  return { status: 'stored', id, createdAt: locations.get(id) ?? '', repaired, ...row };
}
