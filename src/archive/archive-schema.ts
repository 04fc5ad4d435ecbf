import type { ColumnType, RecordDefinition } from '../domain/records/definition.ts';

/** DuckDB's types, which become those of the Parquet file. */
export type ArchiveType = 'VARCHAR' | 'UUID' | 'TIMESTAMPTZ' | 'BIGINT' | 'INTEGER' | 'BOOLEAN';

/**
 * Whatever a native type would change is kept as PostgreSQL's own text: `58 hours` and `2 days 10 hours` must stay
 * different, a numeric has any number of digits, and JSON keeps its lexemes.
 */
const ARCHIVE_TYPES: Readonly<Record<ColumnType, ArchiveType>> = {
  text: 'VARCHAR',
  uuid: 'UUID',
  timestamptz: 'TIMESTAMPTZ',
  interval: 'VARCHAR',
  numeric: 'VARCHAR',
  bigint: 'BIGINT',
  integer: 'INTEGER',
  boolean: 'BOOLEAN',
  jsonb: 'VARCHAR',
  vector: 'VARCHAR',
};

export interface ArchiveColumn {
  readonly name: string;
  readonly type: ArchiveType;
}

/** The columns of a table's archive, in the order of its definition. */
export function archiveSchema(definition: RecordDefinition): readonly ArchiveColumn[] {
  return definition.columns.map(({ name, type }) => ({ name, type: ARCHIVE_TYPES[type] }));
}
