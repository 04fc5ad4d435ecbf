import type { ColumnType } from '../../domain/column-types.ts';
import type { Column, RecordDefinition } from '../../domain/records/definition.ts';
import { observedColumns } from '../../domain/records/definition.ts';
import { quoteIdentifier, quoteLiteral } from '../sql.ts';

/** The columns of a ledger entry that the caller gives, in the order of the statement's parameters; the table is known. */
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

/** What identifies a row and orders its observations; passed by the caller beside the observed columns. */
export const ROW_COLUMNS = [
  { name: 'id', type: 'uuid' },
  { name: 'created_at', type: 'timestamptz' },
  { name: 'created_at_source', type: 'text' },
  { name: 'cluster', type: 'text' },
  { name: 'source_version', type: 'bigint' },
] as const;

interface Parameter {
  readonly name: string;
  readonly type: ColumnType | 'bytea';
}

/** Made once per definition: it depends on nothing else, and the text is long. */
const mergeByDefinition = new WeakMap<RecordDefinition, string>();

/** The statement of one table, derived from its definition once. */
export function mergeStatementOf(definition: RecordDefinition): string {
  const known = mergeByDefinition.get(definition);
  if (known !== undefined) return known;
  const statement = mergeStatement(definition);
  mergeByDefinition.set(definition, statement);
  return statement;
}

/**
 * One statement per table and flush: append what the ledger does not have yet, then merge what it accepted into the
 * rows. A row whose stored version is not older keeps its columns and only advances version and revision: the caller
 * sees that in `previous_version` and folds it anew from its ledger, while this statement's lock is still held.
 */
function mergeStatement(definition: RecordDefinition): string {
  const observed = observedColumns(definition);
  const names = [...ROW_COLUMNS, ...observed].map((column) => quoteIdentifier(column.name));
  const ledgerNames = LEDGER_COLUMNS.map((column) => column.name).join(', ');
  return `
with entry as (
  ${unnest('entry', LEDGER_COLUMNS, 1)}
), appended as (
  insert into audit_ledger (table_name, ${ledgerNames})
  select ${quoteLiteral(definition.table)}, ${ledgerNames}
  from entry
  order by record_id, source_version, content_hash
  on conflict do nothing
  returning record_id
), accepted as (
  select record_id, count(*)::integer as observations
  from appended
  group by record_id
), incoming as (
  ${unnest('incoming', [...ROW_COLUMNS, ...observed], 1 + LEDGER_COLUMNS.length)}
)
insert into ${quoteIdentifier(definition.table)} as stored (${names.join(', ')}, revision)
select ${names.map((name) => `incoming.${name}`).join(', ')}, accepted.observations
from incoming
join accepted on accepted.record_id = incoming.id
order by incoming.id
on conflict (id, created_at) do update set
${observed.map((column) => `  ${assignment(column)}`).join(',\n')},
  source_version = greatest(excluded.source_version, stored.source_version),
  updated_at = clock_timestamp(),
  revision = stored.revision + excluded.revision
returning stored.id, stored.revision, old.source_version as previous_version`;
}

/** Writes the folded columns of rows that are locked; parameters as in `incoming`, without the version. */
export function refoldStatement(definition: RecordDefinition, relation: string): string {
  const key = ROW_COLUMNS.slice(0, 2);
  const observed = observedColumns(definition);
  return `
with folded as (
  ${unnest('folded', [...key, ...observed], 1)}
)
update ${quoteIdentifier(relation)} as stored set
${observed.map(({ name }) => `  ${quoteIdentifier(name)} = folded.${quoteIdentifier(name)}`).join(',\n')}
from folded
where stored.id = folded.id
  and stored.created_at = folded.created_at`;
}

/** One array parameter per column: a batch of any size stays clear of the limit on the number of parameters. */
export function unnest(alias: string, columns: readonly Parameter[], first: number): string {
  const selected = columns.map(({ name, type }) =>
    // A JavaScript array for jsonb would be sent as a PostgreSQL array: it travels as text and is cast here.
    type === 'jsonb' ? `${quoteIdentifier(name)}::jsonb as ${quoteIdentifier(name)}` : quoteIdentifier(name),
  );
  const arrays = columns.map(({ type }, index) => `$${first + index}::${type === 'jsonb' ? 'text' : type}[]`);
  return `select ${selected.join(', ')}
  from unnest(${arrays.join(', ')})
    as ${alias} (${columns.map(({ name }) => quoteIdentifier(name)).join(', ')})`;
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
