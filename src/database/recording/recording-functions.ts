import type { ColumnType } from '../../domain/column-types.ts';
import { POSTED_KIND } from '../../domain/observation.ts';
import type { Column, RecordDefinition } from '../../domain/records/definition.ts';
import { observedColumns } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { quoteIdentifier, quoteLiteral } from '../sql.ts';

/*
 * The functions by which records are written, derived from the definitions; `migrate` applies them with functions.sql.
 *
 * The writer role has no INSERT and no UPDATE on the ledger and the record tables: it calls these, which run as the owner and set
 * seq, recorded_at, updated_at and revision themselves. The columns of a row come out of the canonical content that the ledger
 * keeps of it, so that an entry and its row are one text, sent once, and cannot differ; however many columns a table has, a
 * function has the same few parameters. plpgsql, because a session then keeps the plans of its statements.
 *
 * For each table, with one array per column of what is written:
 *   audit_insert_TABLE   entries of records that are new, one each, and their rows
 *   audit_merge_TABLE    entries the ledger does not have yet, merged into their rows
 *   audit_refold_TABLE   rows that are folded anew from their entries
 */

/** The columns of a ledger entry that the caller gives, in the order of the parameters; the table is known. */
export const LEDGER_COLUMNS = [
  { name: 'record_id', type: 'uuid' },
  { name: 'created_at', type: 'timestamptz' },
  { name: 'source_version', type: 'bigint' },
  { name: 'content_hash', type: 'bytea' },
  { name: 'observed_at', type: 'timestamptz' },
  { name: 'cluster', type: 'text' },
  { name: 'remediation_uid', type: 'text' },
  { name: 'phase', type: 'text' },
  { name: 'actor', type: 'text' },
  { name: 'canonical', type: 'text' },
  { name: 'salt', type: 'bytea' },
  { name: 'payload_hash', type: 'bytea' },
  { name: 'leaf_hash', type: 'bytea' },
] as const;

/** Beside the entries of a flush: what identifies each row and orders its observations, and what they amount to together. */
export const ROW_COLUMNS = [
  { name: 'id', type: 'uuid' },
  { name: 'created_at', type: 'timestamptz' },
  { name: 'created_at_source', type: 'text' },
  { name: 'cluster', type: 'text' },
  { name: 'source_version', type: 'bigint' },
  /** Null where the flush has one entry of the record: then it is that of the entry. */
  { name: 'content', type: 'text' },
] as const;

/** Of a row that is folded anew. */
const FOLDED_COLUMNS = [
  { name: 'id', type: 'uuid' },
  { name: 'created_at', type: 'timestamptz' },
  { name: 'content', type: 'text' },
] as const;

const INSERTED_COLUMNS = [...LEDGER_COLUMNS, { name: 'created_at_source', type: 'text' }] as const;
const MERGED_COLUMNS = [...LEDGER_COLUMNS, ...ROW_COLUMNS] as const;

type Parameters = readonly { readonly name: string; readonly type: ColumnType | 'bytea' }[];

/** The statement that calls a function; its parameters are the arrays of the function's columns, in their order. */
function callOf(name: string, columns: Parameters, selected = ''): string {
  const list = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
  return selected === '' ? `select ${name}(${list})` : `select ${selected} from ${name}(${list})`;
}

export const insertCall = ({ table }: RecordDefinition): string =>
  callOf(`audit_insert_${table}`, INSERTED_COLUMNS);
export const mergeCall = ({ table }: RecordDefinition): string =>
  callOf(
    `audit_merge_${table}`,
    MERGED_COLUMNS,
    'id, revision, previous_version, was_posted, previous_phase, phase',
  );
export const refoldCall = ({ table }: RecordDefinition): string =>
  callOf(`audit_refold_${table}`, FOLDED_COLUMNS);

/** All of them, as one text of SQL. */
export function recordingFunctions(): string {
  return RECORD_DEFINITIONS.flatMap((definition) => [
    functionOf(`audit_insert_${definition.table}`, INSERTED_COLUMNS, 'void', insertBody(definition)),
    functionOf(
      `audit_merge_${definition.table}`,
      MERGED_COLUMNS,
      'table (id uuid, revision integer, previous_version bigint, was_posted boolean, previous_phase text, phase text)',
      mergeBody(definition),
    ),
    functionOf(
      `audit_refold_${definition.table}`,
      FOLDED_COLUMNS,
      'void',
      refoldStatement(definition, definition.table),
    ),
  ]).join('\n');
}

function functionOf(name: string, columns: Parameters, returns: string, body: string): string {
  const types = columns.map(({ type }) => `${type}[]`).join(', ');
  return `
create or replace function ${name}(${types}) returns ${returns}
language plpgsql
security definer
set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan
as $body$
#variable_conflict use_column
begin
  ${body};
end
$body$;
revoke all on function ${name}(${types}) from public;
grant execute on function ${name}(${types}) to audit_writer;
`;
}

/** There is nothing to merge with and nothing to learn: this costs the server half of what a merge costs. */
function insertBody(definition: RecordDefinition): string {
  const names = namesOf(definition);
  return `with entry as materialized (
    ${unnest('entry', INSERTED_COLUMNS, 1)}
  ), appended as (
    ${appendEntries(definition)}
  )
  insert into ${quoteIdentifier(definition.table)} (
    ${['id', 'created_at', 'created_at_source', 'cluster', 'source_version', 'revision', ...names].join(', ')})
  select entry.record_id, entry.created_at, entry.created_at_source, entry.cluster, entry.source_version, 1,
    ${names.map((name) => `content.${name}`).join(', ')}
  from entry
  cross join lateral ${recordOf('entry.canonical', definition)}`;
}

