import type { ColumnType } from '../../domain/column-types.ts';
import { columnType } from '../../domain/column-types.ts';
import type { ArchiveType } from '../../domain/column-types/description.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import type { ServiceColumn } from '../../domain/records/service-tables.ts';
import { ACCESS_TABLE, LEDGER_TABLE, SERVICE_TABLES } from '../../domain/records/service-tables.ts';

/** Types that only tables of the service have. */
const SERVICE_ARCHIVE_TYPES: Readonly<Record<Exclude<ServiceColumn['type'], ColumnType>, ArchiveType>> = {
  bytea: 'BLOB',
  date: 'VARCHAR',
};

export interface ArchiveColumn {
  readonly name: string;
  readonly type: ArchiveType;
}

/** One of the tables that a month consists of. */
export interface ArchivedTable {
  readonly table: string;
  readonly columns: readonly ArchiveColumn[];
  /** Columns that order its rows in PostgreSQL and in the file; together they are unique. */
  readonly order: readonly string[];
}

/** The columns of a table's archive, in the order of its definition. */
export function archiveSchema(
  definition: Pick<RecordDefinition, 'columns'> | { readonly columns: readonly ServiceColumn[] },
): readonly ArchiveColumn[] {
  return definition.columns.map(({ name, type }) => ({ name, type: archiveType(type) }));
}

function archiveType(type: ServiceColumn['type']): ArchiveType {
  return type === 'bytea' || type === 'date' ? SERVICE_ARCHIVE_TYPES[type] : columnType(type).archived.as;
}

/** Columns that order the rows of the tables of the service, together unique. */
const SERVICE_ORDER = {
  [LEDGER_TABLE]: ['created_at', 'record_id', 'source_version', 'content_hash'],
  [ACCESS_TABLE]: ['created_at', 'id'],
};

/** The ledger after the records: whoever reads a month back finds the entries of every row he has. */
export const ARCHIVED_TABLES: readonly ArchivedTable[] = [
  ...RECORD_DEFINITIONS.map((definition) => ({
    table: definition.table,
    columns: archiveSchema(definition),
    order: ['created_at', 'id'],
  })),
  ...SERVICE_TABLES.filter((table) => 'partitioned' in table).map((table) => ({
    table: table.table,
    columns: archiveSchema(table),
    order: SERVICE_ORDER[table.table],
  })),
];

/** The table of that name, with the columns of this release; a RangeError when months have no such table. */
export function archivedTable(name: string): ArchivedTable {
  const table = ARCHIVED_TABLES.find((candidate) => candidate.table === name);
  if (table === undefined) {
    const known = ARCHIVED_TABLES.map((candidate) => candidate.table).join(', ');
    throw new RangeError(`${JSON.stringify(name)} is not an archived table; they are ${known}`);
  }
  return table;
}

/** Name of one month's partition, as `audit_create_month` names it. */
export function partitionName(table: string, month: string): string {
  return `${table}_${month.slice(0, 7).replace('-', '_')}`;
}
