import { DESCRIBED_TABLES } from '../domain/records/index.ts';
import { SERVICE_TABLES, type ServiceTable } from '../domain/records/service-tables.ts';
import { quoteLiteral } from './sql.ts';

/** What a table or a column means, for whoever reads the schema with SQL; the words of docs/records.md. */
interface SchemaComment {
  readonly table: string;
  /** Of the table itself where it is absent. */
  readonly column?: string;
  readonly text: string;
}

function schemaComments(): readonly SchemaComment[] {
  const services: readonly ServiceTable[] = SERVICE_TABLES;
  return [...DESCRIBED_TABLES, ...services].flatMap(({ table, meaning, columns }) => [
    { table, text: meaning },
    ...columns.map((column) => ({ table, column: column.name, text: column.meaning })),
  ]);
}

/**
 * The statement that comments every table and column of the definitions. `comment on` takes no parameters and no list, so
 * it is put together in the server. What an older schema does not have yet has nothing to be commented.
 */
export function commentStatement(): string {
  return `
do $comments$
declare
  wanted record;
begin
  for wanted in
    select described."table", described."column", described.text
    from json_to_recordset(${quoteLiteral(JSON.stringify(schemaComments()))}) as described ("table" text, "column" text, text text)
    where to_regclass(described."table") is not null
      and (described."column" is null or exists (
        select from pg_attribute
        where attrelid = to_regclass(described."table") and attname = described."column" and not attisdropped))
  loop
    execute case
      when wanted."column" is null then format('comment on table %I is %L', wanted."table", wanted.text)
      else format('comment on column %I.%I is %L', wanted."table", wanted."column", wanted.text)
    end;
  end loop;
end
$comments$`;
}
