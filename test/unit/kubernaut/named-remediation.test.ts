import { describe, expect, test } from 'vitest';

import type { JsonObject } from '../../../src/domain/json.ts';
import type { KubernautKind } from '../../../src/kubernaut/kind.ts';
import { KUBERNAUT_KINDS } from '../../../src/kubernaut/kinds.ts';
import type { ReadingContext } from '../../../src/kubernaut/observed-remediation.ts';
import { readable } from '../../support/readings.ts';
import { CONTEXT, REMEDIATION, resourceOf } from './samples/parts.ts';

/**
 * The sources read `remediationRequestRef.name` and nothing else. A resource of that form is recorded once its remediation
 * was seen, of every kind alike.
 */
const NAMED: ReadingContext = {
  ...CONTEXT,
  remediationUid: (namespace, name) =>
    namespace === REMEDIATION.namespace && name === REMEDIATION.name ? REMEDIATION.uid : undefined,
};

const CHILDREN = KUBERNAUT_KINDS.filter(({ kind }) => kind !== 'RemediationRequest').map(
  (kind) => [kind.kind, kind] as const,
);

const namedOnly = ({ kind }: KubernautKind, name: string): JsonObject =>
  resourceOf(kind, 'x', {
    // An assessment has no reference, but a correlation id.
    spec: { remediationRequestRef: { name }, correlationID: name },
    status: { phase: 'Failed', sessionID: 'session' },
  });

describe.each(CHILDREN)('%s', (_name, kind) => {
  test('with a reference by name alone belongs to the remediation of that name that was seen', () => {
    const { remediation, observations } = readable(kind.read(namedOnly(kind, REMEDIATION.name), NAMED));
    expect(remediation).toEqual(REMEDIATION);
    expect(observations[0]?.columns).toMatchObject({
      remediation_id: REMEDIATION.name,
      remediation_uid: REMEDIATION.uid,
    });
  });

  test('with the name of a remediation that was not seen waits for it', () => {
    expect(kind.read(namedOnly(kind, 'rr-other'), NAMED)).toEqual({ unread: 'no-remediation' });
  });

  test('that is deleted before it was read is found by that name too', () => {
    const lastState = namedOnly(kind, REMEDIATION.name);
    const gone = {
      namespace: REMEDIATION.namespace,
      name: 'x',
      uid: 'x-uid',
      sourceVersion: '4712',
      createdAt: '2026-11-21T10:40:00.000000Z',
      deletedAt: '2026-11-21T10:50:00.000000Z',
      lastState,
    };
    expect(readable(kind.readDeletion(gone, NAMED)).remediation).toEqual(REMEDIATION);
  });
});
