import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { repositoryPath } from '../support/repository.ts';

interface ClusterRole {
  readonly kind: string;
  readonly rules: readonly { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

test('deploy/rbac.yaml lets the watcher read every kind in every group it was ever served in, and write nothing', () => {
  const documents = parseAllDocuments(readFileSync(repositoryPath('deploy/rbac.yaml'), 'utf8'));
  const roles = documents.map((document) => document.toJS() as ClusterRole);
  const rules = roles.find(({ kind }) => kind === 'ClusterRole')?.rules ?? [];
  const groups = KUBERNAUT_KINDS.flatMap(({ served }) => served.map(({ group }) => group));
  expect(rules).toHaveLength(1);
  expect(rules[0]?.verbs).toEqual(['get', 'list', 'watch']);
  expect(new Set(rules[0]?.apiGroups)).toEqual(new Set(groups));
  expect(new Set(rules[0]?.resources)).toEqual(new Set(KUBERNAUT_KINDS.map(({ plural }) => plural)));
});
