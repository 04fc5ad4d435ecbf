import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ObjectPatch } from '../../src/kubernetes/cluster-connection.ts';
import { connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import { FINALIZER } from '../../src/watcher/strict/finalizer.ts';
import { documentsOf, renderChart } from '../support/chart.ts';
import { repositoryPath } from '../support/repository.ts';
import { until } from '../support/until.ts';
import { ApiserverWorld } from '../support/watcher-apiserver.ts';

const DEADLINE_MS = 110_000;
const API_VERSION = 'kubernaut.ai/v1alpha1';
const COLLECTION = `/apis/${API_VERSION}/namespaces/default/remediationrequests`;
const POLICY_KINDS = ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'];
const OWNER = { apiVersion: 'v1', kind: 'ConfigMap', name: 'mine', uid: 'b1b8', controller: false };

let world: ApiserverWorld;

beforeAll(async () => {
  world = await ApiserverWorld.create();
  await world.grantRights('deploy/rbac-strict.yaml');
  await world.create('of-others');
  const metadata = {
    labels: { team: 'sre' },
    annotations: { seen: 'yes' },
    finalizers: ['others/finalizer'],
  };
  await world.send('PATCH', `${COLLECTION}/of-others`, { metadata });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const merge = (patch: object): ObjectPatch => ({
  type: 'application/merge-patch+json',
  body: JSON.stringify(patch),
});
const apply = (metadata: object): ObjectPatch => ({
  type: 'application/apply-patch+yaml',
  body: JSON.stringify({ apiVersion: API_VERSION, kind: 'RemediationRequest', metadata }),
});

/** With a token of the watcher: `taken`, or why not. It writes nothing that others would see: a dry run. */
async function asWatcher(patch: ObjectPatch, query = 'dryRun=All'): Promise<string> {
  const connection = connectCluster({ kubeconfig: world.kubeconfigPath, context: '' });
  try {
    const path = `${COLLECTION}/of-others?${query}&fieldManager=remediation-audit`;
    const answer = await connection.patch(path, patch, AbortSignal.timeout(DEADLINE_MS));
    const text = await answer.body.text();
    return answer.statusCode < 300 ? 'taken' : text;
  } finally {
    await connection.close();
  }
}

/** Whatever else a stolen token could be used for. */
const FORBIDDEN: readonly [string, ObjectPatch][] = [
  ['a spec', merge({ spec: { signalName: 'Other' } })],
  ['a label', merge({ metadata: { labels: { team: 'mine' } } })],
  ['a new label', merge({ metadata: { labels: { mine: 'yes' } } })],
  ['a label away', merge({ metadata: { labels: null } })],
  ['an annotation', merge({ metadata: { annotations: { seen: 'no' } } })],
  ['an owner', merge({ metadata: { ownerReferences: [OWNER] } })],
  ['a field that no definition has', merge({ data: { anything: 1 } })],
  ['the finalizer of others away', merge({ metadata: { finalizers: null } })],
  ['another finalizer', merge({ metadata: { finalizers: ['others/finalizer', 'mine/finalizer'] } })],
  [
    'ours with a spec',
    merge({ spec: { signalName: 'Other' }, metadata: { finalizers: [FINALIZER, 'others/finalizer'] } }),
  ],
  ['ours in place of that of others', merge({ metadata: { finalizers: [FINALIZER] } })],
];

describe.each([
  [
    'deploy/rbac-strict.yaml',
    () => documentsOf(readFileSync(repositoryPath('deploy/rbac-strict.yaml'), 'utf8')),
  ],
  [
    'the chart',
    async () =>
      renderChart(
        'watch.strictKinds={RemediationRequest}',
        'watch.serviceAccountName=remediation-audit-watcher',
      ).then(
        (manifests) =>
          JSON.parse(
            JSON.stringify(manifests).replaceAll('serviceaccount:audit:', 'serviceaccount:default:'),
          ) as typeof manifests,
      ),
  ],
])('the policy of %s', (_file, read) => {
  const pathOf = (kind: string): string =>
    `/apis/admissionregistration.k8s.io/v1/${kind.replace(/y$/, 'ie').toLowerCase()}s`;
  let kinds: readonly string[];

  beforeAll(async () => {
    for (const kind of POLICY_KINDS) {
      const { items } = (await world.send('GET', pathOf(kind))) as {
        items: { metadata: { name: string } }[];
      };
      for (const { metadata } of items) await world.send('DELETE', `${pathOf(kind)}/${metadata.name}`);
    }
    // The server looks at its policies now and then: without one everything is taken.
    await until(
      async () => (await asWatcher(FORBIDDEN[0]?.[1] ?? apply({}))) === 'taken',
      'no policy is there',
      DEADLINE_MS,
    );
    const policies = (await read()).filter(({ kind }) => POLICY_KINDS.includes(kind));
    kinds = policies.map(({ kind }) => kind);
    for (const policy of policies) await world.send('POST', pathOf(policy.kind), policy);
    await until(
      async () => (await asWatcher(FORBIDDEN[0]?.[1] ?? apply({}))) !== 'taken',
      'the policy is there',
      DEADLINE_MS,
    );
  });

  test('is a policy and its binding', () => {
    expect(kinds).toEqual(POLICY_KINDS);
  });

  test.each(FORBIDDEN)('lets the watcher not change %s', async (_what, patch) => {
    expect(await asWatcher(patch)).toMatch(
      /strict mode (changes metadata.finalizers and nothing else|sets and releases)/,
    );
  });

  test('lets the watcher set its finalizer and release it, both as it does it and by a merge', async () => {
    const { metadata } = (await world.send('GET', `${COLLECTION}/of-others`)) as {
      metadata: { uid: string };
    };
    const identity = { name: 'of-others', namespace: 'default', uid: metadata.uid };
    expect(await asWatcher(apply({ ...identity, finalizers: [FINALIZER] }), 'force=false')).toBe('taken');
    expect(await asWatcher(merge({ metadata: { finalizers: ['others/finalizer'] } }))).toBe('taken');
    expect(await asWatcher(apply(identity), 'force=false')).toBe('taken');
    expect(await asWatcher(merge({ metadata: { finalizers: ['others/finalizer', FINALIZER] } }))).toBe(
      'taken',
    );
  });

  test('changes nothing for anybody else', async () => {
    await world.send('PATCH', `${COLLECTION}/of-others?dryRun=All`, {
      metadata: { labels: { team: 'other' } },
    });
  });
});
