import { describe, expect, test } from 'vitest';

import { EVERYTHING, type Manifest, podsOf, renderChart } from '../support/chart.ts';

interface Rule {
  readonly ports: readonly { readonly port: number | string; readonly protocol: string }[];
  readonly from?: object[];
  readonly to?: object[];
}

interface Policy {
  readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly policyTypes: readonly string[];
  readonly ingress: readonly Rule[];
  readonly egress?: readonly Rule[];
}

/** By the process whose pods it selects. */
async function policiesOf(...values: readonly string[]): Promise<ReadonlyMap<string, Policy>> {
  const policies = (await renderChart(...values)).filter(({ kind }) => kind === 'NetworkPolicy');
  const specs = policies.map(({ spec }) => spec as unknown as Policy);
  return new Map(
    specs.map((spec) => [spec.podSelector.matchLabels['app.kubernetes.io/component'] ?? '', spec]),
  );
}

const portsOf = (rules: readonly Rule[] = []): (number | string)[] =>
  rules.flatMap(({ ports }) => ports.filter(({ protocol }) => protocol === 'TCP').map(({ port }) => port));

const componentOf = ({ spec }: Manifest): string =>
  spec.template.metadata.labels?.['app.kubernetes.io/component'] ?? '';

test('every pod has a policy, which lets others reach its one port, and none where it has none', async () => {
  const values = [...EVERYTHING, 'watch.strictKinds={all}'];
  const manifests = await renderChart(...values);
  const policies = await policiesOf(...values);
  const templates = manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'Job');
  expect(templates.map(componentOf).toSorted()).toEqual([...policies.keys()].toSorted());
  for (const manifest of templates) {
    const [pod] = podsOf([manifest]);
    const policy = policies.get(componentOf(manifest));
    expect(policy?.policyTypes).toEqual(['Ingress']);
    expect(portsOf(policy?.ingress)).toEqual(pod?.containers[0].ports === undefined ? [] : ['http']);
  }
});

test('who may come can be limited, for the API apart from metrics', async () => {
  const policies = await policiesOf(
    'networkPolicy.apiFrom[0].namespaceSelector.matchLabels.name=sources',
    'networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring',
  );
  const fromOf = (process: string) => policies.get(process)?.ingress[0]?.from;
  const namespace = (name: string) => [{ namespaceSelector: { matchLabels: { name } } }];
  expect(fromOf('serve')).toMatchObject([
    ...namespace('sources'),
    { podSelector: { matchLabels: { 'app.kubernetes.io/component': 'test' } } },
  ]);
  for (const process of ['watch', 'recording', 'maintenance'])
    expect(fromOf(process)).toEqual(namespace('monitoring'));
});

describe('with limits on what a process reaches', () => {
  const egressOf = async (...values: readonly string[]) => {
    const policies = await policiesOf('networkPolicy.egress.enabled=true', ...values);
    return Object.fromEntries([...policies].map(([name, { egress }]) => [name, portsOf(egress)]));
  };

  test('each reaches what it needs: recording no API server and no bucket', async () => {
    const archive = ['archive.url=s3://a/b', 'archive.keySecret=k', 'archive.publicKeySecret=p'];
    const apiServer = [443, 6443];
    expect(await egressOf(...archive, 'watch.strictKinds={all}')).toEqual({
      watch: [53, 5432, 7233, ...apiServer],
      recording: [53, 5432, 7233],
      maintenance: [53, 5432, 7233, 443],
      serve: [53, 5432, 7233, ...apiServer, 443],
      migrate: [53, 5432],
      'strict-uninstall': [53, ...apiServer],
    });
  });

  test('nothing that is not configured is reached', async () => {
    const values = ['serve.authMode=token', 'serve.tokensSecret=t', 'watch.databaseSecret='];
    const { serve, watch } = await egressOf(...values);
    expect([serve, watch]).toEqual([
      [53, 5432, 7233],
      [53, 7233, 443, 6443],
    ]);
    const embedding = 'recording.settings.REMEDIATION_AUDIT_EMBEDDING_URL=https://models.example.com/v1';
    expect((await egressOf(embedding))['recording']).toEqual([53, 5432, 7233, 443]);
  });

  test('ports and addresses are values, that of Temporal its own', async () => {
    const policies = await policiesOf(
      ...['networkPolicy.egress.enabled=true', 'temporal.address=temporal.example.com:17233'],
      ...[
        'networkPolicy.egress.postgres.ports={6432}',
        'networkPolicy.egress.postgres.to[0].ipBlock.cidr=10.1.0.0/16',
      ],
    );
    const egress = policies.get('recording')?.egress;
    expect(portsOf(egress)).toEqual([53, 6432, 17233]);
    expect(egress?.[1]?.to).toEqual([{ ipBlock: { cidr: '10.1.0.0/16' } }]);
  });
});

test('policies can be switched off', async () => {
  expect((await policiesOf('networkPolicy.enabled=false')).size).toBe(0);
});
