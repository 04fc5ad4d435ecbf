import type { Observation } from '../domain/observation.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import { definitionOf } from '../domain/records/index.ts';
import type { Content } from '../identity/ledger-entry.ts';
import { contentOf } from '../identity/ledger-entry.ts';
import { recordId } from '../identity/record-id.ts';

/** An observation with everything that follows from it alone, before the database is asked anything. */
export interface PreparedObservation {
  readonly observation: Observation;
  readonly definition: RecordDefinition;
  readonly id: string;
  readonly content: Content;
}

export function prepareObservation(observation: Observation): PreparedObservation {
  const definition = definitionOf(observation.table);
  return {
    observation,
    definition,
    id: recordId(observation.table, observation.cluster, observation.key),
    content: contentOf(definition, observation),
  };
}
