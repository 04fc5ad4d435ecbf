import { isNestedBeyond } from '../../domain/bounds.ts';
import { columnType } from '../../domain/column-types.ts';
import { MAX_BODY_DEPTH } from '../../domain/limits.ts';
import type { Observation, PhaseChange } from '../../domain/observation.ts';
import type { Columns, RecordDefinition } from '../../domain/records/definition.ts';
import { definitionOf } from '../../domain/records/index.ts';
import { repairColumns, repairText } from '../../domain/repair.ts';
import type { Content } from '../../identity/identities.ts';
import { contentOf, recordId } from '../../identity/identities.ts';
import type { Aliases } from '../../identity/own-keys.ts';
import { aliasesOf } from '../../identity/own-keys.ts';
import { SQLSTATE } from '../sqlstate.ts';

/** An observation with all that follows from it alone, before any query. */
export interface PreparedObservation {
  readonly observation: Observation;
  readonly definition: RecordDefinition;
  /** Of its record: as its key gives it, until the database has said whether the record is known by another name. */
  readonly id: string;
  /** Under which its record is known, or will be. */
  readonly aliases: Aliases | undefined;
  readonly content: Content;
  /** Columns in which a character was replaced that PostgreSQL does not take. */
  readonly repaired: readonly string[];
}

const REPLACEMENT = '\ufffd';

export function prepareObservation(observation: Observation): PreparedObservation {
  const prepared = prepare(observation, []);
  const { canonical } = prepared.content;
  // UTF-8 has no lone surrogate: the encoder replaces it, and only the columns show where.
  if (!canonical.includes(REPLACEMENT) && canonical.isWellFormed()) return prepared;
  const { value, repairedFields } = repairColumns(prepared.definition, observation.columns);
  return repairedFields.length === 0 ? prepared : prepare(withColumns(observation, value), repairedFields);
}

/** The same with every character replaced that PostgreSQL refuses. */
export function repairObservation(refused: PreparedObservation): PreparedObservation {
  const { observation, definition } = refused;
  const { value, repairedFields } = repairColumns(definition, observation.columns);
  const repaired = { ...withColumns(observation, value), actor: repairText(observation.actor) };
  return prepare(repaired, [...new Set([...refused.repaired, ...repairedFields])]);
}

function prepare(observation: Observation, repaired: readonly string[]): PreparedObservation {
  const definition = definitionOf(observation.table);
  const id = recordId(observation.table, observation.cluster, observation.key);
  return {
    observation,
    definition,
    id,
    aliases: aliasesOf(observation, id),
    content: contentOf(definition, observation),
    repaired,
  };
}

function withColumns(observation: Observation, columns: Columns): Observation {
  return { ...observation, columns };
}

const INTEGER = /^-?\d+$/;
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * What could not be read back from the ledger must not get into it, where it would stop every later fold of its record.
 * PostgreSQL would take some of it: `0x10` for an integer, JSON of ten thousand levels.
 */
export function findFault({ table, sourceVersion, columns }: Observation): Fault | undefined {
  const sqlstate = SQLSTATE.invalid_text_representation;
  const definition = definitionOf(table);
  if (!INTEGER.test(sourceVersion))
    return { reason: `source_version: ${sourceVersion} is not an integer`, sqlstate };
  for (const { name, type } of definition.columns) {
    const value = columns[name];
    if (typeof value !== 'string') continue;
    if (type === 'jsonb') {
      if (value.length > MAX_BODY_DEPTH && isNestedBeyond(value, MAX_BODY_DEPTH)) {
        const reason = `${name}: JSON is nested deeper than ${MAX_BODY_DEPTH} levels`;
        return { reason, sqlstate: SQLSTATE.statement_too_complex };
      }
    } else if (columnType(type).travelsAs === 'number' && !JSON_NUMBER.test(value)) {
      return { reason: `${name}: ${value} is not a JSON number`, sqlstate };
    }
  }
  return undefined;
}

/** Why an observation is not stored. */
export interface Fault {
  readonly reason: string;
  readonly sqlstate: string;
}

export interface StoredRecord {
  readonly status: 'stored';
  readonly id: string;
  /** The record's partition key, which may differ from what the observation carried. */
  readonly createdAt: string;
  /** Accepted observations of this record so far. */
  readonly revision: number;
  /** Columns in which a character that PostgreSQL does not take was replaced. */
  readonly repaired: readonly string[];
  /** Phase of the row before and after; absent where nothing was new, and for all but one of those that came together. */
  readonly phases?: PhaseChange;
}

/** PostgreSQL will never take it. The caller decides: quarantine, or an answer that names the field. */
export interface RefusedRecord extends Fault {
  readonly status: 'refused';
  readonly id: string;
}

export type RecordOutcome = StoredRecord | RefusedRecord;

/** Others were stored; this one waits for its month or its table, and the caller sends it again. */
export interface DelayedRecord extends Fault {
  readonly status: 'later';
  readonly id: string;
}
