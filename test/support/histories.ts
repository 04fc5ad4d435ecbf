import { compareEntries, foldEntries } from '../../src/domain/fold.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { POSTED_KIND } from '../../src/domain/observation.ts';
import type { Column, Columns, RecordDefinition } from '../../src/domain/records/definition.ts';
import { observedColumns } from '../../src/domain/records/definition.ts';
import { contentOf } from '../../src/identity/identities.ts';
import type { Random } from './random.ts';

/** A record and what was observed of it, as a random test makes it up. */
export interface History {
  readonly definition: RecordDefinition;
  readonly observations: readonly Observation[];
}

/** Few values per column, so that versions repeat and contradict each other, which is what the test is about. */
export function randomHistory(definition: RecordDefinition, name: string, random: Random): History {
  const columns = observedColumns(definition);
  const observations = Array.from({ length: 1 + random.below(6) }, () => {
    // Few versions: equal ones with other content, gaps, and the same thing said twice. Those of posts are negative.
    const version = random.below(8) - 2;
    return {
      table: definition.table,
      cluster: 'property',
      key: name,
      phase: 'progress' as const,
      sourceVersion: String(version),
      createdAt: `2026-1${random.below(2)}-0${1 + random.below(9)}T00:00:00.000000Z`,
      createdAtSource: 'resource' as const,
      observedAt: '2026-11-21T10:00:00.000000Z',
      actor: version < 0 ? random.pick(['a', 'b']) : 'watcher',
      columns: { ...randomColumns(columns, random), ...saidBy(version, random) },
    };
  });
  return { definition, observations: withOneActorEach(definition, observations) };
}

/** The ledger takes the same version of the same content once, under whoever brings it first: a history says who that is. */
function withOneActorEach(definition: RecordDefinition, observations: readonly Observation[]): Observation[] {
  const actors = new Map<string, string>();
  return observations.map((observation) => {
    const { contentHash } = contentOf(definition, observation);
    const entry = `${observation.sourceVersion}/${contentHash.toString('hex')}`;
    const actor = actors.get(entry) ?? observation.actor;
    actors.set(entry, actor);
    return { ...observation, actor };
  });
}

/** A post, the record's own resource, or another one that says something of it. */
function saidBy(version: number, random: Random): Columns {
  if (version < 0) return { source_kind: POSTED_KIND };
  return random.below(2) === 0 ? { source_kind: 'Resource' } : {};
}

function randomColumns(columns: readonly Column[], random: Random): Columns {
  const chosen = columns.filter(
    ({ name, fold }) => name !== 'source_kind' && (fold !== undefined || random.below(6) === 0),
  );
  return Object.fromEntries(
    chosen.filter(() => random.below(3) > 0).map((column) => [column.name, randomValue(column, random)]),
  );
}

function randomValue(column: Column, random: Random): string | boolean {
  if (column.vocabulary !== undefined && column.type === 'text') return random.pick(column.vocabulary);
  switch (column.type) {
    case 'boolean':
      return random.below(2) === 0;
    case 'timestamptz':
      return `2026-11-2${random.below(9)}T10:00:00.00000${random.below(9)}Z`;
    case 'interval':
      return `00:0${random.below(9)}:00.${1 + random.below(8)}`;
    case 'numeric':
      return random.pick(['0', '0.10', '0.999', '1']);
    case 'integer':
      return String(random.below(5));
    case 'bigint':
      return random.pick(['0', '9007199254740993', '-1']);
    case 'jsonb':
      return random.pick([
        '{"a":1}',
        '{"a":2,"b":9007199254740993}',
        '{"b":1.10,"c":{"d":[]}}',
        '{"c":null}',
        '{}',
      ]);
    default:
      return random.pick(['', 'red', 'green', 'blue', 'zweiundvierzig']);
  }
}

/** Every observation at least once, some again, in any order. */
export function randomDeliveries(histories: readonly History[], random: Random): Observation[] {
  const deliveries = histories.flatMap(({ observations }) =>
    observations.flatMap((observation) => Array.from({ length: 1 + random.below(2) }, () => observation)),
  );
  return random.shuffled(deliveries);
}

export interface ExpectedRecord {
  readonly columns: Columns;
  /** Distinct observations: what the ledger must hold, no more and no less. */
  readonly entries: number;
  readonly newestVersion: string;
}

/** What a history must end in, computed without the database. */
export function expectedRecord({ definition, observations }: History): ExpectedRecord {
  const entries = new Map(
    observations.map((observation) => {
      const contentHash = contentOf(definition, observation).contentHash.toString('hex');
      const { sourceVersion, actor, columns } = observation;
      const entry = { sourceVersion, contentHash, actor, columns };
      return [`${observation.sourceVersion}/${contentHash}`, entry];
    }),
  );
  const inOrder = [...entries.values()].sort(compareEntries);
  return {
    columns: foldEntries(definition, inOrder),
    entries: inOrder.length,
    newestVersion: inOrder.at(-1)?.sourceVersion ?? '',
  };
}
