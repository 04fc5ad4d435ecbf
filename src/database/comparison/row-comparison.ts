import type pg from 'pg';

import { canonicalContent } from '../../domain/canonical-content.ts';
import { reasonOf } from '../../domain/errors.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { observedColumns } from '../../domain/records/definition.ts';
import { arrayLiteral, textArray } from '../recording/array-parameter.ts';
import { recordOf, unnest } from '../recording/recording-functions.ts';
import { quoteIdentifier, quoteLiteral } from '../sql.ts';
import { classifyError } from '../sqlstate.ts';
import type { ComparedMonth, Difference } from './compared-month.ts';
import type { FoldedRecord } from './fold-stream.ts';

/** What is compared besides the columns that observations carry. */
const ROW_COLUMNS = [
  { name: 'id', type: 'uuid' },
  { name: 'created_at', type: 'timestamptz' },
  { name: 'cluster', type: 'text' },
  { name: 'source_version', type: 'bigint' },
  { name: 'revision', type: 'integer' },
  { name: 'content', type: 'text' },
] as const;

/** Beside those of the content. */
const COMPARED_COLUMNS = ['cluster', 'source_version', 'revision'] as const;

const BATCH_RECORDS = 500;
/** Characters in the columns of one batch, unless a single record has more. */
const BATCH_SIZE = 4 * 1024 * 1024;

interface Batch {
  readonly records: FoldedRecord[];
  size: number;
}

/** A record that differs. Columns are null where there is no row. */
interface ComparedRow {
  id: string;
  columns: string[] | null;
  /** What of its location is another one. */
  location: string | null;
  /** Entries that were left behind where posts had put their record; the row is elsewhere. */
  is_moved: boolean;
}

/** Gathers folded records per table, and lets PostgreSQL compare them with their rows and locations, many at once. */
export class RowComparison {
  readonly #client: pg.ClientBase;
  readonly #month: ComparedMonth;
  readonly #note: (difference: Difference) => void;
  readonly #batches = new Map<RecordDefinition, Batch>();
  readonly #statements = new Map<RecordDefinition, string>();
  readonly #rows = new Map<string, number>();

  constructor(client: pg.ClientBase, month: ComparedMonth, note: (difference: Difference) => void) {
    this.#client = client;
    this.#month = month;
    this.#note = note;
  }

  async add(record: FoldedRecord): Promise<void> {
    const batch = this.#batches.get(record.definition) ?? { records: [], size: 0 };
    this.#batches.set(record.definition, batch);
    batch.records.push(record);
    for (const value of Object.values(record.columns)) batch.size += String(value).length;
    if (batch.records.length >= BATCH_RECORDS || batch.size >= BATCH_SIZE)
      await this.#flush(record.definition);
  }

  async end(): Promise<void> {
    for (const definition of this.#batches.keys()) await this.#flush(definition);
  }

  /** Rows that were found for the records of a table. */
  rowsOf(table: string): number {
    return this.#rows.get(table) ?? 0;
  }

  async #flush(definition: RecordDefinition): Promise<void> {
    const records = this.#batches.get(definition)?.records ?? [];
    this.#batches.delete(definition);
    if (records.length > 0) await this.#compare(definition, records);
  }

