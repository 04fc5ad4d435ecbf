import { quoteIdentifier, quoteLiteral } from '../database/sql.ts';
import { columnsOfContent } from '../domain/canonical-content.ts';
import type { Entry } from '../domain/fold.ts';
import { foldEntries } from '../domain/fold.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import { definitionOf } from '../domain/records/index.ts';
import { archivedTable } from './archive-schema.ts';
import type { Cell, DuckDb } from './duckdb.ts';
import type { Manifest, ManifestPart } from './manifest.ts';
import type { PartCache } from './part-cache.ts';
import { rendered } from './row-text.ts';

/** A question about one record table. Instants are ISO text with six decimals. */
export interface ColdQuestion {
  readonly table: string;
  /** Rows created from the first to before the second. */
  readonly since?: string;
  readonly until?: string;
  /** Columns that must have exactly this text. */
  readonly equal?: Readonly<Record<string, string>>;
  /** By created_at, then id. */
  readonly order: 'asc' | 'desc';
  /** Begin behind this row: where a page before this one ended. */
  readonly after?: { readonly createdAt: string; readonly id: string };
  readonly limit: number;
}

export interface ColdAnswer {
  /** Every value as PostgreSQL's own text of it. */
  readonly rows: readonly Readonly<Record<string, Cell>>[];
  /** Parts that could have rows and could not be read: the answer lacks them, and says so. */
  readonly unreadable: readonly { readonly key: string; readonly reason: string }[];
}

export interface ColdQueryDependencies {
  readonly duckdb: DuckDb;
  readonly cache: PartCache;
}

/**
 * Answers from the archive. Only parts whose range can match are fetched, and of those DuckDB reads only the row groups
 * that can match. A record with rows in several parts is folded from its ledger, as if it had never been parted.
 */
