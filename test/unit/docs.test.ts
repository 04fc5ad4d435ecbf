import { existsSync, readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { PROBLEMS } from '../../src/api/http/problems.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { repositoryPath } from '../support/repository.ts';

interface MetricDescription {
  name: string;
  help: string;
  type: string;
  labelNames: string[];
}

const page = (name: string): string => readFileSync(repositoryPath(`docs/${name}`), 'utf8');
const rows = (text: string, start: string): string[] =>
  text.split('\n').filter((line) => line.startsWith(start));

test('docs/metrics.md lists every metric of ours, with its labels and its help', () => {
  const registered = createMetrics()
    .registry.getMetricsAsArray()
    .filter(({ name }) => /^(?:remediation_audit|kubernaut)_/.test(name))
    .map((metric) => {
      // Not part of the library's types, although every metric has them.
      const { name, help, type, labelNames } = metric as unknown as MetricDescription;
      return `| \`${name}\` | ${type} | ${labelNames.join(', ') || '–'} | ${help} |`;
    });
  expect(rows(page('metrics.md'), '| `')).toEqual(registered);
});

test('docs/api.md lists every problem with its status and title', () => {
  const problems = Object.entries(PROBLEMS).map(
    ([name, { status, title }]) => `| \`${name}\` | ${status} | ${title} |`,
  );
  expect(rows(page('api.md'), '| `')).toEqual(problems);
});

test('docs/api.md names every kind of record that has a list', () => {
  for (const { kind } of RECORD_DEFINITIONS) expect(page('api.md')).toContain(`\`${kind}\``);
});

test('every document names the oldest Node that package.json allows', () => {
  const { engines } = JSON.parse(readFileSync(repositoryPath('package.json'), 'utf8')) as {
    engines: { node: string };
  };
  const oldest = engines.node.replace('>=', '');
  const files = ['README.md', 'CONTRIBUTING.md', 'docs/client.md', 'docs/install.md'].filter((file) =>
    existsSync(repositoryPath(file)),
  );
  const named = files.flatMap((file) =>
    [...readFileSync(repositoryPath(file), 'utf8').matchAll(/Node (\d[\d.]*\d) or newer/g)].map(
      ([, version]) => version,
    ),
  );
  expect(named.length).toBeGreaterThanOrEqual(2);
  expect(new Set(named)).toEqual(new Set([oldest]));
});

test('every file and folder that CONTRIBUTING.md names in backticks is there', () => {
  const named = [
    ...readFileSync(repositoryPath('CONTRIBUTING.md'), 'utf8').matchAll(/`([\w-]+\/[\w/.-]*)`/g),
  ];
  const isThere = (path: string): boolean =>
    [path, `src/${path}`, `src/database/${path}`].some((candidate) => existsSync(repositoryPath(candidate)));
  expect(named.length).toBeGreaterThan(30);
  expect(named.map(([, path = '']) => path).filter((path) => !isThere(path))).toEqual([]);
});
