import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Sandbox, SandboxOptions } from '../../dev/sandbox/sandbox.ts';
import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import { until } from '../support/until.ts';
import { ConformanceClient, readDefinitions } from './conformance-client.ts';
import { API, execution, namesIn, PLURAL, versionOf } from './conformance-cluster.ts';

const COLLECTION = `${API}/namespaces/default/${PLURAL}`;

/** What the sandbox does beyond a real API server, and what cannot be provoked in one. */
describe('the sandbox', () => {
  let dataDir: string;
  let client: ConformanceClient;
  let running: Sandbox[];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'sandbox-'));
    client = new ConformanceClient();
    running = [];
  });

  afterEach(async () => {
    await client.close();
    await Promise.all(running.map((sandbox) => sandbox.stop()));
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(options: SandboxOptions = {}): Promise<Sandbox> {
    const sandbox = await startSandbox(options);
    running.push(sandbox);
    client.connect({ url: sandbox.url, token: sandbox.token });
    return sandbox;
  }

  test('starts with the kinds that the definitions for a real server name', async () => {
    await start();
    for (const definition of await readDefinitions()) {
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name ?? ''}`;
      const registered = (await client.get(path)).body;
      expect(registered.spec).toEqual(definition.spec);
    }
    const list = await client.get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
    expect(list.body.items).toHaveLength((await readDefinitions()).length);
  });

  test('the kubeconfig names the server and the token', async () => {
    const sandbox = await start();
    expect(sandbox.kubeconfig).toContain(`server: ${sandbox.url}\n`);
    expect(sandbox.kubeconfig).toContain(`token: ${sandbox.token}\n`);
  });

  test('clock and identities come from outside', async () => {
    const uuid = (): string => '11111111-2222-4333-8444-555555555555';
    await start({ now: () => Date.UTC(2024, 1, 29, 12, 0, 0, 999), uuid });
    const { metadata } = (await client.post(COLLECTION, execution('x'))).body;
    expect(metadata).toMatchObject({ creationTimestamp: '2024-02-29T12:00:00Z', uid: uuid() });
  });

  test('a taken port is an error that names it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await until(() => other.listening, 'the other server listens');
    const { port } = other.address() as AddressInfo;
    await expect(startSandbox({ port })).rejects.toThrow(`127.0.0.1:${port}`);
    other.close();
  });

  describe('forgets', () => {
    test('what lies more changes back than its limit', async () => {
      await start({ historyLimit: 3, watch: { goneAs: 'status' } });
      const versions: string[] = [];
      for (const name of ['a', 'b', 'c', 'd', 'e']) {
        const created = await client.post(COLLECTION, execution(name));
        versions.push(created.body.metadata.resourceVersion ?? '');
      }
      await using kept = await client.watch(COLLECTION, {
        resourceVersion: versions[1] ?? '',
        timeoutSeconds: '1',
      });
      expect((await kept.untilEnd()).map(({ object }) => object.metadata.name)).toEqual(['c', 'd', 'e']);
      await using gone = await client.watch(COLLECTION, { resourceVersion: versions[0] ?? '' });
      expect(gone.status).toBe(410);
      const page = await client.get(`${COLLECTION}?limit=1&resourceVersion=${versions[0] ?? ''}`);
      expect(page.status).toBe(410);
    });
  });

  describe('watches', () => {
    test('bookmarks come at the interval that is set', async () => {
      await start({ watch: { bookmarkIntervalMs: 20 } });
      const { resourceVersion = '' } = (await client.get(COLLECTION)).body.metadata;
      await using watch = await client.watch(COLLECTION, { resourceVersion, allowWatchBookmarks: '1' });
      await client.post(COLLECTION, execution('x'));
      await watch.until((events) => events.filter(({ type }) => type === 'BOOKMARK').length >= 3);
    });

    test('a reader that falls too far behind is cut off', async () => {
      const sandbox = await start({ watch: { maxBufferedBytes: 200_000 } });
      const response = await fetch(`${sandbox.url}${COLLECTION}?watch=true`, {
        headers: { authorization: `Bearer ${sandbox.token}` },
      });
      // Nobody reads: first the buffers of the connection fill, then the server's own.
      const filler = 'x'.repeat(1_000_000);
      for (let count = 0; count < 20; count += 1) {
        await client.post(COLLECTION, execution(`x${count}`, { spec: { filler } }));
      }
      await expect(response.text()).rejects.toThrow();
    });

    test('stopping ends every watch cleanly', async () => {
      const sandbox = await start();
      await using watch = await client.watch(COLLECTION, {});
      await sandbox.stop();
      await watch.untilEnd();
    });
  });

  describe('refuses', () => {
    test.each(['labelSelector=a%3Db', 'sendInitialEvents=true', 'dryRun=All'])(
      '%s, rather than ignore it',
      async (query) => {
        await start();
        const refused = await client.get(`${COLLECTION}?${query}`);
        expect(refused.status).toBe(400);
        expect(refused.body.message).toContain('sandbox');
      },
    );

    test('a body beyond the limit of the API server with 413', async () => {
      await start();
      const refused = await client.post(
        COLLECTION,
        execution('x', { spec: { filler: 'x'.repeat(3 * 1024 * 1024) } }),
      );
      expect(refused.status).toBe(413);
    });
  });

  test('a fault takes the place of the answer', async () => {
    let isBroken = true;
    await start({
      intercept: (request) => {
        if (!isBroken || request.method !== 'GET') return undefined;
        return (response) => {
          response.writeHead(429, { 'retry-after': '1' });
          response.end();
        };
      },
    });
    expect((await client.get(COLLECTION)).status).toBe(429);
    isBroken = false;
    expect((await client.get(COLLECTION)).status).toBe(200);
  });

  describe('kept in a folder', () => {
    test('a second start continues with the objects and under newer versions', async () => {
      const first = await start({ dataDir });
      const created = (await client.post(COLLECTION, execution('x', { spec: { big: 1 } }))).body;
      await client.post(COLLECTION, execution('y'));
      await client.delete(`${COLLECTION}/y`);
      await first.stop();
      await start({ dataDir });
      expect((await client.get(`${COLLECTION}/x`)).body).toEqual(created);
      const next = (await client.post(COLLECTION, execution('z'))).body;
      expect(versionOf(next)).toBe(versionOf(created) + 3n);
      expect(namesIn((await client.get(COLLECTION)).body)).toEqual(['x', 'z']);
    });

    test('a killed process loses no answered write', async () => {
      const first = await start({ dataDir });
      // What a kill leaves: no folding at the end, and the last write cut short.
      const created = (await client.post(COLLECTION, execution('x'))).body;
      const snapshot = await readFile(join(dataDir, 'snapshot.json'));
      const journal = await readFile(join(dataDir, 'journal.ndjson'));
      await first.stop();
      await writeFile(join(dataDir, 'snapshot.json'), snapshot);
      await writeFile(join(dataDir, 'journal.ndjson'), Buffer.concat([journal, journal.subarray(0, 40)]));
      await start({ dataDir });
      expect((await client.get(`${COLLECTION}/x`)).body).toEqual(created);
      expect((await client.post(COLLECTION, execution('y'))).status).toBe(201);
    });

    test('a kill between saving the snapshot and clearing the journal repeats nothing', async () => {
      const first = await start({ dataDir });
      await client.post(COLLECTION, execution('x'));
      await client.patch(`${COLLECTION}/x`, { spec: { replicas: 4 } });
      const journal = await readFile(join(dataDir, 'journal.ndjson'));
      await client.delete(`${COLLECTION}/x`);
      await first.stop();
      await writeFile(join(dataDir, 'journal.ndjson'), journal);
      await start({ dataDir });
      expect((await client.get(`${COLLECTION}/x`)).status).toBe(404);
    });

    test('a watch cannot resume from before the restart, only from its version', async () => {
      const first = await start({ dataDir });
      const { resourceVersion = '' } = (await client.post(COLLECTION, execution('x'))).body.metadata;
      await client.post(COLLECTION, execution('y'));
      await first.stop();
      await start({ dataDir });
      await using watch = await client.watch(COLLECTION, { resourceVersion });
      expect((await watch.untilEnd()).map(({ type, object }) => [type, object.code])).toEqual([
        ['ERROR', 410],
      ]);
    });

    test('what cannot be read is an error that names the file', async () => {
      await writeFile(join(dataDir, 'snapshot.json'), '{"version":');
      await expect(startSandbox({ dataDir })).rejects.toThrow(join(dataDir, 'snapshot.json'));
    });
  });
});
