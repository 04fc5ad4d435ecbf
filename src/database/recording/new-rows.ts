import type pg from 'pg';

import type { Column, RecordDefinition } from '../../domain/records/definition.ts';
import { observedColumns } from '../../domain/records/definition.ts';
import { quoteIdentifier, quoteLiteral } from '../sql.ts';
import { arrayLiteral } from './array-parameter.ts';
import { LEDGER_COLUMNS, unnest } from './merge-statement.ts';
import type { PreparedObservation } from './prepared-observation.ts';
import { ledgerArrays, valuesOf } from './record-rows.ts';

/** A statement for the columns that a flush carries. */
interface Shape {
  readonly name: string;
  readonly text: string;
  readonly columns: readonly Column[];
}

/** Each is a prepared statement on every connection. Posters of one kind carry the same columns, so there are few. */
const MAX_SHAPES = 32;
/** Key of the statement with every column, for a flush that comes after MAX_SHAPES others. */
const ALL_COLUMNS = '';

const shapesByDefinition = new WeakMap<RecordDefinition, Map<string, Shape>>();

/**
 * The statement that appends one observation each of records that nobody has seen, and makes their rows. There is nothing
 * to merge with and nothing to learn from the answer: this costs the server half of what a merge costs.
 */
export function insertOfRows(
  definition: RecordDefinition,
  prepared: readonly PreparedObservation[],
  locations: ReadonlyMap<string, string>,
): pg.QueryConfig {
  const observations = prepared.map(({ observation }) => observation);
  const { name, text, columns } = shapeOf(definition, prepared);
  return {
    name,
    text,
    values: [
      ...ledgerArrays(prepared, locations),
      arrayLiteral(observations.map(({ createdAtSource }) => createdAtSource)),
      ...columns.map((column) => valuesOf(column, observations)),
    ],
  };
}

/** What the merge would give for the same observations: the first of each record. */
export const FIRST_REVISION = 1;

function shapeOf(definition: RecordDefinition, prepared: readonly PreparedObservation[]): Shape {
  const shapes = shapesByDefinition.get(definition) ?? new Map<string, Shape>();
  shapesByDefinition.set(definition, shapes);
  // A column that no observation carries is left out of the statement.
  const carried = new Set(prepared.flatMap(({ observation }) => Object.keys(observation.columns)));
  const columns = observedColumns(definition).filter(({ name }) => carried.has(name));
  const key = columns.map(({ name }) => name).join(' ');
  const known = shapes.get(key);
  if (known !== undefined) return known;
  return shapes.size < MAX_SHAPES
    ? addShape(definition, shapes, key, columns)
    : (shapes.get(ALL_COLUMNS) ?? addShape(definition, shapes, ALL_COLUMNS, observedColumns(definition)));
}

function addShape(
  definition: RecordDefinition,
  shapes: Map<string, Shape>,
  key: string,
  columns: readonly Column[],
): Shape {
  const name = `insert-${definition.table}-${shapes.size}`;
  const shape = { name, text: insertStatement(definition, columns), columns };
  shapes.set(key, shape);
  return shape;
}

/** Columns of the ledger and of the row may have one name: the ledger's have a prefix. */
const ENTRY_COLUMNS = LEDGER_COLUMNS.map(({ name, type }) => ({ name: `entry_${name}`, type }));

function insertStatement(definition: RecordDefinition, columns: readonly Column[]): string {
  const names = columns.map(({ name }) => quoteIdentifier(name));
  const incoming = [...ENTRY_COLUMNS, { name: 'created_at_source', type: 'text' as const }, ...columns];
  return `
with incoming as materialized (
  ${unnest('incoming', incoming, 1)}
), appended as (
  insert into audit_ledger (table_name, ${LEDGER_COLUMNS.map(({ name }) => name).join(', ')})
  select ${[quoteLiteral(definition.table), ...ENTRY_COLUMNS.map(({ name }) => name)].join(', ')}
  from incoming
)
insert into ${quoteIdentifier(definition.table)} (
  ${['id', 'created_at', 'created_at_source', 'cluster', 'source_version', 'revision', ...names].join(', ')})
select ${['entry_record_id', 'entry_created_at', 'created_at_source', 'entry_cluster', 'entry_source_version'].join(', ')},
  ${[String(FIRST_REVISION), ...names].join(', ')}
from incoming`;
}