export async function queryArchive(
  { duckdb, cache }: ColdQueryDependencies,
  manifests: readonly Manifest[],
  question: ColdQuestion,
): Promise<ColdAnswer> {
  const unreadable: { key: string; reason: string }[] = [];
  const read = async (parts: readonly ManifestPart[]): Promise<string[]> => {
    const paths: string[] = [];
    for (const part of parts) {
      try {
        paths.push(await cache.fetch(part));
      } catch (error: unknown) {
        unreadable.push({ key: part.key, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    return paths;
  };
  const parts = manifests.flatMap((manifest) => manifest.parts);
  const files = await read(parts.filter((part) => part.table === question.table && canMatch(part, question)));
  if (files.length === 0) return { rows: [], unreadable };
  const keys = await duckdb.rows(selectKeys(files, question));
  if (keys.length === 0) return { rows: [], unreadable };
  const found = await duckdb.rows(selectRows(files, question, keys));
  const parted = keys.filter((row) => row['versions'] !== '1').map((row) => String(row['id']));
  const folded =
    parted.length === 0
      ? new Map<string, Record<string, Cell>>()
      : await foldFromLedger(duckdb, await read(parts.filter(({ table }) => table === 'audit_ledger')), {
          definition: definitionOf(question.table),
          ids: parted,
        });
  const rows = found.map((row) => ({ ...row, ...folded.get(String(row['id'])) }));
  return { rows: rows.filter((row) => stillMatches(row, question)), unreadable };
}

function canMatch({ first, last }: ManifestPart, { since, until }: ColdQuestion): boolean {
  return (since === undefined || last >= since) && (until === undefined || first < until);
}

/** Which records are on the page: of a whole month only the columns of the question are read. */
function selectKeys(files: readonly string[], question: ColdQuestion): string {
  return `
    select created_at::varchar as created_at, id::varchar as id, count(*)::varchar as versions
    from ${parquet(files)}
    where ${conditions(question).join(' and ')}
    group by all_rows.created_at, all_rows.id
    order by all_rows.created_at ${question.order}, all_rows.id ${question.order}
    limit ${Math.trunc(question.limit)}`;
}

/** The rows themselves, from the row groups that the page touches. The newest of several rows of one record stands for it. */
function selectRows(
  files: readonly string[],
  { table, order }: ColdQuestion,
  keys: readonly Readonly<Record<string, Cell>>[],
): string {
  const times = [keys.at(0), keys.at(-1)].map(
    (key) => `${quoteLiteral(String(key?.['created_at']))}::timestamptz`,
  );
  const [from, to] = order === 'asc' ? times : times.reverse();
  const list = archivedTable(table).columns.map((column) => castText(rendered(column), column.name));
  return `
    select ${list.join(', ')}
    from ${parquet(files)}
    where all_rows.created_at >= ${from ?? ''} and all_rows.created_at <= ${to ?? ''}
      and all_rows.id in (${keys.map((key) => `${quoteLiteral(String(key['id']))}::uuid`).join(', ')})
    qualify row_number() over (partition by all_rows.id order by all_rows.source_version desc) = 1
    order by all_rows.created_at ${order}, all_rows.id ${order}`;
}

function parquet(files: readonly string[]): string {
  return `read_parquet([${files.map(quoteLiteral).join(', ')}]) as all_rows`;
}

function castText(expression: string, name: string): string {
  const column = quoteIdentifier(name);
  return expression === column ? `${column}::varchar as ${column}` : expression;
}

function conditions({ table, since, until, equal = {}, order, after }: ColdQuestion): string[] {
  const names = new Set(archivedTable(table).columns.map(({ name }) => name));
  const wanted = Object.entries(equal).map(([name, value]) => {
    if (!names.has(name)) throw new RangeError(`${table} has no column ${name}`);
    return `${quoteIdentifier(name)} = ${quoteLiteral(value)}`;
  });
  const instant = (text: string): string => `${quoteLiteral(text)}::timestamptz`;
  return [
    'true',
    ...wanted,
    ...(since === undefined ? [] : [`created_at >= ${instant(since)}`]),
    ...(until === undefined ? [] : [`created_at < ${instant(until)}`]),
    ...(after === undefined
      ? []
      : [
          `(created_at, id) ${order === 'asc' ? '>' : '<'} (${instant(after.createdAt)}, ${quoteLiteral(after.id)}::uuid)`,
        ]),
  ];
}

interface Parted {
  readonly definition: RecordDefinition;
  readonly ids: readonly string[];
}

async function foldFromLedger(
  duckdb: DuckDb,
  files: readonly string[],
  { definition, ids }: Parted,
): Promise<Map<string, Record<string, Cell>>> {
  if (files.length === 0) return new Map();
  const rows = await duckdb.rows(`
    select distinct record_id::varchar as id, source_version::varchar as version, lower(hex(content_hash)) as hash, canonical
    from read_parquet([${files.map(quoteLiteral).join(', ')}])
    where record_id in (${ids.map((id) => `${quoteLiteral(id)}::uuid`).join(', ')})`);
  const byRecord = Map.groupBy(rows, (row) => String(row['id']));
  return new Map(
    [...byRecord].map(([id, entries]) => [
      id,
      foldedRow(
        definition,
        entries.map((row) => entryOf(definition, row)),
      ),
    ]),
  );
}

function entryOf(definition: RecordDefinition, row: Readonly<Record<string, Cell>>): Entry {
  return {
    sourceVersion: String(row['version']),
    contentHash: String(row['hash']),
    columns: columnsOfContent(definition, String(row['canonical'])),
  };
}

function foldedRow(definition: RecordDefinition, entries: readonly Entry[]): Record<string, Cell> {
  const types = new Map(definition.columns.map(({ name, type }) => [name, type]));
  const values = Object.entries(foldEntries(definition, entries)).map(([name, value]) => [
    name,
    types.get(name) === 'timestamptz' ? sqlInstant(String(value)) : String(value),
  ]);
  return { ...Object.fromEntries(values), revision: String(entries.length) } as Record<string, Cell>;
}

/** As PostgreSQL writes it: without zeros at the end. */
function sqlInstant(instant: string): string {
  const [seconds = '', fraction = ''] = instant.slice(0, -1).replace('T', ' ').split('.');
  const digits = fraction.replace(/0+$/, '');
  return `${seconds}${digits === '' ? '' : `.${digits}`}+00`;
}

/** A condition was put to each row of a record before they were folded into one. */
function stillMatches(row: Readonly<Record<string, Cell>>, { equal = {} }: ColdQuestion): boolean {
  return Object.entries(equal).every(([name, value]) => row[name] === value);
}
