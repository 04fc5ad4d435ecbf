import { randomUUID } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { ConformanceCluster } from './conformance-cluster.ts';
import { API, execution, namesIn, PLURAL, versionOf } from './conformance-cluster.ts';

/** What a write may bring, and what it changes. */
export function describeWrites({ client, create, newCollection }: ConformanceCluster): void {
  describe('creation', () => {
    test('the server names the identity, the time and the first generation, and drops the status', async () => {
      const collection = await newCollection();
      const created = await create(collection, 'x', {
        metadata: {
          name: 'x',
          uid: 'mine',
          generation: 7,
          creationTimestamp: '2001-01-01T00:00:00Z',
          labels: { a: 'b' },
          finalizers: [],
        },
        status: { phase: 'Completed' },
      });
      expect(created.status).toBeUndefined();
      expect(created.spec).toEqual({ targetResource: 'payments/Deployment/api', replicas: 3 });
      expect(created.metadata).toMatchObject({ name: 'x', generation: 1, labels: { a: 'b' } });
      expect(created.metadata.uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/);
      expect(created.metadata.creationTimestamp).toMatch(/^20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(created.metadata.finalizers).toBeUndefined();
      expect((await client.get(`${collection}/x`)).body).toEqual(created);
      expect((await client.get(`${collection}/x/status`)).body).toEqual(created);
    });

    test('a generated name begins as asked and is new each time', async () => {
      const collection = await newCollection();
      const body = execution('', { metadata: { generateName: 'we-' } });
      const names = [await client.post(collection, body), await client.post(collection, body)].map(
        (answer) => answer.body.metadata.name,
      );
      expect(names[0]).toMatch(/^we-[a-z0-9]{5}$/);
      expect(names[1]).not.toBe(names[0]);
    });

    test('a second object of the same name is refused with 409 AlreadyExists', async () => {
      const collection = await newCollection();
      await create(collection, 'x');
      const refused = await client.post(collection, execution('x'));
      expect(refused.status).toBe(409);
      expect(refused.body).toMatchObject({
        kind: 'Status',
        reason: 'AlreadyExists',
        message: 'workflowexecutions.kubernaut.ai "x" already exists',
        details: { name: 'x', group: 'kubernaut.ai', kind: PLURAL },
      });
    });

    test.each([
      [400, 'another version', execution('x', { apiVersion: 'kubernaut.ai/v1' })],
      [422, 'another kind', execution('x', { kind: 'Other' })],
      [400, 'another namespace', execution('x', { metadata: { name: 'x', namespace: 'other' } })],
      [400, 'no kind', { metadata: { name: 'x' } }],
      [422, 'no name', execution('x', { metadata: {} })],
      [422, 'a name that is none', execution('A_b')],
      [400, 'broken JSON', '{bad'],
      [400, 'JSON that is no object', '[]'],
      [500, 'a version', execution('x', { metadata: { name: 'x', resourceVersion: '5' } })],
    ])('%i answers a body with %s', async (status, _, body) => {
      const collection = await newCollection();
      const refused = await client.post(collection, body);
      expect(refused.status, refused.text).toBe(status);
      expect(refused.body).toMatchObject({ kind: 'Status', status: 'Failure', code: status });
      expect(namesIn((await client.get(collection)).body)).toEqual([]);
    });

    test('a namespace must exist before its objects', async () => {
      const refused = await client.post(`${API}/namespaces/nowhere/${PLURAL}`, execution('x'));
      expect(refused.status).toBe(404);
      expect(refused.body).toMatchObject({ reason: 'NotFound', message: 'namespaces "nowhere" not found' });
    });

    test('a body of another media type is refused with 415', async () => {
      const collection = await newCollection();
      const created = await client.request('POST', collection, {
        body: execution('x'),
        contentType: 'text/plain',
      });
      expect(created.status).toBe(415);
      expect(created.body).toMatchObject({ reason: 'UnsupportedMediaType', code: 415 });
      await create(collection, 'x');
      const patched = await client.request('PATCH', `${collection}/x`, { body: { spec: {} } });
      expect(patched.status).toBe(415);
    });
  });

  describe('changes', () => {
    test('a patch of the status changes the status and nothing else', async () => {
      const collection = await newCollection();
      const created = await create(collection, 'x');
      const patch = { metadata: { labels: { l: '1' } }, spec: { replicas: 8 }, status: { phase: 'Running' } };
      const patched = await client.patch(`${collection}/x/status`, patch);
      expect(patched.status).toBe(200);
      expect(patched.body).toMatchObject({ spec: created.spec, status: { phase: 'Running' } });
      expect(patched.body.metadata.labels).toBeUndefined();
      expect(patched.body.metadata.generation).toBe(1);
      expect(versionOf(patched.body) > versionOf(created)).toBe(true);
    });

    test('a patch of the object leaves the status alone, and a new spec is a new generation', async () => {
      const collection = await newCollection();
      await create(collection, 'x');
      await client.patch(`${collection}/x/status`, { status: { phase: 'Running' } });
      const patched = await client.patch(`${collection}/x`, {
        spec: { replicas: 4 },
        status: { phase: 'Failed' },
      });
      expect(patched.body).toMatchObject({
        metadata: { generation: 2 },
        spec: { replicas: 4, targetResource: 'payments/Deployment/api' },
        status: { phase: 'Running' },
      });
      const labelled = await client.patch(`${collection}/x`, { metadata: { labels: { l: '1' } } });
      expect(labelled.body.metadata).toMatchObject({ generation: 2, labels: { l: '1' } });
    });

    test('integers of 64 bits keep every digit, other numbers are doubles', async () => {
      const collection = await newCollection();
      const body = JSON.stringify(execution('x')).replace(
        '"replicas":3',
        '"a":9007199254740993,"b":1.10,"c":1e3',
      );
      const created = await client.post(collection, body);
      expect(created.status, created.text).toBe(201);
      const path = `${collection}/x`;
      const patched = await client.patch(
        path,
        '{"spec":{"d":-9223372036854775808,"e":18446744073709551616}}',
      );
      expect(patched.status, patched.text).toBe(200);
      const unchanged = await client.patch(path, '{"spec":{"a":9007199254740993}}');
      expect(unchanged.body.metadata.resourceVersion).toBe(patched.body.metadata.resourceVersion);
      const { text } = await client.get(path);
      for (const number of ['9007199254740993', '1.1,', '1000', '-9223372036854775808']) {
        expect(text.replaceAll(/\s/g, '')).toContain(`:${number}`);
      }
      expect((JSON.parse(text) as { spec: { e: number } }).spec.e).toBe(2 ** 64);
    });

    test('null in a merge patch removes a field', async () => {
      const collection = await newCollection();
      await create(collection, 'x');
      const patched = await client.patch(`${collection}/x`, { spec: { replicas: null, more: { a: [1] } } });
      expect(patched.body.spec).toEqual({ targetResource: 'payments/Deployment/api', more: { a: [1] } });
    });

    test('a patch that changes nothing writes nothing', async () => {
      const collection = await newCollection();
      const created = await create(collection, 'x');
      for (const path of [`${collection}/x`, `${collection}/x/status`]) {
        const patched = await client.patch(path, { spec: { replicas: 3 } });
        expect(patched.body.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
      }
      const { resourceVersion = '' } = created.metadata;
      await using watch = await client.watch(collection, { resourceVersion, timeoutSeconds: '1' });
      expect(await watch.untilEnd()).toEqual([]);
    });

    test('a write made from an old version is refused with 409 Conflict', async () => {
      const collection = await newCollection();
      const created = await create(collection, 'x');
      await client.patch(`${collection}/x`, { spec: { replicas: 4 } });
      const stale = { metadata: { resourceVersion: created.metadata.resourceVersion } };
      const attempts = [
        client.put(`${collection}/x`, created),
        client.put(`${collection}/x/status`, { ...created, status: { phase: 'Running' } }),
        client.patch(`${collection}/x`, { ...stale, spec: { replicas: 5 } }),
        client.patch(`${collection}/x/status`, { ...stale, status: { phase: 'Running' } }),
      ];
      for (const refused of await Promise.all(attempts)) {
        expect(refused.status).toBe(409);
        expect(refused.body).toMatchObject({ reason: 'Conflict', details: { name: 'x', kind: PLURAL } });
      }
    });

    test('a PUT replaces the object, and its status only through the subresource', async () => {
      const collection = await newCollection();
      const created = await create(collection, 'x');
      const replaced = await client.put(`${collection}/x`, {
        ...created,
        spec: { b: 1 },
        status: { phase: 'x' },
      });
      expect(replaced.status).toBe(200);
      expect(replaced.body).toMatchObject({ metadata: { generation: 2, uid: created.metadata.uid } });
      expect(replaced.body.spec).toEqual({ b: 1 });
      expect(replaced.body.status).toBeUndefined();
      const next = { ...replaced.body, spec: { c: 1 }, status: { phase: 'Running' } };
      const written = await client.put(`${collection}/x/status`, next);
      expect(written.body).toMatchObject({ spec: { b: 1 }, status: { phase: 'Running' } });
    });

    test('a PUT needs a version, the right name, and the right uid', async () => {
      const collection = await newCollection();
      const created = await create(collection, 'x');
      const unversioned = await client.put(`${collection}/x`, execution('x'));
      expect(unversioned.status).toBe(422);
      expect(unversioned.body.message).toContain('metadata.resourceVersion: Invalid value');
      const misnamed = { ...created, metadata: { ...created.metadata, name: 'y' } };
      expect((await client.put(`${collection}/x`, misnamed)).status).toBe(400);
      const foreign = { ...created, metadata: { ...created.metadata, uid: randomUUID() } };
      expect((await client.put(`${collection}/x`, foreign)).status).toBe(409);
    });

    test('a patch cannot change the name or the uid', async () => {
      const collection = await newCollection();
      await create(collection, 'x');
      expect((await client.patch(`${collection}/x`, { metadata: { name: 'y' } })).status).toBe(400);
      expect((await client.patch(`${collection}/x`, { metadata: { uid: randomUUID() } })).status).toBe(422);
    });

    test('what is not there cannot be read, changed or deleted', async () => {
      const collection = await newCollection();
      const attempts = [
        client.get(`${collection}/none`),
        client.get(`${collection}/none/status`),
        client.put(
          `${collection}/none`,
          execution('none', { metadata: { name: 'none', resourceVersion: '1' } }),
        ),
        client.patch(`${collection}/none`, { spec: {} }),
        client.delete(`${collection}/none`),
      ];
      for (const refused of await Promise.all(attempts)) {
        expect(refused.status).toBe(404);
        expect(refused.body).toMatchObject({
          kind: 'Status',
          reason: 'NotFound',
          message: 'workflowexecutions.kubernaut.ai "none" not found',
          details: { name: 'none', group: 'kubernaut.ai', kind: PLURAL },
        });
      }
    });
  });
}
