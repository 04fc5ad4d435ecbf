import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { JsonObject } from '../../src/domain/json.ts';
import type { Fault } from '../../src/embedded/sandbox/request-handler.ts';
import type { Sandbox } from '../../src/embedded/sandbox/sandbox.ts';
import { startSandbox } from '../../src/embedded/sandbox/sandbox.ts';
import { ClusterClient } from '../../src/embedded/simulator/cluster-client.ts';
import { textAt } from '../../src/kubernaut/resource.ts';
import type { ClusterConnection } from '../../src/kubernetes/cluster-connection.ts';
import { connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { follow } from '../../src/watcher/follow.ts';
import type { WatchedKind } from '../../src/watcher/watched-kind.ts';
import { WATCHED_KINDS } from '../../src/watcher/watched-kind.ts';
import { until } from '../support/until.ts';

const COLLECTION = '/apis/kubernaut.ai/v1alpha1/namespaces/default/workflowexecutions';
const isWatch = ({ url }: IncomingMessage): boolean => url?.includes('watch=true') ?? false;

let folder: string;
let sandbox: Sandbox;
let client: ClusterClient;
let connection: ClusterConnection;
let stopping: AbortController;
let loop: Promise<void>;
let fault: ((request: IncomingMessage) => Fault | undefined) | undefined;
/** `name@phase` of every state that was observed, and how often lists were complete. */
let seen: string[];
let lists: number;
let refuse: string | undefined;
let watches: Socket[];

/** Ends the watches that are open, as a proxy or a restart would. */
function cutWatches(): void {
  for (const socket of watches.splice(0)) socket.destroy();
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-follow-'));
  [seen, lists, fault, refuse] = [[], 0, undefined, undefined];
  watches = [];
  sandbox = await startSandbox({
    historyLimit: 10,
    intercept: (request) => {
      if (isWatch(request)) watches.push(request.socket);
      return fault?.(request);
    },
  });
  client = new ClusterClient({ url: sandbox.url, token: sandbox.token });
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.kubeconfig);
  connection = connectCluster({ kubeconfig, context: '' });
  stopping = new AbortController();
});
afterEach(async () => {
  stopping.abort();
  await loop;
  await connection.close();
  await client[Symbol.asyncDispose]();
  await sandbox.stop();
  await rm(folder, { recursive: true, force: true });
});

function startFollowing(inactivitySeconds = 30): void {
  const options = {
    kind: WATCHED_KINDS[0] as WatchedKind,
    namespace: '',
    connection,
    listPageSize: 2,
    watchTimeoutSeconds: 30,
    inactivitySeconds,
    backoffMs: 10,
    observe: (resource: JsonObject) => {
      const state = `${textAt(resource, 'metadata.name') ?? ''}@${textAt(resource, 'status.phase') ?? 'new'}`;
      if (state === refuse) {
        refuse = undefined;
        return Promise.reject(new Error('Temporal is away'));
      }
      seen.push(state);
      return Promise.resolve();
    },
    deleted: () => undefined,
    listed: () => {
      lists += 1;
    },
    logger: createLogger('silent', 'test'),
    metrics: createMetrics(),
  };
  loop = follow(options, stopping.signal);
}

async function create(name: string): Promise<void> {
  const answer = await client.send({
    method: 'POST',
    path: COLLECTION,
    body: { apiVersion: 'kubernaut.ai/v1alpha1', kind: 'WorkflowExecution', metadata: { name }, spec: {} },
  });
  expect(answer.status).toBe(201);
}

async function setPhase(name: string, phase: string): Promise<void> {
  const answer = await client.send({
    method: 'PATCH',
    path: `${COLLECTION}/${name}/status`,
    body: { status: { phase } },
  });
  expect(answer.status).toBe(200);
}

const untilSeen = (state: string): Promise<void> => until(() => seen.includes(state), `${state} is observed`);

test('what is there, what changes and what is deleted is observed, over all pages', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name);
  startFollowing();
  await untilSeen('e@new');
  await setPhase('c', 'Running');
  await untilSeen('c@Running');
  await client.send({ method: 'DELETE', path: `${COLLECTION}/c` });
  await until(
    () => seen.filter((state) => state === 'c@Running').length === 2,
    'the last state of c is observed',
  );
  expect(lists).toBe(1);
});

describe('the loop goes on after', () => {
  test('a watch that the server resets', async () => {
    startFollowing();
    await until(() => lists === 1 && watches.length > 0, 'the first list and its watch');
    fault = (request) => (isWatch(request) ? (response) => response.destroy() : undefined);
    cutWatches();
    await create('a');
    fault = undefined;
    await untilSeen('a@new');
  });

  test('a list that is refused, and a watch that is throttled', async () => {
    let refusals = 3;
    fault = () => {
      refusals -= 1;
      return refusals > 0
        ? (response) => response.writeHead(refusals === 2 ? 503 : 429).end('{}')
        : undefined;
    };
    await create('a').catch(() => undefined);
    startFollowing();
    await create('b');
    await untilSeen('b@new');
  });

  test('a version that is gone, as a status: it lists anew', async () => {
    startFollowing();
    await until(() => lists === 1 && watches.length > 0, 'the first list and its watch');
    let expired = false;
    fault = (request) => {
      if (!isWatch(request) || expired) return undefined;
      expired = true;
      return (response) => response.writeHead(410).end('{"kind":"Status","code":410,"reason":"Expired"}');
    };
    cutWatches();
    await until(() => lists === 2, 'the second list');
    await create('a');
    await untilSeen('a@new');
  });

  test('a version that is gone, as an event inside the stream', async () => {
    startFollowing();
    await until(() => lists === 1 && watches.length > 0, 'the first list and its watch');
    let expired = false;
    const event = '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n';
    fault = (request) => {
      if (!isWatch(request) || expired) return undefined;
      expired = true;
      return (response) => response.writeHead(200).end(event);
    };
    cutWatches();
    await until(() => lists === 2, 'the second list');
  });

  test('a watch that says nothing, not even a bookmark', async () => {
    startFollowing(1);
    await until(() => lists === 1 && watches.length > 0, 'the first list and its watch');
    let silent = 0;
    fault = (request) => {
      if (!isWatch(request) || silent > 0) return undefined;
      silent += 1;
      return (response) => {
        response.writeHead(200).flushHeaders();
      };
    };
    cutWatches();
    await until(() => silent === 1, 'the silent watch');
    await create('a');
    await untilSeen('a@new');
  });

  test('a state that nobody took: it is offered again', async () => {
    startFollowing();
    await until(() => lists === 1 && watches.length > 0, 'the first list and its watch');
    refuse = 'a@new';
    await create('a');
    await untilSeen('a@new');
  });
});