  /** An entry may hold what its column does not take: then halves are compared, and in the end it is named. */
  async #compare(definition: RecordDefinition, records: readonly FoldedRecord[]): Promise<void> {
    await this.#client.query('savepoint comparison');
    try {
      const { rows } = await this.#client.query<ComparedRow>({
        text: this.#statementOf(definition),
        values: parametersOf(definition, records),
      });
      await this.#client.query('release savepoint comparison');
      this.#report(definition, records, rows);
    } catch (error: unknown) {
      const [first] = records;
      if (!isOfValue(error) || first === undefined) throw error;
      await this.#client.query('rollback to savepoint comparison');
      if (records.length > 1) {
        const middle = Math.ceil(records.length / 2);
        await this.#compare(definition, records.slice(0, middle));
        await this.#compare(definition, records.slice(middle));
        return;
      }
      this.#noteOf(definition, first.id, 'audit_ledger.canonical', `no row can hold it: ${reasonOf(error)}`);
    }
  }

  #report(
    definition: RecordDefinition,
    records: readonly FoldedRecord[],
    rows: readonly ComparedRow[],
  ): void {
    const missing = rows.filter(({ columns }) => columns === null).length;
    const { table } = definition;
    this.#rows.set(table, this.rowsOf(table) + records.length - missing);
    for (const { id, columns, location, is_moved: isMoved } of rows) {
      if (isMoved)
        this.#noteOf(definition, id, 'record_move.entries', 'these entries are not those that moved');
      else if (columns === null)
        this.#noteOf(definition, id, 'id', 'the ledger has entries, and there is no row');
      for (const column of columns ?? [])
        this.#noteOf(definition, id, column, 'the row is not what its ledger entries amount to');
      if (location !== null && !isMoved)
        this.#noteOf(definition, id, `record_home.${location}`, 'it is not that of the entries');
    }
  }

  #noteOf({ table }: RecordDefinition, id: string, column: string, detail: string): void {
    this.#note({ table, id, column, detail });
  }

  #statementOf(definition: RecordDefinition): string {
    const known = this.#statements.get(definition);
    if (known !== undefined) return known;
    const statement = compareStatement(definition, this.#month);
    this.#statements.set(definition, statement);
    return statement;
  }
}

/** Whether a value is at fault, and neither the connection nor the schema. */
function isOfValue(error: unknown): boolean {
  return ['poison', 'repairable'].includes(classifyError(error));
}

/** Answers the records that differ: in which columns, and whether their location is another one. */
function compareStatement(definition: RecordDefinition, month: ComparedMonth): string {
  const relation = month.rows.get(definition.table)?.relation ?? quoteIdentifier(definition.table);
  const names = [...COMPARED_COLUMNS, ...observedColumns(definition).map(({ name }) => name)];
  const content = observedColumns(definition).map(({ name }) => `content.${quoteIdentifier(name)}`);
  const all = (alias: string): string => names.map((name) => `${alias}.${quoteIdentifier(name)}`).join(', ');
  const differing = names.map(
    (name) =>
      `case when stored.${quoteIdentifier(name)} is distinct from folded.${quoteIdentifier(name)} then ${quoteLiteral(name)} end`,
  );
  return `
with given as (
  ${unnest('given', ROW_COLUMNS, 1)}
), folded as materialized (
  select given.id, given.created_at, ${COMPARED_COLUMNS.map((name) => `given.${name}`).join(', ')}, ${content.join(', ')}
  from given
  cross join lateral ${recordOf('given.content', definition)}
)
select folded.id,
  case when stored.id is not null then array_remove(array[${differing.join(',\n    ')}], null) end as columns,
  case when location.id is null then 'id'
    when location.table_name <> ${quoteLiteral(definition.table)} then 'table_name'
    when location.created_at <> folded.created_at then 'created_at' end as location,
  moved.id is not null as is_moved
from folded
left join ${relation} as stored
  on stored.id = folded.id and stored.created_at = folded.created_at and ${month.within('stored')}
left join record_home as location on location.id = folded.id
left join record_move as moved
  on stored.id is null and moved.id = folded.id and moved.from_created_at = folded.created_at
where case when moved.id is not null
  -- Where something was left behind in the archive, entries may be here that were not there to be moved.
  then moved.to_created_at is distinct from location.created_at
    or moved.entries > folded.revision
    or (moved.entries < folded.revision and not moved.left_behind)
  else stored.id is null
    or location.id is null
    or (location.table_name, location.created_at) <> (${quoteLiteral(definition.table)}, folded.created_at)
    or row(${all('stored')}) is distinct from row(${all('folded')}) end`;
}

function parametersOf(
  definition: RecordDefinition,
  records: readonly FoldedRecord[],
): readonly (string | Buffer)[] {
  return [
    arrayLiteral(records.map(({ id }) => id)),
    arrayLiteral(records.map(({ createdAt }) => createdAt)),
    arrayLiteral(records.map(({ cluster }) => cluster)),
    arrayLiteral(records.map(({ sourceVersion }) => sourceVersion)),
    arrayLiteral(records.map(({ entries }) => String(entries))),
    textArray(records.map(({ columns }) => canonicalContent(definition, columns))),
  ];
}
