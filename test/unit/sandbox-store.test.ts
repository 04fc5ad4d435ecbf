import { describe, expect, test } from 'vitest';

import type { StoredObject } from '../../dev/sandbox/object.ts';
import type { Change } from '../../dev/sandbox/store.ts';
import { Store } from '../../dev/sandbox/store.ts';
import { createRandom } from '../../dev/simulator/random.ts';

const COLLECTION = 'kubernaut.ai/workflowexecutions';

const objectOf = (name: string, replicas = 0): StoredObject => ({
  apiVersion: 'kubernaut.ai/v1alpha1',
  kind: 'WorkflowExecution',
  metadata: { name, uid: name, resourceVersion: '', creationTimestamp: '2025-01-01T00:00:00Z' },
  spec: { replicas },
});

describe('the store', () => {
  test('a snapshot of every remembered version is what the collection was then', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const random = createRandom(seed);
      const store = new Store({ historyLimit: 40 });
      const model = new Map<string, StoredObject>();
      const past: [number, StoredObject[]][] = [];
      for (let step = 0; step < 60; step += 1) {
        const key = random.pick(['a', 'b', 'c', 'd']);
        const isThere = model.has(key);
        const type = isThere ? random.pick(['MODIFIED', 'DELETED'] as const) : 'ADDED';
        const object = store.commit({ type, collection: COLLECTION, key, object: objectOf(key, step) });
        if (type === 'DELETED') model.delete(key);
        else model.set(key, object);
        const sorted = [...model.entries()].sort(([one], [other]) => (one < other ? -1 : 1));
        past.push([store.version, sorted.map(([, state]) => state)]);
      }
      for (const [version, objects] of past.slice(-40)) {
        expect(store.snapshot(COLLECTION, version), `seed ${seed}, version ${version}`).toEqual(objects);
      }
      expect(() => store.snapshot(COLLECTION, past[18]?.[0] ?? 0)).toThrow('too old');
    }
  });

  test('a change that cannot be written down does not happen', () => {
    const heard: Change[] = [];
    const store = new Store({
      journal: () => {
        throw new Error('no space left on device');
      },
    });
    store.subscribe((change) => heard.push(change));
    const before = store.version;
    const change = { type: 'ADDED', collection: COLLECTION, key: 'a', object: objectOf('a') } as const;
    expect(() => store.commit(change)).toThrow('no space left');
    expect([store.version, store.get(COLLECTION, 'a'), heard]).toEqual([before, undefined, []]);
  });

  test('a deletion carries the last state under its own version', () => {
    const store = new Store();
    const added = store.commit({ type: 'ADDED', collection: COLLECTION, key: 'a', object: objectOf('a', 7) });
    store.commit({ type: 'DELETED', collection: COLLECTION, key: 'a', object: added });
    const [deletion] = store.changesSince(Number(added.metadata.resourceVersion));
    expect(deletion?.object['spec']).toEqual({ replicas: 7 });
    expect(deletion?.object.metadata.resourceVersion).toBe(String(store.version));
  });
});
