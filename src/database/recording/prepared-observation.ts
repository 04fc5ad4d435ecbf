import type { Observation } from '../../domain/observation.ts';
import type { Columns, RecordDefinition } from '../../domain/records/definition.ts';
import { definitionOf } from '../../domain/records/index.ts';
import { repairColumns, repairText } from '../../domain/repair.ts';
import type { Content } from '../../identity/ledger-entry.ts';
import { contentOf } from '../../identity/ledger-entry.ts';
import { recordId } from '../../identity/record-id.ts';

/** An observation with all that follows from it alone, before the database is asked anything. */
export interface PreparedObservation {
  readonly observation: Observation;
  readonly definition: RecordDefinition;
  readonly id: string;
  readonly content: Content;
  /** Columns in which a character was replaced that PostgreSQL does not take. */
  readonly repaired: readonly string[];
}

const REPLACEMENT = '\ufffd';

export function prepareObservation(observation: Observation): PreparedObservation {
  const prepared = prepare(observation, []);
  const { canonical } = prepared.content;
  // UTF-8 has no lone surrogate: it is replaced in passing, and only a look at the columns tells where.
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
  return {
    observation,
    definition,
    id: recordId(observation.table, observation.cluster, observation.key),
    content: contentOf(definition, observation),
    repaired,
  };
}

function withColumns(observation: Observation, columns: Columns): Observation {
  return { ...observation, columns };
}
