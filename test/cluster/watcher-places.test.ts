import { afterEach, expect, test } from 'vitest';

import { collectionOf } from '../../dev/sandbox/kinds.ts';
import { keyOf } from '../../dev/sandbox/object.ts';
import { until } from '../support/until.ts';
import { WatcherWorld } from '../support/watcher-world.ts';

const COLLECTION = collectionOf({ group: 'kubernaut.ai', plural: 'remediationrequests' });
const WATCHED = ['payments', 'billing'];

let world: WatcherWorld;

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** The one remediation of a namespace, new or in another phase. */
function put(namespace: string, overallPhase: string): void {
  const key = keyOf(namespace, 'rr-1');
  const known = world.sandbox.store.get(COLLECTION, key);
  const metadata = known?.metadata ?? {
    ...{ name: 'rr-1', namespace, uid: `uid-${namespace}`, resourceVersion: '' },
    creationTimestamp: '2026-11-21T10:00:00Z',
  };
  world.sandbox.store.commit({
    type: known === undefined ? 'ADDED' : 'MODIFIED',
    collection: COLLECTION,
    key,
    object: {
      apiVersion: 'kubernaut.ai/v1alpha1',
      kind: 'RemediationRequest',
      metadata,
      status: { overallPhase },
    },
  });
}
const untilReported = (what: string): Promise<void> =>
  until(() => world.record.reported.has(what), `${what} is reported`);

test('of several namespaces each is watched, and no other: what is recorded of it is not concluded to be gone', async () => {
  world = await WatcherWorld.create();
  for (const namespace of [...WATCHED, 'orders']) put(namespace, 'Pending');
  world.startWatcher();
  await untilReported('uid-orders phase Pending');
  await until(() => world.record.rows.size === 3, 'all are recorded');
  await world.stopWatchers();
  const [before, reads] = [world.record.taken.length, world.record.reads];
  world.startWatcher({ namespaces: WATCHED });
  put('shipping', 'Pending');
  for (const namespace of WATCHED) {
    put(namespace, 'Executing');
    await untilReported(`uid-${namespace} phase Executing`);
  }
  await until(() => world.record.reads > reads + 4, 'lists have checked the watches');
  const reported = world.record.taken.slice(before).map(({ observation }) => observation.resource?.uid);
  expect(new Set(reported)).toEqual(new Set(WATCHED.map((namespace) => `uid-${namespace}`)));
  expect(world.watcher.completeness().kinds).toMatchObject([{ seen: 2 }]);
});
