import type pg from 'pg';

import { canonicalContent, columnsOfContent } from '../../domain/canonical-content.ts';
import type { Entry } from '../../domain/fold.ts';
import { compareEntries, foldEntries } from '../../domain/fold.ts';
import type { Observation, PhaseChange } from '../../domain/observation.ts';
import { decidesLocation, isPostedVersion } from '../../domain/observation.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { LEDGER_TABLE } from '../../domain/records/service-tables.ts';
import { drawSalts, sealEntry } from '../../identity/identities.ts';
import { quoteIdentifier } from '../sql.ts';
import { arrayLiteral, bytesArray, textArray } from './array-parameter.ts';
import type { PreparedObservation } from './prepared-observation.ts';
import {
  insertCall,
  LEDGER_COLUMNS,
  mergeCall,
  refoldCall,
  refoldStatement,
  ROW_COLUMNS,
} from './recording-functions.ts';

/** The observations of one record in one flush, folded: PostgreSQL refuses one key twice in one upsert. */
interface IncomingRow {
  readonly id: string;
  /** Of its resource, if there is one: where the record comes from. */
  readonly observation: Observation;
  readonly oldestVersion: string;
  readonly newestVersion: string;
  /** What they amount to, as canonical content; undefined where it is that of the only one. */
  readonly content: string | undefined;
}

/** A row that the statement inserted or updated; one that it left as it was is not among the answers. */
interface MergedRow {
  id: string;
  revision: number;
  /** Version of the row before; null when the row is new. */
  previous_version: string | null;
  /** Whether posts had made it, and no resource of its own; null when the row is new or nobody says what it is of. */
  was_posted: boolean | null;
  /** Null where the row is new, its table has none, or nobody said one. So is the next. */
  previous_phase: string | null;
  phase: string | null;
}

/** What became of the row of a record. */
export interface WrittenRow {
  readonly revision: number;
  /** Absent where nothing of it was new. */
  readonly phases?: PhaseChange;
}

/**
 * Appends the observations of one table to the ledger and merges them into their rows. Returns what became of the row of every
 * record. Keys are sorted in every statement, so that two writers take their locks in one order.
 */
export async function mergeRows(
  client: pg.ClientBase,
  definition: RecordDefinition,
  observations: readonly PreparedObservation[],
  locations: ReadonlyMap<string, string>,
): Promise<Map<string, WrittenRow>> {
  const prepared = withoutRepetitions(observations);
  const rows = foldPerRecord(definition, prepared);
  const merged = await client.query<MergedRow>({
    name: `merge-${definition.table}`,
    text: mergeCall(definition),
    values: [...ledgerArrays(prepared, locations), ...rowArrays(rows, locations)],
  });
  const late = lateRows(rows, merged.rows);
  if (late.length > 0)
    await refold(
      client,
      definition,
      late.map((id) => ({ id, createdAt: locationOf(locations, id) })),
    );

  const written = new Map(merged.rows.map((row): [string, WrittenRow] => [row.id, writtenRow(row)]));
  if (written.size === rows.length) return written;
  const repeated = rows
    .filter(({ id }) => !written.has(id))
    .map(({ id }) => ({ id, createdAt: locationOf(locations, id) }));
  for (const { id, revision } of await selectRevisions(client, definition, repeated))
    written.set(id, { revision });
  return written;
}

function writtenRow({ revision, previous_phase: from, phase: to }: MergedRow): WrittenRow {
  return { revision, phases: { from: from ?? undefined, to: to ?? undefined } };
}

/** The ledger takes an entry once, under the name of whoever brought it first: the row must not have another name. */
function withoutRepetitions(prepared: readonly PreparedObservation[]): readonly PreparedObservation[] {
  const entries = new Map<string, PreparedObservation>();
  for (const one of prepared) {
    const key = `${one.id} ${one.observation.sourceVersion} ${one.content.contentHash.toString('hex')}`;
    if (!entries.has(key)) entries.set(key, one);
  }
  return entries.size === prepared.length ? prepared : [...entries.values()];
}

/**
 * Records with an observation out of order: their row already holds a version as new as the oldest that came, or posts have
 * made it and a resource came now.
 */
