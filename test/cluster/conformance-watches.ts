import { describe, expect, test } from 'vitest';

import type { WatchEvent } from './conformance-client.ts';
import type { ConformanceCluster } from './conformance-cluster.ts';
import { API, PLURAL, shapeOf, versionOf } from './conformance-cluster.ts';

/** Order, bookmarks, deadlines, forgotten versions. */
export function describeWatches({ client, create, forget, newCollection }: ConformanceCluster): void {
  describe('watches', () => {
    /** Four changes to one object; returns the version before them. */
    async function fourChanges(collection: string): Promise<string> {
      const before = (await client.get(collection)).body.metadata.resourceVersion ?? '';
      await create(collection, 'x');
      await client.patch(`${collection}/x/status`, { status: { phase: 'Running' } });
      await client.patch(`${collection}/x`, { metadata: { labels: { step: 'two' } } });
      await client.delete(`${collection}/x`);
      return before;
    }

    function expectFourChanges(events: readonly WatchEvent[]): void {
      expect(events.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'MODIFIED', 'DELETED']);
      const versions = events.map(({ object }) => versionOf(object));
      expect(versions).toEqual([...new Set(versions)].sort((a, b) => (a < b ? -1 : 1)));
      expect(events[0]?.object.status).toBeUndefined();
      expect(events[3]?.object).toMatchObject({
        metadata: { name: 'x', labels: { step: 'two' } },
        status: { phase: 'Running' },
      });
    }

    test('a watch from a version delivers each later change once and in order, the deletion under a newer version', async () => {
      const collection = await newCollection();
      const resourceVersion = await fourChanges(collection);
      await using watch = await client.watch(collection, { resourceVersion });
      expectFourChanges(await watch.until((events) => events.length >= 4));
    });

    test('a watch that is there already delivers the same', async () => {
      const collection = await newCollection();
      const resourceVersion = (await client.get(collection)).body.metadata.resourceVersion ?? '';
      await using watch = await client.watch(collection, { resourceVersion });
      await fourChanges(collection);
      expectFourChanges(await watch.until((events) => events.length >= 4));
    });

    test('a watch without a version begins with what is there', async () => {
      const collection = await newCollection();
      await create(collection, 'a');
      await create(collection, 'b');
      await using watch = await client.watch(collection, {});
      await watch.until((events) => events.length >= 2);
      await create(collection, 'c');
      const events = await watch.until((seen) => seen.length >= 3);
      expect(events.map(shapeOf).sort()).toEqual(['ADDED a', 'ADDED b', 'ADDED c']);
    });

    test('a watch of one name sees nothing else', async () => {
      const collection = await newCollection();
      const resourceVersion = (await client.get(collection)).body.metadata.resourceVersion ?? '';
      for (const name of ['a', 'b', 'a2']) await create(collection, name);
      await using watch = await client.watch(collection, {
        resourceVersion,
        fieldSelector: 'metadata.name=b',
        timeoutSeconds: '1',
      });
      expect((await watch.untilEnd()).map(shapeOf)).toEqual(['ADDED b']);
    });

    test('a watch ends cleanly at its deadline, after a bookmark that is not older than the last change', async () => {
      const collection = await newCollection();
      const resourceVersion = (await client.get(collection)).body.metadata.resourceVersion ?? '';
      await using watch = await client.watch(collection, {
        resourceVersion,
        allowWatchBookmarks: 'true',
        timeoutSeconds: '4',
      });
      // Of a change that the watch began with, a real server sends no bookmark.
      const created = await create(collection, 'x');
      const events = await watch.untilEnd();
      const bookmark = events.at(-1);
      expect(bookmark?.type).toBe('BOOKMARK');
      expect(bookmark?.object).toMatchObject({
        apiVersion: 'kubernaut.ai/v1alpha1',
        kind: 'WorkflowExecution',
      });
      expect(bookmark?.object.metadata.uid).toBeUndefined();
      expect(versionOf(bookmark?.object ?? created) >= versionOf(created)).toBe(true);

      await create(collection, 'y');
      await using resumed = await client.watch(collection, {
        resourceVersion: bookmark?.object.metadata.resourceVersion ?? '',
        timeoutSeconds: '1',
      });
      expect((await resumed.untilEnd()).map(shapeOf)).toEqual(['ADDED y']);
    });

    test('no bookmark comes unless asked for', async () => {
      const collection = await newCollection();
      const { resourceVersion = '' } = (await client.get(collection)).body.metadata;
      await using watch = await client.watch(collection, { resourceVersion, timeoutSeconds: '4' });
      expect(await watch.untilEnd()).toEqual([]);
    });

    test('an object deleted and created again under its name is another object', async () => {
      const collection = await newCollection();
      const { resourceVersion = '' } = (await client.get(collection)).body.metadata;
      const first = await create(collection, 'x');
      await client.delete(`${collection}/x`);
      const second = await create(collection, 'x');
      expect(second.metadata.uid).not.toBe(first.metadata.uid);
      await using watch = await client.watch(collection, { resourceVersion });
      const events = await watch.until((seen) => seen.length >= 3);
      expect(events.map(({ type, object }) => [type, object.metadata.uid])).toEqual([
        ['ADDED', first.metadata.uid],
        ['DELETED', first.metadata.uid],
        ['ADDED', second.metadata.uid],
      ]);
    });

    test('a watch from a version that is long gone is answered 410 Expired', async () => {
      await using watch = await client.watch(`${API}/${PLURAL}`, { resourceVersion: '1' });
      await expectGone(watch.status, () => watch.untilEnd());
    });

    test('a watch from a version the server has forgotten is answered 410 Expired', async () => {
      const collection = await newCollection();
      const resourceVersion = await fourChanges(collection);
      await forget();
      await using watch = await client.watch(collection, { resourceVersion });
      await expectGone(watch.status, () => watch.untilEnd());
    });

    /** Both ways are right: as the status of the answer, or as the only event of a stream. */
    async function expectGone(status: number, untilEnd: () => Promise<readonly WatchEvent[]>): Promise<void> {
      if (status === 410) return;
      expect(status).toBe(200);
      const events = await untilEnd();
      expect(events.map(({ type }) => type)).toEqual(['ERROR']);
      expect(events[0]?.object).toMatchObject({
        kind: 'Status',
        status: 'Failure',
        reason: 'Expired',
        code: 410,
      });
    }
  });
}
