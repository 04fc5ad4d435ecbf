import fc from 'fast-check';

import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { parseJson } from '../../src/domain/json.ts';
import { allPaths } from '../../src/kubernaut/column-source.ts';
import type { KubernautKind } from '../../src/kubernaut/kind.ts';
import { pathsLeftOut } from '../../src/kubernaut/kind.ts';
import { REFERENCE } from '../unit/kubernaut/samples/parts.ts';
import { OWNED_BY_REMEDIATION } from '../unit/kubernaut/samples/remediation-additions.ts';

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
export const oddValue = fc.oneof(
  fc.constantFrom(...ODD_VALUES),
  fc.jsonValue({ maxDepth: 3 }).map((value) => value as JsonValue),
  // As numbers arrive that a double would change.
  fc.constantFrom('9007199254740993', '1.10', '1e400', '-0.0').map(parseJson),
);

/** An object of the kind whose fields, and some of their parents, hold anything. */
export function objectOf(
  kind: KubernautKind,
  value: fc.Arbitrary<JsonValue> = oddValue,
): fc.Arbitrary<JsonObject> {
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
  const field = fc.tuple(fc.constantFrom(...paths), value);
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
