import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { repositoryPath } from '../support/repository.ts';

interface ClusterRole {
  readonly kind: string;
  readonly rules: readonly { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

const rulesOf = (file: string): ClusterRole['rules'] => {
  const documents = parseAllDocuments(readFileSync(repositoryPath(file), 'utf8'));
  const roles = documents.map((document) => document.toJS() as ClusterRole);
  return roles.find(({ kind }) => kind === 'ClusterRole')?.rules ?? [];
};

test('deploy/rbac.yaml lets the watcher read every kind in every group it was ever served in, and write nothing', () => {
  const rules = rulesOf('deploy/rbac.yaml');
  const groups = KUBERNAUT_KINDS.flatMap(({ served }) => served.map(({ group }) => group));
  expect(rules.slice(1)).toEqual([
    { apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'], verbs: ['get'] },
  ]);
  expect(rules[0]?.verbs).toEqual(['get', 'list', 'watch']);
  expect(new Set(rules[0]?.apiGroups)).toEqual(new Set(groups));
  expect(new Set(rules[0]?.resources)).toEqual(new Set(KUBERNAUT_KINDS.map(({ plural }) => plural)));
});

test('deploy/rbac-strict.yaml adds the right to patch remediations, and nothing else', () => {
  const [remediation] = KUBERNAUT_KINDS.filter(({ kind }) => kind === 'RemediationRequest');
  const apiGroups = remediation?.served.map(({ group }) => group);
  expect(rulesOf('deploy/rbac-strict.yaml')).toEqual([
    { apiGroups, resources: ['remediationrequests'], verbs: ['patch'] },
  ]);
});
