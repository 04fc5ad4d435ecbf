import type { LedgerEntry } from '../../database/reading/record-history.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { canonicalJson, isJsonObject, parseJson } from '../../domain/json.ts';

/** What one field of one record was and became. */
export interface Change {
  /** Column, or member of a JSON column: `extra.message`. */
  readonly field: string;
  readonly from: JsonValue;
  readonly to: JsonValue;
}

/** What is known of a record so far, by field. */
export type RecordState = Record<string, JsonValue>;

/** What a state changed in one record. */
export interface RecordChange {
  readonly table: string;
  readonly phase: string;
  /** All that is known of the record after it, for names in the sentence. */
  readonly state: Readonly<RecordState>;
  readonly changes: readonly Change[];
}

/** Whose record it is, and where it comes from: no event of a remediation. */
const BOOKKEEPING =
  /^(?:id|client_id|remediation_id|remediation_uid|namespace|source_\w+|correlation_id|crd_name|crd_namespace)$/;

/** What the entry changes of what is known of its record, which then includes it. */
export function changeOf(entry: LedgerEntry, states: Map<string, RecordState>): RecordChange {
  const known = states.get(entry.recordId) ?? {};
  states.set(entry.recordId, known);
  const content = parseJson(entry.content);
  const changes: Change[] = [];
  for (const [field, to] of fieldsOf(isJsonObject(content) ? content : {})) {
    const from = known[field] ?? null;
    if (from !== null && canonicalJson(from) === canonicalJson(to)) continue;
    known[field] = to;
    changes.push({ field, from, to });
  }
  return { table: entry.table, phase: entry.phase, state: known, changes };
}

/** Columns, and of columns that unite their keys each member by itself. */
function fieldsOf(content: JsonObject): [string, JsonValue][] {
  return Object.entries(content).flatMap(([name, value]): [string, JsonValue][] => {
    if (BOOKKEEPING.test(name)) return [];
    if (name === 'extra' && isJsonObject(value)) return membersOf(name, value);
    if (name !== 'agent_sessions' && name !== 'investigation_sessions' && name !== 'notifications')
      return [[name, value]];
    if (!isJsonObject(value)) return [];
    return Object.entries(value).flatMap(([key, entry]) =>
      isJsonObject(entry) ? membersOf(`${name}.${key}`, entry) : [],
    );
  });
}

const membersOf = (prefix: string, value: JsonObject): [string, JsonValue][] =>
  Object.entries(value).map(([name, member]) => [`${prefix}.${name}`, member]);