function lateRows(rows: readonly IncomingRow[], merged: readonly MergedRow[]): string[] {
  const updated = merged.filter((row) => row.previous_version !== null);
  if (updated.length === 0) return [];
  const incoming = new Map(rows.map((row) => [row.id, row]));
  return updated
    .filter(({ id, previous_version: previous, was_posted: wasPosted }) => {
      const { oldestVersion = '0', newestVersion = '0' } = incoming.get(id) ?? {};
      const isPast = BigInt(previous ?? 0) >= BigInt(oldestVersion);
      return isPast || (wasPosted === true && !isPostedVersion(newestVersion));
    })
    .map(({ id }) => id);
}

function foldPerRecord(
  definition: RecordDefinition,
  prepared: readonly PreparedObservation[],
): IncomingRow[] {
  const byRecord = new Map<string, PreparedObservation>();
  for (const one of prepared) byRecord.set(one.id, one);
  // Nearly every flush holds one observation of a record, and the fold of one is itself.
  if (byRecord.size === prepared.length) return prepared.map(rowOfOne);
  return [...Map.groupBy(prepared, ({ id }) => id).values()].map((observations) =>
    rowOfMany(definition, observations),
  );
}

function rowOfOne({ id, observation }: PreparedObservation): IncomingRow {
  const { sourceVersion } = observation;
  return { id, observation, oldestVersion: sourceVersion, newestVersion: sourceVersion, content: undefined };
}

function rowOfMany(definition: RecordDefinition, observations: readonly PreparedObservation[]): IncomingRow {
  const [first, ...others] = observations;
  if (first === undefined) throw new RangeError('an empty group');
  if (others.length === 0) return rowOfOne(first);
  const entries = observations.map(asEntry).sort(compareEntries);
  const deciding = observations.find(({ observation }) => decidesLocation(observation));
  return {
    ...rowOfOne(deciding ?? first),
    oldestVersion: entries[0]?.sourceVersion ?? '0',
    newestVersion: entries.at(-1)?.sourceVersion ?? '0',
    content: canonicalContent(definition, foldEntries(definition, entries)),
  };
}

function asEntry({ observation, content }: PreparedObservation): Entry {
  return {
    sourceVersion: observation.sourceVersion,
    contentHash: content.contentHash.toString('hex'),
    actor: observation.actor,
    columns: observation.columns,
  };
}

type Parameter = string | Buffer;

/** What the merge would give for the same observations: the first of each record. */
export const FIRST_REVISION = 1;

/** The statement that appends one observation each of records that nobody has seen, and makes their rows. */
export function insertOfRows(
  definition: RecordDefinition,
  prepared: readonly PreparedObservation[],
  locations: ReadonlyMap<string, string>,
): pg.QueryConfig {
  return {
    name: `insert-${definition.table}`,
    text: insertCall(definition),
    values: [
      ...ledgerArrays(prepared, locations),
      arrayLiteral(prepared.map(({ observation }) => observation.createdAtSource)),
    ],
  };
}

/** The parameters of LEDGER_COLUMNS. */
function ledgerArrays(
  prepared: readonly PreparedObservation[],
  locations: ReadonlyMap<string, string>,
): Parameter[] {
  const salts = drawSalts(prepared.length);
  const createdAt = prepared.map(({ id }) => locationOf(locations, id));
  const seals = prepared.map(({ observation, content, id }, index) =>
    sealEntry(observation, content, {
      id,
      createdAt: createdAt[index] ?? '',
      salt: salts[index] ?? noSalt(id),
    }),
  );
  const observations = prepared.map(({ observation }) => observation);
  const arrays: Record<(typeof LEDGER_COLUMNS)[number]['name'], Parameter> = {
    record_id: arrayLiteral(prepared.map(({ id }) => id)),
    created_at: arrayLiteral(createdAt),
    source_version: arrayLiteral(observations.map(({ sourceVersion }) => sourceVersion)),
    content_hash: bytesArray(prepared.map(({ content }) => content.contentHash)),
    observed_at: arrayLiteral(observations.map(({ observedAt }) => observedAt)),
    cluster: arrayLiteral(observations.map(({ cluster }) => cluster)),
    remediation_uid: arrayLiteral(observations.map(({ columns }) => columns['remediation_uid'])),
    phase: arrayLiteral(observations.map(({ phase }) => phase)),
    actor: arrayLiteral(observations.map(({ actor }) => actor)),
    canonical: textArray(prepared.map(({ content }) => content.canonical)),
    salt: bytesArray(salts),
    payload_hash: bytesArray(seals.map(({ payloadHash }) => payloadHash)),
    leaf_hash: bytesArray(seals.map(({ leafHash }) => leafHash)),
  };
  return LEDGER_COLUMNS.map(({ name }) => arrays[name]);
}

