import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';

import { createMetrics } from '../../src/observability/metrics.ts';
import { repositoryPath } from '../support/repository.ts';
import { resolveServer } from '../support/servers.ts';

const read = (path: string): string => readFileSync(repositoryPath(path), 'utf8');

interface Rules {
  readonly groups: { readonly rules: { readonly expr: string }[] }[];
}

interface Dashboard {
  readonly panels: { readonly title: string; readonly targets?: { readonly expr: string }[] }[];
}

const { groups } = parse(read('deploy/chart/alerts.yaml')) as Rules;
const { panels } = JSON.parse(read('deploy/chart/dashboard.json')) as Dashboard;
const ofRules = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
const ofPanels = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

describe.each([
  ['the alert rules', ofRules],
  ['the dashboard', ofPanels],
])('%s', (_what, expressions) => {
  test('name metrics that are exposed, and no other', () => {
    const exposed = new Set(
      createMetrics()
        .registry.getMetricsAsArray()
        .map(({ name }) => name),
    );
    for (const expression of expressions) {
      const named = expression.match(/\b(?:remediation_audit|kubernaut|nodejs|process)_\w+/g) ?? [];
      expect(named.length, expression).toBeGreaterThan(0);
      for (const name of named) expect(exposed, name).toContain(name.replace(/_(?:bucket|count)$/, ''));
    }
  });
});

test('no metric has a label that names a resource: everybody may read them', () => {
  const named = createMetrics()
    .registry.getMetricsAsArray()
    // The registry has them, its type does not say so.
    .flatMap((metric) => (metric as unknown as { labelNames?: readonly string[] }).labelNames ?? []);
  expect(named).toContain('kind');
  for (const label of ['name', 'namespace', 'uid', 'remediation', 'resource', 'target', 'user', 'caller'])
    expect(named).not.toContain(label);
});

test('promtool can read every expression of the dashboard', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dashboard-test-'));
  const rules = ofPanels.map((expr, index) => ({ record: `panel_${index}`, expr }));
  await writeFile(join(folder, 'rules.yaml'), stringify({ groups: [{ name: 'dashboard', rules }] }));
  const { stdout } = await promisify(execFile)(await resolveServer('promtool'), [
    ...['check', 'rules', join(folder, 'rules.yaml')],
  ]);
  expect(stdout).toContain(`SUCCESS: ${ofPanels.length} rules found`);
  await rm(folder, { recursive: true, force: true });
});
