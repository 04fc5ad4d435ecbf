import { createHash } from 'node:crypto';

import type pg from 'pg';

import { inTransaction } from '../../src/database/pool.ts';
import { quoteIdentifier } from '../../src/database/sql.ts';
import { columnsOfContent } from '../../src/domain/canonical-content.ts';
import { foldEntries } from '../../src/domain/fold.ts';
import { instantFromSql } from '../../src/domain/instant.ts';
import { canonicalJson, parseJson } from '../../src/domain/json.ts';
import type { AuditPhase, Observation } from '../../src/domain/observation.ts';
import type { Columns, RecordDefinition } from '../../src/domain/records/definition.ts';
import { observedColumns } from '../../src/domain/records/definition.ts';
import { definitionOf, RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { contentOf, recordId, sealEntry } from '../../src/identity/identities.ts';

/** Identifies one entry of the ledger. */
export type EntryKey = `${string}/${string}/${string}`;

interface LedgerRow {
  record_id: string;
  created_at: string;
  source_version: string;
  content_hash: Buffer;
  canonical: string;
  observed_at: string;
  table: string;
  cluster: string;
  phase: AuditPhase;
  actor: string;
  salt: Buffer;
  leaf_hash: Buffer;
}

type RecordRow = Readonly<Record<string, string | number | boolean | null>>;

export interface StoredState {
  /** Entries of the ledger, each once or more if it is there twice. */
  readonly entries: readonly EntryKey[];
  /** What should not be, in words: a row that is not the fold of its entries, one without the other, anything twice. */
  readonly contradictions: readonly string[];
}

/** The key that the ledger entry of an observation has. */
export function entryKeyOf(observation: Observation): EntryKey {
  const { table, cluster, key, sourceVersion } = observation;
  const { contentHash } = contentOf(definitionOf(table), observation);
  return `${recordId(table, cluster, key)}/${sourceVersion}/${contentHash.toString('hex')}`;
}

/** Reads homes, rows and ledger as of one moment and holds them against each other. Writers may go on meanwhile. */
export async function inspectRecords(pool: pg.Pool): Promise<StoredState> {
  return inTransaction(pool, async (client) => {
    await client.query('set transaction isolation level repeatable read');
    // What was moved stands there twice; the copy at the record's location counts.
    const ledger = await client.query<LedgerRow>(`
      select record_id, created_at, source_version, content_hash, canonical, observed_at, table_name as table, cluster, phase,
        actor, salt, leaf_hash
      from audit_ledger as entry
      where not exists (
        select from record_move as move
        where move.id = entry.record_id and move.from_created_at = entry.created_at
      )`);
    const homes = await client.query<{ id: string; table_name: string; created_at: string }>(
      'select id, table_name, created_at from record_home',
    );
    const entries = Map.groupBy(ledger.rows, (row) => row.record_id);
    const contradictions: string[] = [];
    for (const definition of RECORD_DEFINITIONS) {
      const rows = await selectRows(client, definition);
      const own = homes.rows.filter((home) => home.table_name === definition.table);
      const ids = new Set([...own.map(({ id }) => id), ...rows.keys()]);
      for (const id of ids) {
        const found = { rows: rows.get(id) ?? [], entries: entries.get(id) ?? [] };
        const home = own.find((candidate) => candidate.id === id)?.created_at;
        for (const fault of contradictionsOf(definition, found, home))
          contradictions.push(`${definition.table} ${id}: ${fault}`);
        entries.delete(id);
      }
    }
    contradictions.push(...[...entries.keys()].map((id) => `ledger ${id}: entries without home and row`));
    return { entries: ledger.rows.map(keyOfRow), contradictions };
  });
}

async function selectRows(
  client: pg.ClientBase,
  definition: RecordDefinition,
): Promise<Map<string, RecordRow[]>> {
  const columns = definition.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const { rows } = await client.query<RecordRow>(
    `select ${columns} from ${quoteIdentifier(definition.table)}`,
  );
  return Map.groupBy(rows, (row) => String(row['id']));
}

interface Found {
  readonly rows: readonly RecordRow[];
  readonly entries: readonly LedgerRow[];
}

function contradictionsOf(definition: RecordDefinition, found: Found, home: string | undefined): string[] {
  const { rows, entries } = found;
  const [row] = rows;
  if (rows.length !== 1 || row === undefined) return [`${rows.length} rows, ${entries.length} entries`];
  if (entries.length === 0) return ['a row without entries'];
  const folded = foldEntries(
    definition,
    entries.map((entry) => ({
      sourceVersion: entry.source_version,
      contentHash: entry.content_hash.toString('hex'),
      actor: entry.actor,
      columns: columnsOfContent(definition, entry.canonical),
    })),
  );
  const newest = entries.map((entry) => BigInt(entry.source_version)).reduce((a, b) => (a > b ? a : b));
  const places = new Set([String(row['created_at']), home, ...entries.map((entry) => entry.created_at)]);
  return [
    ...(places.size === 1 ? [] : [`lives in several places: ${[...places].join(', ')}`]),
    ...(new Set(entries.map(keyOfRow)).size === entries.length ? [] : ['an entry is there twice']),
    ...entries.filter((entry) => !isHashed(entry)).map((entry) => `hash of ${entry.canonical} is wrong`),
    ...entries
      .filter((entry) => !isSealed(definition, entry))
      .map((entry) => `leaf of ${entry.canonical} is wrong`),
    ...differences({ revision: String(entries.length), source_version: String(newest) }, row),
    ...differences(folded, storedColumns(definition, row)),
  ];
}

/** What differs between an expectation and what was found, in either direction for columns of the fold. */
function differences(expected: Columns, found: RecordRow): string[] {
  const names =
    'revision' in expected ? Object.keys(expected) : [...Object.keys(found), ...Object.keys(expected)];
  return [...new Set(names)]
    .filter((name) => String(found[name]) !== String(expected[name]))
    .map((name) => `${name} is ${String(found[name])}, of its entries follows ${String(expected[name])}`);
}

/** The columns of a row as observations have them. */
export function storedColumns(definition: RecordDefinition, row: RecordRow): Columns {
  const stored: Record<string, string | boolean> = {};
  for (const { name, type } of observedColumns(definition)) {
    const value = row[name] ?? null;
    if (value === null) continue;
    if (type === 'timestamptz') stored[name] = instantFromSql(String(value));
    else if (type === 'jsonb') stored[name] = canonicalJson(parseJson(String(value)));
    else stored[name] = typeof value === 'boolean' ? value : String(value);
  }
  return stored;
}

function keyOfRow(row: LedgerRow): EntryKey {
  return `${row.record_id}/${row.source_version}/${row.content_hash.toString('hex')}`;
}

function isHashed({ canonical, content_hash }: LedgerRow): boolean {
  return createHash('sha256').update(canonical).digest().equals(content_hash);
}

/** Whether the leaf commits to the entry where it is. */
function isSealed(definition: RecordDefinition, entry: LedgerRow): boolean {
  const columns = columnsOfContent(definition, entry.canonical);
  const { table, cluster, phase, actor, canonical, salt } = entry;
  const observation: Observation = {
    ...{ table, cluster, phase, actor, columns, key: '', sourceVersion: entry.source_version },
    ...{ createdAt: '', createdAtSource: 'resource', observedAt: instantFromSql(entry.observed_at) },
  };
  const seal = sealEntry(
    observation,
    { canonical, contentHash: entry.content_hash },
    { id: entry.record_id, createdAt: instantFromSql(entry.created_at), salt },
  );
  return seal.leafHash.equals(entry.leaf_hash);
}
