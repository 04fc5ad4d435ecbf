import type { JsonValue } from '../../domain/json.ts';
import { numberLexeme } from '../../domain/json.ts';

/** What keeps a record from being accepted: where, what stands there, and what would be allowed. */
export interface FieldError {
  /** JSON Pointer into the posted record. */
  readonly pointer: string;
  readonly detail: string;
}

/** What a posted value amounts to. Neither member: it means absent. */
export interface Reading {
  /** As an observation carries it; see `Columns`. */
  readonly value?: string | boolean;
  readonly errors?: readonly FieldError[];
}

export const ABSENT: Reading = {};

const LONGEST_NUMBER_SHOWN = 40;

/** The kind of a value and never its text: what is refused may be a secret, and errors are logged. */
export function kindOf(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return `text of ${value.length} characters`;
  const lexeme = numberLexeme(value);
  if (lexeme !== undefined) return `the number ${lexeme.slice(0, LONGEST_NUMBER_SHOWN)}`;
  return Array.isArray(value) ? 'an array' : 'an object';
}
