import { randomUUID } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { Answer, Resource } from './conformance-client.ts';
import type { ConformanceCluster } from './conformance-cluster.ts';
import { execution, FINALIZER, PLURAL } from './conformance-cluster.ts';

const OTHER = `${FINALIZER}-too`;

/** Server-side apply of finalizers: what is owned, what is taken back, and what is refused. */
export function describeApply({ client, create, newCollection }: ConformanceCluster): void {
  const apply = (
    path: string,
    metadata: Record<string, unknown>,
    manager = 'first',
    extra: Record<string, unknown> = {},
  ): Promise<Answer> =>
    client.apply(
      path,
      { apiVersion: 'kubernaut.ai/v1alpha1', kind: 'WorkflowExecution', metadata, ...extra },
      manager,
    );
  const newObject = async (
    metadata: Record<string, unknown> = {},
  ): Promise<{ path: string; created: Resource }> => {
    const collection = await newCollection();
    const created = await create(collection, 'x', { metadata: { name: 'x', ...metadata } });
    return { path: `${collection}/x`, created };
  };

  test('who wrote a status last is noted apart from who wrote the rest', async () => {
    const { path } = await newObject({ finalizers: [FINALIZER] });
    const patch = (manager: string, phase: string) =>
      client.request('PATCH', `${path}/status?fieldManager=${manager}`, {
        body: { status: { phase } },
        contentType: 'application/merge-patch+json',
      });
    await patch('controller', 'Running');
    const { body } = await patch('kubectl-patch', 'Completed');
    const ofStatus = (body.metadata.managedFields ?? []).filter(
      ({ subresource }) => subresource === 'status',
    );
    expect(ofStatus.map(({ manager }) => manager)).toContain('kubectl-patch');
    expect(ownersOf(body).map((owner) => (owner as unknown[])[2])).toEqual([[FINALIZER]]);
  });

  describe('server-side apply', () => {
    test('an applied finalizer is owned by its applier, and an apply of nothing takes it back', async () => {
      const { path, created } = await newObject();
      const { uid } = created.metadata;
      const applied = await apply(path, { name: 'x', uid, finalizers: [FINALIZER] });
      expect([applied.status, applied.body.metadata.finalizers]).toEqual([200, [FINALIZER]]);
      expect(applied.body).toMatchObject({ spec: created.spec, metadata: { generation: 1, uid } });
      expect(ownersOf(applied.body)).toEqual([['first', 'Apply', [FINALIZER]]]);

      const again = await apply(path, { finalizers: [FINALIZER] });
      expect(again.body.metadata.resourceVersion).toBe(applied.body.metadata.resourceVersion);
      const released = await apply(path, { name: 'x', uid });
      expect([released.status, released.body.metadata.finalizers]).toEqual([200, undefined]);
      expect(ownersOf(released.body)).toEqual([]);
      const more = await apply(path, { name: 'x', uid });
      expect(more.body.metadata.resourceVersion).toBe(released.body.metadata.resourceVersion);
    });

    test('what two own goes with the second of them, and finalizers of others stay', async () => {
      const { path } = await newObject({ finalizers: [OTHER] });
      await apply(path, { finalizers: [FINALIZER] });
      const both = await apply(path, { finalizers: [FINALIZER] }, 'second');
      expect(both.body.metadata.finalizers).toEqual([OTHER, FINALIZER]);
      expect(ownersOf(both.body)).toEqual([
        ['first', 'Apply', [FINALIZER]],
        ['second', 'Apply', [FINALIZER]],
        ['undici', 'Update', [OTHER]],
      ]);
      expect((await apply(path, {})).body.metadata.finalizers).toEqual([OTHER, FINALIZER]);
      expect((await apply(path, {}, 'second')).body.metadata.finalizers).toEqual([OTHER]);
    });

    test('a finalizer that a merge patch or a PUT brought belongs to its writer too', async () => {
      const { path } = await newObject();
      await client.patch(path, { metadata: { finalizers: [FINALIZER] } });
      await apply(path, { finalizers: [FINALIZER, OTHER] });
      const released = await apply(path, {});
      expect(released.body.metadata.finalizers).toEqual([FINALIZER]);
      expect(ownersOf(released.body)).toEqual([['undici', 'Update', [FINALIZER]]]);
      const put = { ...released.body, metadata: { ...released.body.metadata, finalizers: [OTHER] } };
      expect(ownersOf((await client.put(path, put)).body)).toEqual([['undici', 'Update', [OTHER]]]);
    });

    test('whoever takes a finalizer away by a merge patch takes it from its applier', async () => {
      const { path } = await newObject();
      await apply(path, { finalizers: [FINALIZER] });
      const stripped = await client.patch(path, { metadata: { finalizers: null } });
      expect([stripped.body.metadata.finalizers, ownersOf(stripped.body)]).toEqual([undefined, []]);
      const again = await apply(path, { finalizers: [FINALIZER] });
      expect(again.body.metadata.finalizers).toEqual([FINALIZER]);
    });

    test('a deleted object takes no new finalizer, and goes when the last one is taken back', async () => {
      const { path, created } = await newObject({ finalizers: [OTHER] });
      const { uid, resourceVersion = '' } = created.metadata;
      await apply(path, { uid, finalizers: [FINALIZER] });
      await client.patch(path, { metadata: { finalizers: [FINALIZER] } });
      await client.delete(path);
      const kept = await apply(path, { uid, finalizers: [FINALIZER] });
      expect(kept.status).toBe(200);
      const refused = await apply(path, { uid, finalizers: [FINALIZER, OTHER] });
      expect(refused.status).toBe(422);
      expect(refused.body.message).toContain('no new finalizers can be added if the object is being deleted');
      const released = await apply(path, { uid });
      expect(released.status).toBe(200);
      expect((await client.get(path)).status).toBe(404);

      const collection = path.slice(0, -'/x'.length);
      await using watch = await client.watch(collection, { resourceVersion });
      const events = await watch.until((seen) => seen.some(({ type }) => type === 'DELETED'));
      expect(events.map(({ type }) => type)).toEqual(['MODIFIED', 'MODIFIED', 'MODIFIED', 'DELETED']);
      expect(events.at(-1)?.object.metadata.finalizers).toEqual([FINALIZER]);
      const late = await apply(path, { uid, finalizers: [FINALIZER] });
      expect(late.status).toBe(409);
      expect(late.body).toMatchObject({ reason: 'Conflict', details: { name: 'x', kind: PLURAL } });
    });

    test('an apply creates what is not there, unless it names the uid that it means', async () => {
      const collection = await newCollection();
      const missing = await apply(`${collection}/x`, { uid: randomUUID(), finalizers: [FINALIZER] });
      expect(missing.status).toBe(409);
      expect(missing.body.message).toContain('and no existing object was found');
      const created = await apply(`${collection}/x`, { name: 'x', finalizers: [FINALIZER] });
      expect([created.status, created.body.metadata.finalizers]).toEqual([201, [FINALIZER]]);
      expect(ownersOf(created.body)).toEqual([['first', 'Apply', [FINALIZER]]]);
    });

    test.each([
      [422, 'another uid', { uid: randomUUID() }, 'WorkflowExecution'],
      [409, 'an old version', { resourceVersion: '1' }, 'WorkflowExecution'],
      [400, 'another name', { name: 'y' }, 'WorkflowExecution'],
      [400, 'another namespace', { namespace: 'elsewhere' }, 'WorkflowExecution'],
      [400, 'owners of its own', { managedFields: [] }, 'WorkflowExecution'],
      [400, 'another kind', {}, 'Other'],
      [400, 'no kind', {}, undefined],
      [500, 'a finalizer twice', { finalizers: [FINALIZER, FINALIZER] }, 'WorkflowExecution'],
    ])('%i answers an apply with %s', async (status, _, metadata, kind) => {
      const { path, created } = await newObject();
      const refused = await apply(path, { finalizers: [FINALIZER], ...metadata }, 'first', { kind });
      expect(refused.status, refused.text).toBe(status);
      expect(refused.body).toMatchObject({ kind: 'Status', status: 'Failure', code: status });
      expect((await client.get(path)).body).toEqual(created);
    });

    test('an apply without a manager is refused with 422', async () => {
      const { path } = await newObject();
      const refused = await client.request('PATCH', path, {
        body: execution('x', {}),
        contentType: 'application/apply-patch+yaml',
      });
      expect(refused.status).toBe(422);
      expect(refused.body.message).toContain('fieldManager: Required value');
    });
  });
}

/** `[manager, operation, finalizers]` of all who own finalizers, by manager. */
function ownersOf({ metadata: { managedFields = [] } }: Resource): unknown[] {
  return managedFields
    .map(({ manager, operation, fieldsV1 }) => {
      const { 'f:metadata': metadata } = fieldsV1 as { 'f:metadata'?: Record<string, object> };
      const keys = Object.keys(metadata?.['f:finalizers'] ?? {}).filter((key) => key !== '.');
      return [manager, operation, keys.map((key) => JSON.parse(key.slice('v:'.length)) as string)] as const;
    })
    .filter(([, , finalizers]) => finalizers.length > 0)
    .sort(([one = ''], [other = '']) => (one < other ? -1 : 1));
}