/**
 * Appends what the ledger does not have yet, then merges what it accepted into the rows. A row whose stored version is not older
 * keeps its columns and only advances version and revision: the caller sees that in `previous_version` and folds it anew from
 * its ledger, while the lock of this statement is still held. So it does with a row of posts (`was_posted`) that a resource comes
 * to: the columns are the resource's then.
 */
function mergeBody(definition: RecordDefinition): string {
  const observed = observedColumns(definition);
  const names = namesOf(definition);
  return `return query
  with entry as materialized (
    ${unnest('entry', LEDGER_COLUMNS, 1)}
  ), appended as (
    ${appendEntries(definition)}
    order by entry.record_id, entry.source_version, entry.content_hash
    on conflict do nothing
    returning record_id
  ), accepted as (
    select appended.record_id, count(*)::integer as observations
    from appended
    group by appended.record_id
  ), incoming as (
    ${unnest('incoming', ROW_COLUMNS, 1 + LEDGER_COLUMNS.length)}
  )
  insert into ${quoteIdentifier(definition.table)} as stored (
    id, created_at, created_at_source, cluster, source_version, ${names.join(', ')}, revision)
  select incoming.id, incoming.created_at, incoming.created_at_source, incoming.cluster, incoming.source_version,
    ${names.map((name) => `content.${name}`).join(', ')}, accepted.observations
  from incoming
  join accepted on accepted.record_id = incoming.id
  left join entry on incoming.content is null and entry.record_id = incoming.id
  cross join lateral ${recordOf('coalesce(incoming.content, entry.canonical)', definition)}
  order by incoming.id
  on conflict (id, created_at) do update set
  ${observed.map((column) => `  ${assignment(column)}`).join(',\n  ')},
    source_version = greatest(excluded.source_version, stored.source_version),
    updated_at = clock_timestamp(),
    revision = stored.revision + excluded.revision
  returning stored.id, stored.revision, old.source_version, old.source_kind = ${quoteLiteral(POSTED_KIND)},
    ${hasPhase(definition) ? 'old.phase, stored.phase' : 'null::text, null::text'}`;
}

function hasPhase(definition: RecordDefinition): boolean {
  return observedColumns(definition).some(({ name }) => name === 'phase');
}

/** Writes the folded columns of rows that are locked. The owner folds relations of other names with it, of a month it restores. */
export function refoldStatement(definition: RecordDefinition, relation: string): string {
  const names = namesOf(definition);
  return `with folded as (
    ${unnest('folded', FOLDED_COLUMNS, 1)}
  )
  update ${quoteIdentifier(relation)} as stored set
    ${names.map((name) => `${name} = content.${name}`).join(', ')}
  from folded
  cross join lateral ${recordOf('folded.content', definition)}
  where stored.id = folded.id
    and stored.created_at = folded.created_at`;
}

function appendEntries({ table }: RecordDefinition): string {
  const names = LEDGER_COLUMNS.map(({ name }) => name);
  return `insert into audit_ledger (table_name, ${names.join(', ')})
    select ${quoteLiteral(table)}, ${names.map((name) => `entry.${name}`).join(', ')}
    from entry`;
}

/** The observed columns that a canonical content holds; json and not jsonb, which would read numbers before their column does. */
export function recordOf(content: string, definition: RecordDefinition): string {
  const columns = observedColumns(definition).map(({ name, type }) => `${quoteIdentifier(name)} ${type}`);
  return `json_to_record(${content}::json) as content (${columns.join(', ')})`;
}

function namesOf(definition: RecordDefinition): string[] {
  return observedColumns(definition).map(({ name }) => quoteIdentifier(name));
}

/** One array parameter per column: a batch of any size has the same number of parameters. */
export function unnest(alias: string, columns: Parameters, first: number): string {
  const selected = columns.map(({ name, type }) =>
    // A JavaScript array for jsonb would be sent as a PostgreSQL array: it travels as text and is cast here.
    type === 'jsonb' ? `${quoteIdentifier(name)}::jsonb as ${quoteIdentifier(name)}` : quoteIdentifier(name),
  );
  const arrays = columns.map(({ type }, index) => `$${first + index}::${type === 'jsonb' ? 'text' : type}[]`);
  return `select ${selected.join(', ')}
    from unnest(${arrays.join(', ')}) as ${alias} (${columns.map(({ name }) => quoteIdentifier(name)).join(', ')})`;
}

/** null never erases a value; an older version never overwrites one. */
function assignment(column: Column): string {
  const name = quoteIdentifier(column.name);
  return `${name} = case when excluded.source_version > stored.source_version
      then ${newerValue(column, name)} else stored.${name} end`;
}

/** By the fold of the column. `rank` never steps back: the word that stands later in the vocabulary stays. */
function newerValue(column: Column, name: string): string {
  switch (column.fold ?? 'newest') {
    case 'newest':
      return `coalesce(excluded.${name}, stored.${name})`;
    case 'earliest':
      return `least(excluded.${name}, stored.${name})`;
    case 'union':
      return `coalesce(stored.${name} || excluded.${name}, excluded.${name}, stored.${name})`;
    case 'rank': {
      const ranks = `array[${(column.vocabulary ?? []).map(quoteLiteral).join(', ')}]`;
      const rank = (side: string): string => `coalesce(array_position(${ranks}, ${side}.${name}), 0)`;
      return `case when ${rank('excluded')} >= ${rank('stored')} then coalesce(excluded.${name}, stored.${name}) else stored.${name} end`;
    }
  }
}
