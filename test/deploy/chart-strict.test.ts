import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { documentsOf, type Manifest, renderChart } from '../support/chart.ts';
import { repositoryPath } from '../support/repository.ts';

const render = (...kinds: readonly string[]): Promise<readonly Manifest[]> =>
  renderChart(...(kinds.length === 0 ? [] : [`watch.strictKinds={${kinds.join(',')}}`]));
const rulesOf = (manifests: readonly Manifest[]): Manifest['rules'] =>
  manifests.find(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name.endsWith('-strict'))?.rules;
const strictVariableOf = (manifests: readonly Manifest[]): string | undefined =>
  manifests
    .find(({ kind, metadata }) => kind === 'Deployment' && metadata.name.endsWith('-watch'))
    ?.spec.template.spec.containers[0]?.env.find(({ name }) => name === 'REMEDIATION_AUDIT_STRICT_KINDS')
    ?.value;

test('by default nothing of strict mode is there', async () => {
  const manifests = await render();
  expect([rulesOf(manifests), strictVariableOf(manifests)]).toEqual([undefined, undefined]);
  expect(manifests.filter(({ metadata }) => metadata.name.includes('strict'))).toEqual([]);
});

test('strict mode for remediations gives the right of deploy/rbac-strict.yaml, and no other', async () => {
  const manifests = await render('RemediationRequest');
  const alone = documentsOf(readFileSync(repositoryPath('deploy/rbac-strict.yaml'), 'utf8'));
  expect(rulesOf(manifests)).toEqual(rulesOf(alone));
  expect(strictVariableOf(manifests)).toBe('RemediationRequest');
});

test.each([
  ['all', ['all']],
  ['each by its name', KUBERNAUT_KINDS.map(({ kind }) => kind)],
])('strict mode for %s kinds may patch every kind that is watched', async (_case, kinds) => {
  const rules = rulesOf(await render(...kinds)) ?? [];
  expect(rules).toHaveLength(1);
  expect(new Set(rules[0]?.resources)).toEqual(new Set(KUBERNAUT_KINDS.map(({ plural }) => plural)));
  const groups = KUBERNAUT_KINDS.flatMap(({ served }) => served.map(({ group }) => group));
  expect(new Set(rules[0]?.apiGroups)).toEqual(new Set(groups));
  expect(rules[0]?.verbs).toEqual(['patch']);
});

test('the policy that narrows the right to patch is for every group that is watched, in the file and in the chart', async () => {
  const groups = new Set(KUBERNAUT_KINDS.flatMap(({ served }) => served.map(({ group }) => group)));
  const file = documentsOf(readFileSync(repositoryPath('deploy/rbac-strict.yaml'), 'utf8'));
  for (const manifests of [file, await render('RemediationRequest')]) {
    const policy = manifests.find(({ kind }) => kind === 'ValidatingAdmissionPolicy')?.spec;
    const { matchConstraints } = policy as unknown as {
      matchConstraints: { resourceRules: { apiGroups: string[]; resources: string[] }[] };
    };
    const [rule, ...others] = matchConstraints.resourceRules;
    expect(new Set(rule?.apiGroups)).toEqual(groups);
    expect([rule?.resources, others]).toEqual([['*/*'], []]);
  }
});

test('what it holds is released before the release of the chart is removed, with the rights of the watcher', async () => {
  const job = (await render('RemediationRequest')).find(
    ({ kind, metadata }) => kind === 'Job' && metadata.annotations?.['helm.sh/hook'] === 'pre-delete',
  );
  expect(job?.spec.template.spec.containers[0]?.args).toEqual(['strict', 'uninstall']);
  expect(job?.spec.template.spec.serviceAccountName).toMatch(/-watch$/);
});
