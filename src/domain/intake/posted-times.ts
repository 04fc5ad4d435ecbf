import type { JsonValue } from '../json.ts';
import { isJsonObject, parseJson } from '../json.ts';
import type { Column, Columns, RecordDefinition } from '../records/definition.ts';
import { observedColumns } from '../records/definition.ts';

/** All instants that a record carries, in time columns and in the described members of JSON columns, earliest first. */
export function instantsOf(definition: RecordDefinition, columns: Columns): readonly string[] {
  const instants: string[] = [];
  for (const column of timedColumns(definition)) {
    const value = columns[column.name];
    if (typeof value !== 'string') continue;
    const carried = column.members === undefined ? [value] : instantsIn(column.members, parseJson(value));
    for (const instant of carried) instants.push(instant);
  }
  return instants.sort();
}

/** Worked out once for each definition: every post needs them. */
const timedByDefinition = new WeakMap<RecordDefinition, readonly Column[]>();

function timedColumns(definition: RecordDefinition): readonly Column[] {
  const known = timedByDefinition.get(definition);
  if (known !== undefined) return known;
  const timed = observedColumns(definition).filter(
    ({ type, members }) => type === 'timestamptz' || members !== undefined,
  );
  timedByDefinition.set(definition, timed);
  return timed;
}

/** Start of the first element of a JSON column that has one. */
export function firstStart(columns: Columns, name: string): string | undefined {
  const value = columns[name];
  const items = typeof value === 'string' ? parseJson(value) : null;
  const [first] = Array.isArray(items) ? items : [];
  const start = isJsonObject(first) ? first['start_time'] : undefined;
  return typeof start === 'string' ? start : undefined;
}

function instantsIn(members: NonNullable<Column['members']>, value: JsonValue): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => instantsIn(members, item));
  if (!isJsonObject(value)) return [];
  return Object.entries(members).flatMap(([name, type]) => {
    const member = value[name];
    return type === 'timestamptz' && typeof member === 'string' ? [member] : [];
  });
}
