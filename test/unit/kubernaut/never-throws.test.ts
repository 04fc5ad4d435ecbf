import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { ColumnType } from '../../../src/domain/column-types.ts';
import { instantOf, parseInstant } from '../../../src/domain/instant.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { canonicalJson, parseJson } from '../../../src/domain/json.ts';
import type { Observation } from '../../../src/domain/observation.ts';
import type { Column } from '../../../src/domain/records/definition.ts';
import { observedColumns } from '../../../src/domain/records/definition.ts';
import { definitionOf } from '../../../src/domain/records/index.ts';
import { KUBERNAUT_KINDS } from '../../../src/kubernaut/kinds.ts';
import type { ResourceReading, Unread } from '../../../src/kubernaut/observed-remediation.ts';
import { isUnread } from '../../../src/kubernaut/observed-remediation.ts';
import { objectOf, oddValue } from '../../fuzz/odd-resources.ts';
import { CONTEXT, REFERENCE } from './samples/parts.ts';
import { OWNED_BY_REMEDIATION } from './samples/remediation-additions.ts';

const RUNS = 400;
/** What an API server takes; a stack of calls has fewer. */
const MOST_LEVELS = 10_000;

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

  test.each([
    ['lists', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('with %s of ten thousand levels is read, and so is its end', (_what, open, close) => {
    const deep = parseJson(`${open.repeat(MOST_LEVELS)}1${close.repeat(MOST_LEVELS)}`);
    const metadata = {
      ...{ name: 'm', namespace: 'n', uid: 'u', resourceVersion: '5', ...OWNED_BY_REMEDIATION },
      creationTimestamp: '2026-11-21T10:40:00Z',
    };
    const status = { phase: 'Completed', notYetKnown: deep };
    const state: JsonObject = {
      ...{ kind: kind.kind, metadata, status },
      spec: { remediationRequestRef: REFERENCE, notYetKnown: deep, providerData: deep },
    };
    expectWellFormed(kind.read(state, CONTEXT));
    const at = instantOf(0);
    const gone = {
      ...{ namespace: 'n', name: 'm', uid: 'u', sourceVersion: '5' },
      deletedAt: at,
      createdAt: at,
    };
    expectWellFormed(kind.readDeletion({ ...gone, lastState: state }, CONTEXT));
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
