import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { repositoryPath } from '../support/repository.ts';
import { startUp } from '../support/up.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'remediation-audit-package-'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: repositoryPath('.') });
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  execFileSync('tar', ['-xzf', join(folder, archive), '-C', folder]);
  symlinkSync(repositoryPath('node_modules'), join(folder, 'package/node_modules'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: readonly string[]): string {
  return execFileSync(process.execPath, [join(folder, 'package/dist/main.js'), ...args], {
    encoding: 'utf8',
  });
}

test('the packed program runs as JavaScript, with its migrations and reports beside it', () => {
  expect(run('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(run('report', '--help')).toContain('recent-failures');
  expect(readdirSync(join(folder, 'package/migrations'))).toContain('0001_audit_foundation.sql');
  expect(readdirSync(join(folder, 'package/dist/reports/sql'))).toContain('recent-failures.sql');
});

test('the example of the client records an execution', async () => {
  const user = join(folder, 'example');
  mkdirSync(join(user, 'node_modules'), { recursive: true });
  symlinkSync(join(folder, 'package'), join(user, 'node_modules/remediation-audit'));
  cpSync(repositoryPath('examples'), user, { recursive: true });
  const up = await startUp(join(folder, 'data'), ['--no-simulator']);
  try {
    const args = ['record-an-execution.mjs', up.endpoints.api];
    expect(execFileSync(process.execPath, args, { cwd: user, encoding: 'utf8' })).toBe('0 records wait\n');
    const answer = await fetch(`${up.endpoints.api}/api/v1/audit/kubernetes-execution`);
    expect(await answer.json()).toMatchObject({ items: [{ execution_id: 'scale-api-1', success: true }] });
  } finally {
    await up.stop();
  }
});

test('the client is imported by its name, with its types, and needs no TypeScript', () => {
  const user = join(folder, 'user');
  mkdirSync(join(user, 'node_modules'), { recursive: true });
  symlinkSync(join(folder, 'package'), join(user, 'node_modules/remediation-audit'));
  writeFileSync(
    join(user, 'program.mjs'),
    `import { createAuditClient, optionsFromSource } from 'remediation-audit/client';
     const client = await createAuditClient(optionsFromSource({ storage_service_url: 'http://127.0.0.1:1' }));
     process.stdout.write(String(client.pending));
     await client.close();`,
  );
  const output = execFileSync(process.execPath, [join(user, 'program.mjs')], { encoding: 'utf8' });
  expect(output).toBe('0');
  writeFileSync(
    join(user, 'program.ts'),
    `import type { RecordByKind } from 'remediation-audit/client';
     export const record: RecordByKind['ai-analysis'] = { crd_name: 'ai-1', crd_namespace: 'prod', severity: 'high' };
     // @ts-expect-error: the name of the analysis is required
     export const nameless: RecordByKind['ai-analysis'] = { crd_namespace: 'prod' };
     // @ts-expect-error: no such column
     export const misspelt: RecordByKind['ai-analysis'] = { crd_name: 'ai-1', crd_namespace: 'prod', severty: 'high' };`,
  );
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023'];
  execFileSync(
    process.execPath,
    [repositoryPath('node_modules/typescript/bin/tsc'), ...options, 'program.ts'],
    {
      cwd: user,
      encoding: 'utf8',
    },
  );
});