function noSalt(id: string): never {
  throw new Error(`no salt was drawn for record ${id}`);
}

/** The parameters of ROW_COLUMNS. */
function rowArrays(rows: readonly IncomingRow[], locations: ReadonlyMap<string, string>): Parameter[] {
  const arrays: Record<(typeof ROW_COLUMNS)[number]['name'], Parameter> = {
    id: arrayLiteral(rows.map(({ id }) => id)),
    created_at: arrayLiteral(rows.map(({ id }) => locationOf(locations, id))),
    created_at_source: arrayLiteral(rows.map(({ observation }) => observation.createdAtSource)),
    cluster: arrayLiteral(rows.map(({ observation }) => observation.cluster)),
    source_version: arrayLiteral(rows.map(({ newestVersion }) => newestVersion)),
    content: textArray(rows.map(({ content }) => content)),
  };
  return ROW_COLUMNS.map(({ name }) => arrays[name]);
}

export interface RecordLocation {
  readonly id: string;
  readonly createdAt: string;
}

/** Where rows are folded: in the tables themselves, or in those of a month that is being restored beside them. */
interface FoldedRelations {
  readonly rows: string;
  readonly ledger: string;
}

/** What a fold needs of an entry. */
interface LedgerRow {
  record_id: string;
  source_version: string;
  content_hash: Buffer;
  actor: string;
  canonical: string;
}

const selectEntries = (ledger: string): string => `
  select entry.record_id, entry.source_version, entry.content_hash, entry.actor, entry.canonical
  from unnest($1::uuid[], $2::timestamptz[]) as wanted (id, created_at)
  join ${quoteIdentifier(ledger)} as entry
    on entry.record_id = wanted.id and entry.created_at = wanted.created_at`;

/** Computes rows from all their ledger entries. The caller holds their locks, so no entry can be missed. */
export async function refold(
  client: pg.ClientBase,
  definition: RecordDefinition,
  locations: readonly RecordLocation[],
  relations: FoldedRelations = { rows: definition.table, ledger: LEDGER_TABLE },
): Promise<void> {
  const { rows } = await client.query<LedgerRow>({
    name: `select-entries-${relations.ledger}`,
    text: selectEntries(relations.ledger),
    values: [locations.map(({ id }) => id), locations.map(({ createdAt }) => createdAt)],
  });
  const byRecord = Map.groupBy(rows, (row) => row.record_id);
  const contents = locations.map(({ id }) => {
    const entries = (byRecord.get(id) ?? []).map((row) => entryOf(definition, row));
    return canonicalContent(definition, foldEntries(definition, entries));
  });
  const isOwnTable = relations.rows === definition.table;
  await client.query({
    name: `refold-${relations.rows}`,
    // The writer may change the table by its function alone; other relations are the owner's.
    text: isOwnTable ? refoldCall(definition) : refoldStatement(definition, relations.rows),
    values: [locations.map(({ id }) => id), locations.map(({ createdAt }) => createdAt), textArray(contents)],
  });
}

function entryOf(definition: RecordDefinition, row: LedgerRow): Entry {
  return {
    sourceVersion: row.source_version,
    contentHash: row.content_hash.toString('hex'),
    actor: row.actor,
    columns: columnsOfContent(definition, row.canonical),
  };
}

/** For records of which nothing was new: their row was not touched, and has the revision of before. */
async function selectRevisions(
  client: pg.ClientBase,
  definition: RecordDefinition,
  rows: readonly RecordLocation[],
): Promise<{ id: string; revision: number }[]> {
  if (rows.length === 0) return [];
  const result = await client.query<{ id: string; revision: number }>({
    name: `select-revisions-${definition.table}`,
    text: `
      select stored.id, stored.revision
      from unnest($1::uuid[], $2::timestamptz[]) as wanted (id, created_at)
      join ${quoteIdentifier(definition.table)} as stored
        on stored.id = wanted.id and stored.created_at = wanted.created_at`,
    values: [rows.map(({ id }) => id), rows.map(({ createdAt }) => createdAt)],
  });
  return result.rows;
}

/** Every record was given a location before anything is written; one without it is a fault of ours. */
function locationOf(locations: ReadonlyMap<string, string>, id: string): string {
  const createdAt = locations.get(id);
  if (createdAt === undefined) throw new Error(`record ${id} has no location although it was just resolved`);
  return createdAt;
}
