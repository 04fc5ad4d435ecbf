import type pg from 'pg';

import { columnsOfContent } from '../domain/canonical-content.ts';
import type { Entry } from '../domain/fold.ts';
import { compareEntries, foldEntries } from '../domain/fold.ts';
import type { Columns, RecordDefinition } from '../domain/records/definition.ts';
import { observedColumns } from '../domain/records/definition.ts';
import { drawSalts, sealEntry } from '../identity/ledger-entry.ts';
import { LEDGER_COLUMNS, ROW_COLUMNS, statementsOf } from './merge-statement.ts';
import type { PreparedObservation } from './prepared-observation.ts';
import { quoteIdentifier } from './sql.ts';

/** The observations of one record in one flush, folded: PostgreSQL refuses one key twice in one upsert. */
interface IncomingRow {
  readonly id: string;
  readonly createdAt: string;
  readonly createdAtSource: string;
  readonly cluster: string;
  readonly oldestVersion: bigint;
  readonly newestVersion: string;
  readonly columns: Columns;
}

interface MergedRow {
  id: string;
  revision: number;
  previous_version: string | null;
}

/**
 * Appends the observations of one table to the ledger and merges them into their rows. Returns the revision of every
 * record. Keys are sorted in every statement, so that two writers take their locks in one order.
 */
export async function mergeRows(
  client: pg.ClientBase,
  definition: RecordDefinition,
  prepared: readonly PreparedObservation[],
  homes: ReadonlyMap<string, string>,
): Promise<Map<string, number>> {
  const rows = foldPerRecord(definition, prepared, homes);
  const merged = await client.query<MergedRow>({
    name: `merge-${definition.table}`,
    text: statementsOf(definition).merge,
    values: [...ledgerArrays(prepared, homes), ...rowArrays(definition, rows)],
  });
  const oldest = new Map(rows.map((row) => [row.id, row.oldestVersion]));
  const late = merged.rows.filter((row) => isLate(row, oldest.get(row.id)));
  if (late.length > 0)
    await refold(
      client,
      definition,
      late.map(({ id }) => ({ id, createdAt: homeOf(homes, id) })),
    );

  const revisions = new Map(merged.rows.map((row) => [row.id, row.revision]));
  const repeated = rows.filter(({ id }) => !revisions.has(id));
  for (const row of await selectRevisions(client, definition, repeated)) revisions.set(row.id, row.revision);
  return revisions;
}

/** The row had already seen a version as new as the oldest one that came: arrival was out of order. */
function isLate(merged: MergedRow, oldestVersion: bigint | undefined): boolean {
  if (merged.previous_version === null || oldestVersion === undefined) return false;
  return BigInt(merged.previous_version) >= oldestVersion;
}

function foldPerRecord(
  definition: RecordDefinition,
  prepared: readonly PreparedObservation[],
  homes: ReadonlyMap<string, string>,
): IncomingRow[] {
  const byRecord = Map.groupBy(prepared, ({ id }) => id);
  return [...byRecord].map(([id, observations]) => {
    const [first, ...others] = observations;
    if (first === undefined) throw new RangeError('an empty group');
    const { createdAtSource, cluster } = first.observation;
    const place = { id, createdAt: homeOf(homes, id), createdAtSource, cluster };
    // Nearly every flush holds one observation of a record, and the fold of one is itself.
    return { ...place, ...(others.length === 0 ? foldOfOne(first) : foldOfMany(definition, observations)) };
  });
}

type Folded = Pick<IncomingRow, 'oldestVersion' | 'newestVersion' | 'columns'>;

function foldOfOne({ observation }: PreparedObservation): Folded {
  const { sourceVersion, columns } = observation;
  return { oldestVersion: BigInt(sourceVersion), newestVersion: sourceVersion, columns };
}

function foldOfMany(definition: RecordDefinition, observations: readonly PreparedObservation[]): Folded {
  const entries = observations.map(asEntry).sort(compareEntries);
  return {
    oldestVersion: BigInt(entries[0]?.sourceVersion ?? 0),
    newestVersion: entries.at(-1)?.sourceVersion ?? '0',
    columns: foldEntries(definition, entries),
  };
}

