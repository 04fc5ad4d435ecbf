import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';
import { parse } from 'yaml';

import { EXIT } from '../../src/cli/exit-codes.ts';
import { PLUGIN_COMMANDS } from '../../src/plugin/program.ts';
import { repositoryPath } from '../support/repository.ts';

const read = (path: string): string => readFileSync(repositoryPath(path), 'utf8');
const { version, bin } = JSON.parse(read('package.json')) as { version: string; bin: Record<string, string> };

test('the krew manifest has the version of the package and the name that kubectl looks for', () => {
  const manifest = parse(read('deploy/krew/remediation.yaml')) as {
    metadata: { name: string };
    spec: { version: string };
  };
  expect(manifest.spec.version).toBe(`v${version}`);
  expect(bin[`kubectl-${manifest.metadata.name}`]).toBe('dist/kubectl-remediation.js');
  expect(bin[`kubectl_complete-${manifest.metadata.name}`]).toBe('dist/kubectl-remediation.js');
});

test('docs/kubectl-plugin.md names every command, and the manifest names the oldest Node', () => {
  const page = read('docs/kubectl-plugin.md');
  for (const name of Object.keys(PLUGIN_COMMANDS))
    expect(page, name).toContain(
      `\`${name}`.replace(/^`(list|show|why|gaps|report)$/, 'kubectl remediation $1'),
    );
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
  expect(read('deploy/krew/remediation.yaml')).toContain(`Node ${engines.node.replace('>=', '')} or newer`);
});

test('the documentation of both programs has their exit codes', () => {
  const rows = Object.values(EXIT).map((one) => ({
    row: `| ${one.code} | ${one.means} |\n`,
    isOfProcess: 'isOfProcess' in one,
  }));
  expect(rows.map(({ row }) => row).filter((row) => !read('docs/configuration.md').includes(row))).toEqual(
    [],
  );
  for (const { row, isOfProcess } of rows)
    expect(read('docs/kubectl-plugin.md').includes(row), row).toBe(!isOfProcess);
});
