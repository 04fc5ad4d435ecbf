import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';
import { decidesLocation } from '../../domain/observation.ts';
import { arrayLiteral } from './array-parameter.ts';
import type { PreparedObservation } from './prepared-observation.ts';
import { arraysOfNames, resolveRecords } from './record-aliases.ts';

const SELECT_LOCATIONS = `
  select id, created_at, is_final, false as is_new
  from record_home
  where id = any($1::uuid[])`;

/** Reads what is known and inserts the rest: most flushes bring a record that is new. */
const SELECT_OR_INSERT_LOCATIONS = `
  select id, created_at, is_final, is_new
  from audit_locate_records($1::uuid[], $2::text[], $3::timestamptz[], $4::boolean[])`;

/** Names and locations in one call; no row where an observation is about another record than its key says. */
const FIND_RECORDS = `
  select id, created_at, is_final, is_new
  from audit_find_records($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::boolean[],
    $8::boolean[], $9::uuid[], $10::text[], $11::timestamptz[], $12::boolean[])`;

/** Takes the locks under which a location that is not final stays, or moves the record; see the function. */
const FIX_LOCATIONS = `
  select id, created_at
  from audit_fix_locations($1::uuid[], $2::timestamptz[])`;

interface LocationRow {
  id: string;
  created_at: string;
}

interface ResolvedRow extends LocationRow {
  is_final: boolean;
  is_new: boolean;
}

/** created_at by id of a record. */
export type Locations = ReadonlyMap<string, string>;

interface FoundRecords {
  /** Each observation with the id of the record that it is about. */
  readonly prepared: readonly PreparedObservation[];
  readonly locations: Locations;
  /** Whether this transaction made all of them: then no row and no ledger entry of these records exists. */
  readonly areNew: boolean;
}

/**
 * The record of each observation, and the location of each record, its partition key: the creation time of its resource, once an
 * observation of that has come, else what its first acceptance decided, or, for a record never seen, the time its earliest
 * observation here carries.
 *
 * Of two transactions that bring a new record at once, the second waits in the insert for the first and then reads what that
 * one decided. A location that is not final is locked until the commit, so that nothing is written at a location that
 * another transaction moves the record away from.
 */
export async function findRecords(
  client: pg.ClientBase,
  unresolved: readonly PreparedObservation[],
  onKnown: (found: Pick<FoundRecords, 'prepared' | 'locations'>) => void,
): Promise<FoundRecords> {
  let prepared = unresolved;
  let wanted = decidingOfEach(prepared);
  let rows = await findByOwnKeys(client, prepared, [...wanted.values()]);
  if (rows.length === 0) {
    prepared = await resolveRecords(client, prepared);
    wanted = decidingOfEach(prepared);
    rows = await selectOrInsert(client, [...wanted.values()]);
  }
  rows = await withThoseDecidedMeanwhile(client, rows, [...wanted.keys()]);
  const locations = new Map(rows.map((row) => [row.id, instantFromSql(row.created_at)]));
  const movable = rows.filter((row) => !row.is_final && !row.is_new).map(({ id }) => id);
  const targets = movable.map((id) => targetOf(wanted.get(id)));
  // Where the records will be, also when the month of a target is missing and moving them there fails.
  movable.forEach((id, index) => locations.set(id, targets[index] ?? locations.get(id) ?? ''));
  onKnown({ prepared, locations });
  if (movable.length > 0) {
    const fixed = await client.query<LocationRow>({
      name: 'fix-locations',
      text: FIX_LOCATIONS,
      values: [arrayLiteral(movable), arrayLiteral(targets)],
    });
    for (const row of fixed.rows) locations.set(row.id, instantFromSql(row.created_at));
  }
  return {
    prepared,
    locations,
    areNew: locations.size === wanted.size && rows.every((row) => row.is_new),
  };
}

async function findByOwnKeys(
  client: pg.ClientBase,
  prepared: readonly PreparedObservation[],
  wanted: readonly PreparedObservation[],
): Promise<readonly ResolvedRow[]> {
  const { rows } = await client.query<ResolvedRow>({
    name: 'find-records',
    text: FIND_RECORDS,
    values: [...arraysOfNames(prepared), ...arraysOfLocations(wanted)],
  });
  return rows;
}

async function selectOrInsert(
  client: pg.ClientBase,
  wanted: readonly PreparedObservation[],
): Promise<readonly ResolvedRow[]> {
  const { rows } = await client.query<ResolvedRow>({
    name: 'select-or-insert-locations',
    text: SELECT_OR_INSERT_LOCATIONS,
    values: arraysOfLocations(wanted),
  });
  return rows;
}

/** The parameters of `audit_locate_records`: each record once. */
export function arraysOfLocations(wanted: readonly PreparedObservation[]): string[] {
  return [
    arrayLiteral(wanted.map(({ id }) => id)),
    arrayLiteral(wanted.map(({ observation }) => observation.table)),
    arrayLiteral(wanted.map(({ observation }) => observation.createdAt)),
    arrayLiteral(wanted.map(({ observation }) => decidesLocation(observation))),
  ];
}

/** Another transaction decided these after our statement began, which therefore does not see them; the next one does. */
async function withThoseDecidedMeanwhile(
  client: pg.ClientBase,
  rows: readonly ResolvedRow[],
  wanted: readonly string[],
): Promise<readonly ResolvedRow[]> {
  if (rows.length === wanted.length) return rows;
  const known = new Set(rows.map(({ id }) => id));
  const others = await client.query<ResolvedRow>({
    name: 'select-locations',
    text: SELECT_LOCATIONS,
    values: [arrayLiteral(wanted.filter((id) => !known.has(id)))],
  });
  return [...rows, ...others.rows];
}

function targetOf(candidate: PreparedObservation | undefined): string | undefined {
  return candidate !== undefined && decidesLocation(candidate.observation)
    ? candidate.observation.createdAt
    : undefined;
}

/** One candidate per record, whatever order they came in: of its resource if there is one, and of these the earliest. */
function decidingOfEach(prepared: readonly PreparedObservation[]): ReadonlyMap<string, PreparedObservation> {
  const deciding = new Map<string, PreparedObservation>();
  for (const candidate of prepared) {
    const known = deciding.get(candidate.id);
    if (known === undefined || isBefore(candidate, known)) deciding.set(candidate.id, candidate);
  }
  return deciding;
}

function isBefore({ observation: one }: PreparedObservation, { observation: other }: PreparedObservation) {
  const [decides, otherDecides] = [decidesLocation(one), decidesLocation(other)];
  return decides === otherDecides ? one.createdAt < other.createdAt : decides;
}

/** A record of that table by its id, or by another name that it has for good; undefined for an id that no such record has. */
export async function selectRecordLocation(
  pool: pg.Pool,
  table: string,
  id: string,
): Promise<{ readonly id: string; readonly createdAt: string } | undefined> {
  const { rows } = await pool.query<LocationRow>({
    name: 'select-location-of-record',
    text: `
      select location.id, location.created_at
      from (
        select $1::uuid as id, 0 as rank
        union all
        select record_id, case given_by when 'client' then 2 else 1 end
        from record_alias
        where table_name = $2::text and id = $1::uuid
      ) as known
      join record_home as location using (id)
      where location.table_name = $2::text
      order by known.rank
      limit 1`,
    values: [id, table],
  });
  const [row] = rows;
  return row && { id: row.id, createdAt: instantFromSql(row.created_at) };
}
