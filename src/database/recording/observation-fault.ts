import { isNestedBeyond } from '../../domain/bounds.ts';
import { MAX_BODY_DEPTH } from '../../domain/limits.ts';
import type { Observation } from '../../domain/observation.ts';
import type { ColumnType, RecordDefinition } from '../../domain/records/definition.ts';
import { SQLSTATE } from '../sqlstate.ts';

/** Why an observation is not stored. */
export interface Fault {
  readonly reason: string;
  readonly sqlstate: string;
}

const NUMBERS: ReadonlySet<ColumnType> = new Set(['numeric', 'bigint', 'integer']);
const INTEGER = /^-?\d+$/;
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * What could not be read back from the ledger must not get into it, where it would stop every later fold of its record.
 * PostgreSQL would take some of it: `0x10` for an integer, JSON of ten thousand levels.
 */
export function findFault(
  definition: RecordDefinition,
  { sourceVersion, columns }: Observation,
): Fault | undefined {
  const sqlstate = SQLSTATE.invalid_text_representation;
  if (!INTEGER.test(sourceVersion))
    return { reason: `source_version: ${sourceVersion} is no integer`, sqlstate };
  for (const { name, type } of definition.columns) {
    const value = columns[name];
    if (typeof value !== 'string') continue;
    if (type === 'jsonb') {
      if (value.length > MAX_BODY_DEPTH && isNestedBeyond(value, MAX_BODY_DEPTH)) {
        const reason = `${name}: JSON is nested deeper than ${MAX_BODY_DEPTH} levels`;
        return { reason, sqlstate: SQLSTATE.statement_too_complex };
      }
    } else if (NUMBERS.has(type) && !JSON_NUMBER.test(value)) {
      return { reason: `${name}: ${value} is no number of JSON`, sqlstate };
    }
  }
  return undefined;
}
