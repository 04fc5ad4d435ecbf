import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { ColumnType } from '../../../src/domain/column-types.ts';
import { instantOf, parseInstant } from '../../../src/domain/instant.ts';
import type { JsonObject, JsonValue } from '../../../src/domain/json.ts';
import { canonicalJson, parseJson } from '../../../src/domain/json.ts';
import type { Observation } from '../../../src/domain/observation.ts';
import type { Column } from '../../../src/domain/records/definition.ts';
import { observedColumns } from '../../../src/domain/records/definition.ts';
import { definitionOf } from '../../../src/domain/records/index.ts';
import { allPaths } from '../../../src/kubernaut/column-source.ts';
import type { KubernautKind } from '../../../src/kubernaut/kind.ts';
import { pathsLeftOut } from '../../../src/kubernaut/kind.ts';
import { KUBERNAUT_KINDS } from '../../../src/kubernaut/kinds.ts';
import type { ResourceReading, Unread } from '../../../src/kubernaut/observed-remediation.ts';
import { isUnread } from '../../../src/kubernaut/observed-remediation.ts';
import { CONTEXT, REFERENCE } from './samples/parts.ts';
import { OWNED_BY_REMEDIATION } from './samples/remediation-additions.ts';

const RUNS = 400;

/** Values that look right, and are not where they belong; among them every phase that means something. */
const ODD_VALUES: readonly JsonValue[] = [
  ...[
    '',
    '0',
    '-0',
    '1e9',
    '0.50',
    '00.5',
    '007',
    'NaN',
    'Completed',
    'FAILED',
    'TimedOut',
    'Blocked',
    'Skipped',
  ],
  ...[
    'Analyzing',
    'ResourceBusy',
    'RecentlyRemediated',
    '2026-11-21T10:40:00Z',
    '0001-01-01T00:00:00Z',
    '5m',
    'a/b',
  ],
  ...['\ud800', '\u0000', '__proto__', 'payments/Deployment/api', '9'.repeat(1_001)],
  ...[0, -1, 0.5, 1e300, 95, 2 ** 40, true, false, null],
  ...[[], {}, [[]], [null], [{}], { name: 7 }, { name: 'x', kind: 'y' }, { a: { b: [] } }],
];
const oddValue = fc.oneof(
  fc.constantFrom(...ODD_VALUES),
  fc.jsonValue({ maxDepth: 3 }).map((value) => value as JsonValue),
  // As numbers arrive that a double would change.
  fc.constantFrom('9007199254740993', '1.10', '1e400', '-0.0').map(parseJson),
);

/** An object of the kind whose fields, and some of their parents, hold anything. */
function objectOf(kind: KubernautKind): fc.Arbitrary<JsonObject> {
  const paths = [
    ...[...kind.phases, ...(kind.fragments ?? [])].flatMap(({ columns, extra }) => [
      ...Object.values(columns).flatMap((source) => (source === undefined ? [] : allPaths(source.paths))),
      ...Object.values(extra ?? {}).flatMap(allPaths),
    ]),
    ...pathsLeftOut(kind.leftOut ?? {}),
    ...[
      'spec',
      'status',
      'status.phase',
      'status.overallPhase',
      'metadata.ownerReferences',
      'metadata.labels',
    ],
  ].filter((path) => !path.startsWith('metadata.name'));
  const field = fc.tuple(fc.constantFrom(...paths), oddValue);
  return fc.array(field, { maxLength: 40 }).map((fields) => {
    const resource: JsonObject = {
      kind: kind.kind,
      metadata: {
        name: 'name',
        namespace: 'namespace',
        uid: 'uid',
        resourceVersion: '4711',
        creationTimestamp: '2026-11-21T10:40:00Z',
        ...OWNED_BY_REMEDIATION,
      },
      spec: { remediationRequestRef: REFERENCE },
    };
    for (const [path, value] of fields) put(resource, path.split('.'), value);
    return resource;
  });
}

function put(node: JsonObject, [step = '', ...deeper]: readonly string[], value: JsonValue): void {
  if (deeper.length === 0) {
    node[step] = value;
    return;
  }
  const next = node[step];
  const child: JsonObject =
    typeof next === 'object' && next !== null && !Array.isArray(next) ? (next as JsonObject) : {};
  node[step] = { ...child };
  put(node[step], deeper, value);
}

const FORM: Readonly<Record<ColumnType, (value: string) => boolean>> = {
  text: () => true,
  uuid: () => true,
  timestamptz: (value) => parseInstant(value) === value,
  interval: (value) => /^-?\d{2,}:\d{2}:\d{2}(\.\d{1,6})?$/.test(value),
  numeric: isJsonNumber,
  bigint: (value) => /^-?\d+$/.test(value),
  integer: (value) => /^-?\d+$/.test(value),
  boolean: () => false,
  jsonb: (value) => canonicalJson(parseJson(value)) === value,
  vector: () => false,
};

function isJsonNumber(value: string): boolean {
  return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(value);
}

function travels({ type }: Column, value: string | boolean): boolean {
  return typeof value === 'boolean' ? type === 'boolean' : FORM[type](value);
}

/** Columns that the table does not have, or whose value is not in the form in which values travel. */
function faultsOf({ table, columns }: Observation): string[] {
  const known = observedColumns(definitionOf(table));
  return Object.entries(columns).flatMap(([name, value]) => {
    const column = known.find((candidate) => candidate.name === name);
    return column !== undefined && travels(column, value)
      ? []
      : [`${table}.${name} = ${JSON.stringify(value)}`];
  });
}

function expectWellFormed(reading: ResourceReading | Unread): void {
  if (isUnread(reading)) return;
  expect(reading.observations.flatMap(faultsOf)).toEqual([]);
  const fragments = reading.observations.map(({ fragment }) => fragment === true);
  expect(fragments).toEqual(fragments.toSorted((left, right) => Number(left) - Number(right)));
}

describe.each(KUBERNAUT_KINDS.map((kind) => [kind.kind, kind] as const))('a %s', (_name, kind) => {
  test('is read or not, whatever its JSON, and never throws', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('kind', 'apiVersion', 'metadata', 'spec', 'status'), oddValue),
        (any) => {
          expectWellFormed(kind.read(any, CONTEXT));
        },
      ),
      { numRuns: RUNS },
    );
  });

  test('whose members are of wrong kinds gives columns of its tables alone, in the form in which values travel', () => {
    let read = 0;
    fc.assert(
      fc.property(objectOf(kind), (resource) => {
        const reading = kind.read(resource, CONTEXT);
        expectWellFormed(reading);
        if (!isUnread(reading)) read += 1;
      }),
      { numRuns: RUNS },
    );
    // Otherwise this test would have looked at nothing.
    expect(read).toBeGreaterThan(RUNS / 10);
  });

  test('whose deletion is seen in any state does not throw either', () => {
    fc.assert(
      fc.property(
        fc.option(objectOf(kind), { nil: undefined }),
        fc.constantFrom('Completed', 'Odd'),
        (state, phase) => {
          const at = instantOf(0);
          const gone = {
            namespace: 'n',
            name: 'm',
            uid: 'u',
            sourceVersion: '5',
            deletedAt: at,
            createdAt: at,
            phase,
          };
          const reading = kind.readDeletion(
            state === undefined ? gone : { ...gone, lastState: state },
            CONTEXT,
          );
          expectWellFormed(reading);
        },
      ),
      { numRuns: RUNS / 4 },
    );
  });
});
