// Takes secrets out of a record before it waits anywhere, by the rules of the service. They stand in the service's own source
// and are bundled when the client is built (ADR 60), so that the two cannot differ. The service redacts what it receives as well:
// clients in other languages send it as it is, and doing it twice gives the same.
//
// In: the JSON text of one record. Out: the same text when nothing in it is secret. What must stay true: the service stores the
// same, whether a record went through here or not.
import type { JsonValue } from '../../../src/domain/json.ts';
import { canonicalJson, isJsonObject, parseJson } from '../../../src/domain/json.ts';
import type { Column, RecordDefinition } from '../../../src/domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../../src/domain/records/index.ts';
import { parseRedactionOptions } from '../../../src/redaction/options.ts';
import type { Redactor } from '../../../src/redaction/redactor.ts';
import { createRedactor } from '../../../src/redaction/redactor.ts';
import type { RecordKind } from './records.ts';

/** Gives the JSON text of a record without its secrets. */
export type RedactRecord = (kind: RecordKind, json: string) => string;

/** With what an installation adds to the rules, the text of its JSON file. Throws with everything that is wrong in it. */
export function createRecordRedaction(rules?: string): RedactRecord {
  const redactor = createRedactor(rules === undefined ? {} : parseRedactionOptions(parseJson(rules)));
  return (kind, json) => {
    const record = parseJson(json);
    const definition = RECORD_DEFINITIONS.find((candidate) => candidate.kind === kind);
    // The service will refuse it, and nothing of it may stay on the disk.
    if (definition === undefined || !isJsonObject(record))
      return canonicalJson(redactor.redactJson(record).value);
    return redactMembers(Object.entries(record), definition, redactor) ?? json;
  };
}

type Member = readonly [name: string, value: JsonValue];

/** Each member as the service will, by the column it is for; undefined when none of them has changed. */
function redactMembers(
  members: readonly Member[],
  definition: RecordDefinition,
  redactor: Redactor,
): string | undefined {
  const places = placesOf(members, definition);
  const extra = canonicalJson(Object.fromEntries(places.others));
  const columns = Object.fromEntries(places.columns.map(({ column, text }) => [column.name, text]));
  const { value, counts } = redactor.redactColumns(definition, { ...columns, extra });
  const scalars = places.scalars.map(([name, text]) => ({ name, ...redactor.redactText(text) }));
  if ([counts, ...scalars.map((scalar) => scalar.counts)].every((kinds) => Object.keys(kinds).length === 0))
    return undefined;
  const others = parseJson(String(value['extra']));
  return canonicalJson(
    Object.fromEntries([
      ...(isJsonObject(others) ? Object.entries(others) : []),
      ...places.plain,
      ...scalars.map((scalar): Member => [scalar.name, scalar.value]),
      ...places.columns.map(({ name, column }): Member => {
        const text = String(value[column.name]);
        return [name, column.type === 'jsonb' ? parseJson(text) : text];
      }),
    ]),
  );
}

/** How each member of a record is redacted. */
interface Places {
  /** As a column of the table. */
  readonly columns: { readonly name: string; readonly column: Column; readonly text: string }[];
  /** Text where the service expects none: it refuses what is no time or number, and the refused record is kept. */
  readonly scalars: [name: string, text: string][];
  /** Numbers, switches and what is absent. */
  readonly plain: Member[];
  /** By its name alone, as the service does with what has no column. */
  readonly others: Member[];
}

function placesOf(members: readonly Member[], definition: RecordDefinition): Places {
  const places: Places = { columns: [], scalars: [], plain: [], others: [] };
  const taken = new Set<Column>();
  for (const [name, value] of members) {
    const column = columnOf(name, definition);
    const text = column === undefined || taken.has(column) ? undefined : columnText(column, value);
    if (column !== undefined && text !== undefined) {
      taken.add(column);
      places.columns.push({ name, column, text });
    } else if (column === undefined || (typeof value === 'object' && value !== null)) {
      places.others.push([name, value]);
    } else if (typeof value === 'string') places.scalars.push([name, value]);
    else places.plain.push([name, value]);
  }
  return places;
}

/** `extra` is given apart: it may hold what is also posted beside it. */
function columnOf(name: string, { columns }: RecordDefinition): Column | undefined {
  if (name === 'extra') return undefined;
  return columns.find((column) => column.name === name || column.aliases?.includes(name) === true);
}

/** As a column travels; undefined for a type that holds no secrets, and for a value that is not of the type. */
function columnText({ type }: Column, value: JsonValue): string | undefined {
  if (type === 'jsonb') return canonicalJson(value);
  return type === 'text' && typeof value === 'string' ? value : undefined;
}
