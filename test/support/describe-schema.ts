import type pg from 'pg';

const TABLES = `
  select class.oid::regclass::text as name, class.relkind = 'p' as partitioned,
    pg_get_partkeydef(class.oid) as partition_key, class.relacl::text[] as privileges
  from pg_class as class
  where class.relnamespace = 'public'::regnamespace
    and class.relkind in ('r', 'p')
    and not class.relispartition
  order by class.relname`;

const VIEWS = `
  select class.oid::regclass::text as name, pg_get_viewdef(class.oid) as definition, class.relacl::text[] as privileges
  from pg_class as class
  where class.relnamespace = 'public'::regnamespace
    and class.relkind = 'v'
  order by class.relname`;

const COLUMNS = `
  select attribute.attrelid::regclass::text as "table", attribute.attname as name,
    format_type(attribute.atttypid, attribute.atttypmod) as type, attribute.attnotnull as not_null,
    pg_get_expr(default_value.adbin, default_value.adrelid) as default
  from pg_attribute as attribute
  join pg_class as class on class.oid = attribute.attrelid
  left join pg_attrdef as default_value
    on default_value.adrelid = attribute.attrelid and default_value.adnum = attribute.attnum
  where class.relnamespace = 'public'::regnamespace
    and class.relkind in ('r', 'p')
    and not class.relispartition
    and attribute.attnum > 0
    and not attribute.attisdropped
  order by class.relname, attribute.attnum`;

const DETAILS = `
  select class.oid::regclass::text as "table", 'constraint ' || conname || ' ' || pg_get_constraintdef(pg_constraint.oid) as definition
  from pg_constraint
  join pg_class as class on class.oid = conrelid
  where class.relnamespace = 'public'::regnamespace and not class.relispartition and contype <> 'n'
  union all
  select class.oid::regclass::text, pg_get_indexdef(indexrelid)
  from pg_index
  join pg_class as class on class.oid = indrelid
  where class.relnamespace = 'public'::regnamespace and not class.relispartition and not indisprimary
  union all
  select class.oid::regclass::text, pg_get_triggerdef(pg_trigger.oid)
  from pg_trigger
  join pg_class as class on class.oid = tgrelid
  where class.relnamespace = 'public'::regnamespace and not class.relispartition and not tgisinternal
  order by 1, 2`;

const FUNCTIONS = `
  select pg_get_functiondef(pg_proc.oid) as definition, proacl::text[] as privileges
  from pg_proc
  where pronamespace = 'public'::regnamespace
    and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
  order by proname`;

interface TableRow {
  name: string;
  partitioned: boolean;
  partition_key: string | null;
  privileges: string[] | null;
}
interface ColumnRow {
  table: string;
  name: string;
  type: string;
  not_null: boolean;
  default: string | null;
}
interface DetailRow {
  table: string;
  definition: string;
}

interface ViewRow {
  name: string;
  definition: string;
  privileges: string[] | null;
}

export interface CatalogueColumn {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
}

/** The columns of every table as the catalogue has them. */
export async function readCatalogue(pool: pg.Pool): Promise<ReadonlyMap<string, readonly CatalogueColumn[]>> {
  const { rows } = await pool.query<ColumnRow>(COLUMNS);
  const byTable = Map.groupBy(rows, (row) => row.table);
  return new Map(
    [...byTable].map(([table, columns]) => [
      table,
      columns.map(({ name, type, not_null }) => ({ name, type, notNull: not_null })),
    ]),
  );
}

/** The migrated schema as text, so that a change of it is seen in review. Partitions come and go and are left out. */
export async function describeSchema(pool: pg.Pool): Promise<string> {
  const tables = await pool.query<TableRow>(TABLES);
  const columns = Map.groupBy((await pool.query<ColumnRow>(COLUMNS)).rows, (row) => row.table);
  const details = Map.groupBy((await pool.query<DetailRow>(DETAILS)).rows, (row) => row.table);
  const views = await pool.query<ViewRow>(VIEWS);
  const functions = await pool.query<{ definition: string; privileges: string[] | null }>(FUNCTIONS);
  const parts = [
    ...tables.rows.map((table) =>
      describeTable(table, columns.get(table.name) ?? [], details.get(table.name) ?? []),
    ),
    ...views.rows.map(
      ({ name, definition, privileges }) =>
        `create view ${name} as\n${definition}\n${privilegeLines(privileges)}`,
    ),
    ...functions.rows.map(
      ({ definition, privileges }) => `${definition.trimEnd()};\n${privilegeLines(privileges)}`,
    ),
  ];
  return `-- Written by \`npm run schema:dump\` from a migrated database. Do not edit.\n\n${parts.join('\n')}`;
}

function describeTable(
  table: TableRow,
  columns: readonly ColumnRow[],
  details: readonly DetailRow[],
): string {
  const lines = columns.map(
    (column) =>
      `  ${column.name} ${column.type}${column.not_null ? ' not null' : ''}${column.default === null ? '' : ` default ${column.default}`}`,
  );
  const partition = table.partitioned ? ` partition by ${table.partition_key ?? ''}` : '';
  const rest = details.map(({ definition }) => `${definition};\n`).join('');
  return `create table ${table.name} (\n${lines.join(',\n')}\n)${partition};\n${rest}${privilegeLines(table.privileges)}`;
}

function privilegeLines(privileges: readonly string[] | null): string {
  return [...(privileges ?? [])]
    .sort()
    .map((privilege) => `-- privilege ${privilege}\n`)
    .join('');
}
