import type { Generation } from '../../dev/simulator/generations.ts';
import type { WatchedState } from '../../dev/simulator/states.ts';
import type { LedgerEntry } from '../../src/database/reading/record-history.ts';
import { canonicalContent } from '../../src/domain/canonical-content.ts';
import { foldEntries } from '../../src/domain/fold.ts';
import { instantOf } from '../../src/domain/instant.ts';
import { isJsonObject, parseJson } from '../../src/domain/json.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { recordName } from '../../src/domain/observation.ts';
import { definitionOf } from '../../src/domain/records/index.ts';
import { recordId } from '../../src/identity/identities.ts';
import { NO_BLOCKERS } from '../../src/query/remediation/blockers.ts';
import type { Facts } from '../../src/query/remediation/facts.ts';
import type { RemediationFacts } from '../../src/query/remediation/summary.ts';
import { timelineOf } from '../../src/query/remediation/timeline.ts';
import { observationsOfEach } from './simulated-states.ts';

/** The ledger of a simulated remediation, as a watcher that misses nothing would have made it. */
export function entriesOf(states: readonly WatchedState[], generation: Generation): readonly LedgerEntry[] {
  return observationsOfEach(states, generation).flatMap((observations, index) => {
    const observedAt = instantOf(states[index]?.writtenAt ?? 0);
    return observations.map((observation) => entryOf(observation, observedAt));
  });
}

function entryOf(observation: Observation, observedAt: string): LedgerEntry {
  const { table, cluster, key, phase, sourceVersion, actor, columns } = observation;
  const times = { observedAt, recordedAt: observedAt };
  const content = canonicalContent(definitionOf(table), columns);
  return {
    recordId: recordId(table, cluster, key),
    table,
    phase,
    sourceVersion,
    contentHash: '',
    actor,
    content,
    ...times,
  };
}

/** Its rows, as what they say. */
export function factsOfStory(states: readonly WatchedState[], generation: Generation): RemediationFacts {
  const observations = observationsOfEach(states, generation).flat();
  const rowsOf = (table: string): readonly Facts[] =>
    Object.values(
      Object.groupBy(
        observations.filter((one) => one.table === table),
        recordName,
      ),
    ).map((of) => factsOfRecord(of ?? []));
  const [remediation = {}] = rowsOf('remediation_audit');
  return {
    remediation: { ...remediation, cluster: generation },
    signals: rowsOf('signal_processing_audit'),
    analyses: rowsOf('ai_analysis_audit'),
    executions: rowsOf('workflow_execution_audit'),
    actions: rowsOf('kubernetes_execution_audit'),
    blockers: NO_BLOCKERS,
    events: timelineOf(entriesOf(states, generation)),
    unsearched: undefined,
  };
}

function factsOfRecord(observations: readonly Observation[]): Facts {
  const [first] = observations;
  if (first === undefined) throw new Error('a record without observations');
  const definition = definitionOf(first.table);
  const entries = observations.map(({ sourceVersion, actor, columns }) => ({
    sourceVersion,
    contentHash: '',
    actor,
    columns,
  }));
  const facts = parseJson(canonicalContent(definition, foldEntries(definition, entries)));
  if (!isJsonObject(facts)) throw new Error(`the row of ${first.table} is no object`);
  return facts;
}
