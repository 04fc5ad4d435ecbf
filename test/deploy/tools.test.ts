import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';

import { resolveServer } from '../support/servers.ts';

const run = promisify(execFile);
const DEADLINE = { timeout: 60_000 };
let folder: string;
let helm: string;
let promtool: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tools-test-'));
  helm = await resolveServer('helm');
  promtool = await resolveServer('promtool');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<string> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

async function writeChart(name: string, template: string): Promise<string> {
  await write(`${name}/Chart.yaml`, `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`);
  await write(`${name}/values.yaml`, 'retentionDays: 90\n');
  await write(`${name}/templates/config.yaml`, template);
  return join(folder, name);
}

const CONFIG_MAP = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  retentionDays: {{ .Values.retentionDays | quote }}
`;

const rule = (expression: string): string => `groups:
  - name: audit
    rules:
      - alert: AuditGap
        expr: ${expression}
        for: 5m
`;

test('helm renders a chart with its values', async () => {
  const chart = await writeChart('tiny', CONFIG_MAP);
  const { stdout } = await run(helm, ['template', 'audit', chart, '--set', 'retentionDays=30'], DEADLINE);
  expect(parse(stdout)).toMatchObject({ metadata: { name: 'audit' }, data: { retentionDays: '30' } });
});

test('helm refuses a template that is broken', async () => {
  const chart = await writeChart('broken', '{{ .Values.retentionDays | noSuchFunction }}\n');
  await expect(run(helm, ['template', 'audit', chart], DEADLINE)).rejects.toThrow('noSuchFunction');
});

test('promtool accepts a good rule', async () => {
  const file = await write('good.yaml', rule('increase(audit_gaps_total[5m]) > 0'));
  const { stdout } = await run(promtool, ['check', 'rules', file], DEADLINE);
  expect(stdout).toContain('SUCCESS: 1 rules found');
});

test('promtool refuses a rule whose expression is broken', async () => {
  const file = await write('bad.yaml', rule('increase(audit_gaps_total[5m) > 0'));
  await expect(run(promtool, ['check', 'rules', file], DEADLINE)).rejects.toThrow(
    'could not parse expression',
  );
});
