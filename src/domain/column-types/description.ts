import type { JsonObject, JsonValue } from '../json.ts';

/** What is known of one column type. Every part has to be given, and none has a default. */
export interface ColumnTypeDescription {
  /**
   * What the text that travels and is hashed is: `text` is quoted in canonical JSON, `number` and `json` stand in it as they
   * are. `boolean` does not travel as text.
   */
  readonly travelsAs: 'text' | 'number' | 'json' | 'boolean';
  /** Of a whole number, besides the sign. */
  readonly bits?: bigint;
  /** A value of a resource in the travelling form; undefined when it is not of this type. */
  readonly observed: (value: JsonValue) => string | boolean | undefined;
  readonly posted: {
    /** A posted value in the travelling form; null when it means absent, undefined when it is refused. */
    readonly read: (value: JsonValue) => string | boolean | null | undefined;
    /** What is taken, in the words of an error: `must be …`. */
    readonly allowed: string;
    readonly schema: JsonObject;
    /** What the TypeScript client takes. */
    readonly typescript: string;
  };
  /** Undefined for what is not compared. */
  readonly filter: ColumnFilter | undefined;
  readonly answer: {
    /** Undefined for JSON of any kind. */
    readonly type: 'string' | 'integer' | 'number' | 'boolean' | undefined;
    readonly format?: string;
    /** PostgreSQL's text as JSON. */
    readonly json: (text: string) => string;
    /** PostgreSQL's text as a field of CSV, before it is quoted. */
    readonly csv: (text: string) => string;
  };
  readonly archived: {
    readonly as: ArchiveType;
    /** How two values are found to be equal there: by the type itself, or by what its text amounts to. */
    readonly compare: 'native' | 'number' | 'duration';
  };
}

export interface ColumnFilter {
  /** The value as PostgreSQL reads it; undefined for what is not of this type. */
  readonly read: (text: string) => string | undefined;
  readonly allowed: string;
  /** The empty text means not known. */
  readonly schema: JsonObject;
}

/**
 * DuckDB's types, which become those of the Parquet file. What a native type would change is archived as PostgreSQL's own
 * text: `58 hours` and `2 days 10 hours` must stay different, a numeric has any number of digits, JSON keeps its lexemes.
 */
export type ArchiveType = 'VARCHAR' | 'UUID' | 'TIMESTAMPTZ' | 'BIGINT' | 'INTEGER' | 'BOOLEAN' | 'BLOB';

export const asItIs = (text: string): string => text;
export const quoted = (text: string): string => JSON.stringify(text);
export const textOf = (value: JsonValue): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** Text that is empty or like the expression. */
export function textLike(expression: string): JsonObject {
  return { type: 'string', pattern: `^(?:${expression})?$` };
}
