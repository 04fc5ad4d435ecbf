import { randomUUID } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { ConformanceCluster } from './conformance-cluster.ts';
import { FINALIZER, PLURAL } from './conformance-cluster.ts';

/** Deletion at once, and held by finalizers. */
export function describeDeletion({ client, create, newCollection }: ConformanceCluster): void {
  describe('deletion', () => {
    test('an object without finalizers goes at once', async () => {
      const collection = await newCollection();
      const created = await create(collection, 'x');
      const deleted = await client.delete(`${collection}/x`);
      expect(deleted.status).toBe(200);
      expect(deleted.body).toMatchObject({
        kind: 'Status',
        status: 'Success',
        details: { name: 'x', kind: PLURAL, uid: created.metadata.uid },
      });
      expect((await client.get(`${collection}/x`)).status).toBe(404);
    });

    test('a deletion meant for another object or version is refused with 409', async () => {
      const collection = await newCollection();
      const { metadata } = await create(collection, 'x');
      for (const preconditions of [{ uid: randomUUID() }, { resourceVersion: '1' }]) {
        const refused = await client.delete(`${collection}/x`, { preconditions });
        expect(refused.status).toBe(409);
        expect(refused.body.reason).toBe('Conflict');
      }
      const meant = { preconditions: { uid: metadata.uid } };
      expect((await client.delete(`${collection}/x`, meant)).status).toBe(200);
    });

    test('finalizers keep a deleted object until the last of them is gone', async () => {
      const collection = await newCollection();
      const held = { metadata: { name: 'x', finalizers: [FINALIZER, `${FINALIZER}-too`] } };
      const created = await create(collection, 'x', held);
      const { resourceVersion = '' } = created.metadata;

      const deleted = (await client.delete(`${collection}/x`)).body;
      expect(deleted.kind).toBe('WorkflowExecution');
      expect(deleted.metadata).toMatchObject({ generation: 2, deletionGracePeriodSeconds: 0 });
      expect(deleted.metadata.deletionTimestamp).toBeDefined();
      const again = (await client.delete(`${collection}/x`)).body;
      expect(again.metadata.resourceVersion).toBe(deleted.metadata.resourceVersion);

      const more = { metadata: { finalizers: [FINALIZER, `${FINALIZER}-too`, `${FINALIZER}-late`] } };
      expect((await client.patch(`${collection}/x`, more)).status).toBe(422);
      await client.patch(`${collection}/x/status`, {
        metadata: { finalizers: null },
        status: { phase: 'Failed' },
      });
      expect((await client.get(`${collection}/x`)).status).toBe(200);
      await client.patch(`${collection}/x`, { metadata: { finalizers: [FINALIZER] } });
      const last = await client.patch(`${collection}/x`, { metadata: { finalizers: null } });
      expect(last.status).toBe(200);
      expect(last.body.metadata.finalizers).toBeUndefined();
      expect((await client.get(`${collection}/x`)).status).toBe(404);

      await using watch = await client.watch(collection, { resourceVersion });
      const events = await watch.until((seen) => seen.some(({ type }) => type === 'DELETED'));
      expect(events.map(({ type }) => type)).toEqual(['MODIFIED', 'MODIFIED', 'MODIFIED', 'DELETED']);
      expect(events.map(({ object }) => object.metadata.finalizers?.length)).toEqual([2, 2, 1, 1]);
      expect(events[3]?.object.status).toEqual({ phase: 'Failed' });
    });
  });
}