function asEntry({ observation, content }: PreparedObservation): Entry {
  return {
    sourceVersion: observation.sourceVersion,
    contentHash: content.contentHash.toString('hex'),
    columns: observation.columns,
  };
}

function ledgerArrays(
  prepared: readonly PreparedObservation[],
  homes: ReadonlyMap<string, string>,
): unknown[][] {
  const salts = drawSalts(prepared.length);
  const entries = prepared.map(({ observation, content, id }, index) => {
    const salt = salts[index] ?? noSalt(id);
    const createdAt = homeOf(homes, id);
    const seal = sealEntry(observation, content, { id, createdAt, salt });
    return {
      record_id: id,
      created_at: createdAt,
      source_version: observation.sourceVersion,
      content_hash: content.contentHash,
      observed_at: observation.observedAt,
      table_name: observation.table,
      cluster: observation.cluster,
      remediation_uid: observation.columns['remediation_uid'] ?? null,
      phase: observation.phase,
      actor: observation.actor,
      canonical: content.canonical,
      salt,
      payload_hash: seal.payloadHash,
      leaf_hash: seal.leafHash,
    };
  });
  return LEDGER_COLUMNS.map(({ name }) => entries.map((entry) => entry[name]));
}

function noSalt(id: string): never {
  throw new Error(`no salt was drawn for record ${id}`);
}

function rowArrays(definition: RecordDefinition, rows: readonly IncomingRow[]): unknown[][] {
  const placed = rows.map((row) => ({
    id: row.id,
    created_at: row.createdAt,
    created_at_source: row.createdAtSource,
    cluster: row.cluster,
    source_version: row.newestVersion,
  }));
  return [
    ...ROW_COLUMNS.map(({ name }) => placed.map((row) => row[name])),
    ...observedColumns(definition).map(({ name }) => valuesOf(name, rows)),
  ];
}

/** The values of one column; none at all where nobody knows it: unnest fills up with NULL, and there is less to send. */
function valuesOf(name: string, rows: readonly { readonly columns: Columns }[]): (string | boolean | null)[] {
  const values = rows.map((row) => row.columns[name] ?? null);
  return values.some((value) => value !== null) ? values : [];
}

interface Home {
  readonly id: string;
  readonly createdAt: string;
}

interface LedgerRow {
  record_id: string;
  source_version: string;
  content_hash: Buffer;
  canonical: string;
}

const SELECT_ENTRIES = `
  select entry.record_id, entry.source_version, entry.content_hash, entry.canonical
  from unnest($1::uuid[], $2::timestamptz[]) as wanted (id, created_at)
  join audit_ledger as entry
    on entry.record_id = wanted.id and entry.created_at = wanted.created_at`;

/** Computes rows from their whole ledger. The merge before it holds their locks, so no entry can be missed. */
async function refold(
  client: pg.ClientBase,
  definition: RecordDefinition,
  homes: readonly Home[],
): Promise<void> {
  const { rows } = await client.query<LedgerRow>({
    name: 'select-entries',
    text: SELECT_ENTRIES,
    values: [homes.map(({ id }) => id), homes.map(({ createdAt }) => createdAt)],
  });
  const byRecord = Map.groupBy(rows, (row) => row.record_id);
  const folded = homes.map(({ id, createdAt }) => ({
    id,
    createdAt,
    columns: foldEntries(
      definition,
      (byRecord.get(id) ?? []).map((row) => entryOf(definition, row)),
    ),
  }));
  await client.query({
    name: `refold-${definition.table}`,
    text: statementsOf(definition).refold,
    values: [
      folded.map(({ id }) => id),
      folded.map(({ createdAt }) => createdAt),
      ...observedColumns(definition).map(({ name }) => valuesOf(name, folded)),
    ],
  });
}

function entryOf(definition: RecordDefinition, row: LedgerRow): Entry {
  return {
    sourceVersion: row.source_version,
    contentHash: row.content_hash.toString('hex'),
    columns: columnsOfContent(definition, row.canonical),
  };
}

async function selectRevisions(
  client: pg.ClientBase,
  definition: RecordDefinition,
  rows: readonly Home[],
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

function homeOf(homes: ReadonlyMap<string, string>, id: string): string {
  const home = homes.get(id);
  if (home === undefined) throw new Error(`record ${id} has no home although one was just settled`);
  return home;
}
