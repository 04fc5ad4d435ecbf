import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type KubeApiserver, startKubeApiserver } from '../../dev/servers/kube-apiserver/kube-apiserver.ts';
import type { Gate } from '../../src/api/auth/gate.ts';
import { createKubernetesGate } from '../../src/api/auth/kubernetes-gate.ts';
import { Problem } from '../../src/api/http/problems.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { type ClusterConnection, connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import { reviewToken } from '../../src/kubernetes/reviews.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { resolveServer } from '../support/servers.ts';
import { type ClusterAdmin, clusterAdmin, createPoster } from '../support/service-account.ts';
import { until } from '../support/until.ts';

const silent = createLogger('silent', 'test');

/** Where callers come from. */
const HERE = '10.0.0.1';
const ELSEWHERE = '10.0.0.2';

let dataDir: string;
let cluster: KubeApiserver;
let connection: ClusterConnection;
let admin: ClusterAdmin;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-kubernetes-auth-'));
  const binaries = { etcd: await resolveServer('etcd'), apiserver: await resolveServer('kube-apiserver') };
  cluster = await startKubeApiserver({ dataDir, binaries });
  connection = connectCluster({ kubeconfig: cluster.kubeconfigPath, context: '' });
  admin = clusterAdmin(cluster.kubeconfigPath);
  await createPoster(admin, 'poster');
  await admin.create('/api/v1/namespaces/default/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'stranger' },
  });
});
afterAll(async () => {
  await connection.close();
  await cluster.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** The real API server, and how often it was asked. */
function counted(): { reviewer: Pick<ClusterConnection, 'review' | 'close'>; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    reviewer: {
      review: (path, body, signal) => {
        asked.push(path.split('/').at(-1) ?? '');
        return connection.review(path, body, signal);
      },
      close: () => Promise.resolve(),
    },
  };
}

async function problemOf(admitted: () => unknown): Promise<string> {
  try {
    await admitted();
    return 'admitted';
  } catch (error: unknown) {
    if (error instanceof Problem) return error.type;
    throw error;
  }
}

test('a service account with the role is admitted by name; one without it is forbidden', async () => {
  const gate = createKubernetesGate({ reviewer: counted().reviewer, logger: silent });
  const poster = `Bearer ${await admin.tokenOf('poster')}`;
  const stranger = `Bearer ${await admin.tokenOf('stranger')}`;
  expect(await gate.admit(poster, 'create', HERE)).toEqual({ name: 'system:serviceaccount:default:poster' });
  expect(await problemOf(() => gate.admit(poster, 'hold', HERE))).toBe('forbidden');
  expect(await problemOf(() => gate.admit(stranger, 'create', HERE))).toBe('forbidden');
  expect(await gate.admit(`Bearer ${cluster.token}`, 'restore', HERE)).toEqual({ name: 'admin' });
});

test('wrong, missing and expired tokens are nobody’s', async () => {
  const gate = createKubernetesGate({ reviewer: counted().reviewer, logger: silent });
  const token = await admin.tokenOf('poster');
  const [head = '', , signature = ''] = token.split('.');
  const expired = Buffer.from(JSON.stringify({ exp: 1_000_000_000 })).toString('base64url');
  for (const authorization of [
    undefined,
    'Bearer nonsense',
    `Bearer ${token.slice(0, -4)}AAAA`,
    `Bearer ${head}.${expired}.${signature}`,
  ]) {
    expect(await problemOf(() => gate.admit(authorization, 'create', HERE))).toBe('unauthenticated');
  }
});

test('a token must be meant for the service where audiences are configured', async () => {
  const gate = createKubernetesGate({
    reviewer: counted().reviewer,
    audiences: ['remediation-audit'],
    logger: silent,
  });
  const meant = await admin.tokenOf('poster', ['remediation-audit']);
  expect(await gate.admit(`Bearer ${meant}`, 'create', HERE)).toEqual({
    name: 'system:serviceaccount:default:poster',
  });
  expect(
    await problemOf(async () => gate.admit(`Bearer ${await admin.tokenOf('poster')}`, 'create', HERE)),
  ).toBe('unauthenticated');
});

test('judgements are used for 50 s and 10 s, and asked for again in the background before that', async () => {
  let now = 0;
  const { reviewer, asked } = counted();
  const gate = createKubernetesGate({ reviewer, logger: silent, now: () => now });
  const authorization = `Bearer ${await admin.tokenOf('poster')}`;
  await Promise.all(Array.from({ length: 50 }, async () => gate.admit(authorization, 'create', HERE)));
  expect(asked).toEqual(['tokenreviews', 'subjectaccessreviews']);
  now = 7_000;
  expect(gate.admit(authorization, 'create', HERE)).toEqual({ name: 'system:serviceaccount:default:poster' });
  expect(asked).toHaveLength(2);
  now = 8_000;
  expect(gate.admit(authorization, 'create', HERE)).not.toBeInstanceOf(Promise);
  expect(asked.slice(2)).toEqual(['subjectaccessreviews']);
  now = 15_000;
  await until(
    () => !(gate.admit(authorization, 'create', HERE) instanceof Promise),
    'the refreshed judgement is there',
  );
  now = 35_000;
  await gate.admit(authorization, 'create', HERE);
  expect(asked.slice(3)).toEqual(['subjectaccessreviews']);
  now = 70_000;
  await gate.admit(authorization, 'create', HERE);
  expect(asked.slice(4)).toEqual(['tokenreviews', 'subjectaccessreviews']);
});

test('while the API server is away known callers post for an hour and read for five minutes, and new ones get 503', async () => {
  let now = 0;
  const away = connectCluster({ kubeconfig: await unreachableKubeconfig(), context: '' });
  let current: Pick<ClusterConnection, 'review'> = connection;
  const reviewer = {
    review: (path: string, body: string, signal: AbortSignal) => current.review(path, body, signal),
    close: () => away.close(),
  };
  const gate: Gate = createKubernetesGate({ reviewer, logger: silent, now: () => now });
  const known = `Bearer ${await admin.tokenOf('poster')}`;
  const unknown = `Bearer ${await admin.tokenOf('stranger')}`;
  await gate.admit(known, 'create', HERE);
  // The role of the poster does not read; the administrator may.
  const reader = `Bearer ${cluster.token}`;
  await gate.admit(reader, 'list', HERE);
  current = away;
  now = 5 * MINUTE_MS - 1;
  expect(await gate.admit(reader, 'list', HERE)).toEqual({ name: 'admin' });
  now = 5 * MINUTE_MS;
  expect(await problemOf(() => gate.admit(reader, 'list', HERE))).toBe('authority-unavailable');
  now = HOUR_MS - 1;
  expect(await gate.admit(known, 'create', HERE)).toEqual({ name: 'system:serviceaccount:default:poster' });
  expect(await problemOf(() => gate.admit(unknown, 'create', HERE))).toBe('authority-unavailable');
  now = HOUR_MS;
  expect(await problemOf(() => gate.admit(known, 'create', HERE))).toBe('authority-unavailable');
  await gate.close();
});

/** The real API server, which gives no answer about invented tokens until the flood is over. */
function flooded(): { reviewer: Pick<ClusterConnection, 'review' | 'close'>; end: () => void } {
  const over = Promise.withResolvers<undefined>();
  return {
    end: () => {
      over.resolve(undefined);
    },
    reviewer: {
      review: async (path, body, signal) => {
        if (body.includes('invented')) await over.promise;
        return connection.review(path, body, signal);
      },
      close: () => Promise.resolve(),
    },
  };
}

test('a revoked token is refused after 50 s and what the API server takes, also under a flood of invented ones, and newcomers of other addresses are let in', async () => {
  let now = 0;
  const { reviewer, end } = flooded();
  const lines: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
  const gate = createKubernetesGate({ reviewer, logger, now: () => now });
  await admin.create('/api/v1/namespaces/default/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'leaving' },
  });
  await admin.create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'leaving' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'audit-writer' },
    subjects: [{ kind: 'ServiceAccount', name: 'leaving', namespace: 'default' }],
  });
  const leaving = `Bearer ${await admin.tokenOf('leaving')}`;
  expect(await gate.admit(leaving, 'create', HERE)).toEqual({
    name: 'system:serviceaccount:default:leaving',
  });
  await admin.remove('/api/v1/namespaces/default/serviceaccounts/leaving');
  // The API server keeps what it knows of a token for ten seconds itself.
  await until(
    async () => (await reviewToken(connection, leaving.slice('Bearer '.length), [])) === undefined,
    'the API server knows that the token is revoked',
  );
  const flood = Array.from({ length: 100 }, (_, index) =>
    problemOf(() => gate.admit(`Bearer invented-${index}`, 'create', HERE)),
  );
  now = 37_000;
  expect(await gate.admit(leaving, 'create', HERE)).toEqual({
    name: 'system:serviceaccount:default:leaving',
  });
  now = 50_000;
  expect(await problemOf(() => gate.admit(leaving, 'create', HERE))).toBe('unauthenticated');
  const newcomer = `Bearer ${await admin.tokenOf('poster')}`;
  expect(await problemOf(() => gate.admit(newcomer, 'create', HERE))).toBe('authority-unavailable');
  expect(await problemOf(() => gate.admit(newcomer, 'create', ELSEWHERE))).toBe('admitted');
  end();
  const judged = await Promise.all(flood);
  expect(judged.filter((judgement) => judgement === 'unauthenticated')).toHaveLength(16);
  expect(judged.filter((judgement) => judgement === 'authority-unavailable')).toHaveLength(84);
  expect(lines.at(0)).toContain('too many unknown tokens are being reviewed at once');
});

test('an API server that answers 429 lets no old judgement be used', async () => {
  let now = 0;
  let isThrottling = false;
  const reviewer: Pick<ClusterConnection, 'review' | 'close'> = {
    review: async (path, body, signal) => {
      const answer = await connection.review(path, body, signal);
      return isThrottling ? { ...answer, statusCode: 429, body: answer.body } : answer;
    },
    close: () => Promise.resolve(),
  };
  const gate = createKubernetesGate({ reviewer, logger: silent, now: () => now });
  const known = `Bearer ${await admin.tokenOf('poster')}`;
  await gate.admit(known, 'create', HERE);
  isThrottling = true;
  now = 50_000;
  expect(await problemOf(() => gate.admit(known, 'create', HERE))).toBe('authority-unavailable');
});

/** A kubeconfig of a port that nobody listens on. */
async function unreachableKubeconfig(): Promise<string> {
  const path = join(dataDir, 'unreachable.yaml');
  const name = 'away';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: 'http://127.0.0.1:1' } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}
