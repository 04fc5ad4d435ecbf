import { randomUUID } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { until } from '../support/until.ts';
import type { Resource } from './conformance-client.ts';
import { installDefinition, readDefinitions } from './conformance-client.ts';
import type { ConformanceCluster } from './conformance-cluster.ts';
import { API, execution, PLURAL, shapeOf } from './conformance-cluster.ts';

/** Kinds, discovery, tokens, methods. */
export function describeAccess({ client, create, newCollection }: ConformanceCluster): void {
  describe('definitions', () => {
    test('a kind is served from its definition on, and goes with it', async () => {
      const group = `g${randomUUID().slice(0, 8)}.example.com`;
      const definition = (await readDefinitions()).find(
        ({ metadata }) => metadata.name === `${PLURAL}.kubernaut.ai`,
      );
      const own = structuredClone(definition) as Resource & {
        spec: { group: string; names: { plural: string } };
      };
      own.spec.group = group;
      const { plural } = own.spec.names;
      own.metadata.name = `${plural}.${group}`;
      const path = `/apis/${group}/v1alpha1/namespaces/default/${plural}`;
      expect((await client.get(path)).status).toBe(404);
      await installDefinition(client, own);
      const { kind } = own.spec.names as unknown as { kind: string };
      const body = { apiVersion: `${group}/v1alpha1`, kind, metadata: { name: 'x' } };
      await until(async () => (await client.post(path, body)).status === 201, `${path} takes objects`);
      // Far longer than the test waits: the end must come from the kind.
      await using watch = await client.watch(path, { timeoutSeconds: '300' });
      await watch.until((events) => events.length === 1);
      const definitionPath = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${own.metadata.name}`;
      expect((await client.delete(definitionPath)).status).toBe(200);
      await until(async () => (await client.get(path)).status === 404, `${path} is no longer served`);
      expect((await watch.untilEnd()).map(shapeOf)).toEqual(['ADDED x', 'DELETED x']);
    });

    test('discovery names the groups, versions and resources', async () => {
      expect((await client.get('/version')).body['major']).toBe('1');
      expect((await client.get('/api')).body).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
      const core = (await client.get('/api/v1')).body['resources'] as { name: string }[];
      expect(core.map(({ name }) => name)).toContain('namespaces');
      const groups = (await client.get('/apis')).body['groups'] as { name: string }[];
      expect(groups.map(({ name }) => name)).toContain('kubernaut.ai');
      expect((await client.get('/apis/kubernaut.ai')).body).toMatchObject({
        kind: 'APIGroup',
        name: 'kubernaut.ai',
        preferredVersion: { groupVersion: 'kubernaut.ai/v1alpha1', version: 'v1alpha1' },
      });
      const { kind, resources } = (await client.get(API)).body as unknown as {
        kind: string;
        resources: { name: string; kind: string; namespaced: boolean; shortNames?: string[] }[];
      };
      expect(kind).toBe('APIResourceList');
      const executions = resources.find(({ name }) => name === PLURAL);
      expect(executions).toMatchObject({ kind: 'WorkflowExecution', namespaced: true, shortNames: ['wfe'] });
      expect(resources.map(({ name }) => name)).toContain(`${PLURAL}/status`);
    });

    test.each([
      '/apis/nowhere.example.com',
      '/apis/nowhere.example.com/v1/things',
      `${API}/things`,
      '/nowhere',
    ])('nothing is served at %s', async (path) => {
      expect((await client.get(path)).status).toBe(404);
    });
  });

  describe('access', () => {
    test('a wrong token is refused with 401, even where none is needed', async () => {
      for (const path of [`${API}/${PLURAL}`, '/version', '/nowhere']) {
        const refused = await client.request('GET', path, { token: 'wrong' });
        expect(refused.status, path).toBe(401);
        expect(refused.body).toMatchObject({ kind: 'Status', reason: 'Unauthorized', code: 401 });
      }
    });

    test('without a token there is health, and no resource', async () => {
      for (const path of ['/readyz', '/healthz', '/livez']) {
        const healthy = await client.request('GET', path, { token: null });
        expect([healthy.status, healthy.text], path).toEqual([200, 'ok']);
      }
      // A server that knows anonymous users says 403.
      expect([401, 403]).toContain((await client.request('GET', `${API}/${PLURAL}`, { token: null })).status);
    });

    test('a method that a path does not know is refused', async () => {
      const collection = await newCollection();
      await create(collection, 'x');
      expect((await client.put(collection, {})).status).toBe(400);
      const refused = await client.post(`${collection}/x/status`, execution('x'));
      expect(refused.status).toBe(405);
      expect(refused.body).toMatchObject({ kind: 'Status', reason: 'MethodNotAllowed', code: 405 });
      expect((await client.post(`${API}/${PLURAL}`, execution('x'))).status).toBe(404);
    });

    test('an answer that is not wanted as JSON is refused with 406', async () => {
      const refused = await client.request('GET', `${API}/${PLURAL}`, { accept: 'text/html' });
      expect(refused.status).toBe(406);
      expect(refused.body.reason).toBe('NotAcceptable');
    });
  });
}
