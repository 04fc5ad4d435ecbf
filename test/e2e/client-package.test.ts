import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import { repositoryPath } from '../support/repository.ts';
import { callApi } from '../support/up.ts';

/** What a controller's author installs: the packed client alone, in a project of its own. */
let folder: string;
let archive: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'remediation-audit-client-'));
  const cwd = repositoryPath('packages/client');
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd });
  archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
  // Without a network: whatever it depended on could not be installed.
  execFileSync('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', archive], {
    cwd: folder,
  });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8' });
}

test('the packed client is small and installs nothing beside itself', () => {
  expect(statSync(join(folder, archive)).size).toBeLessThan(100_000);
  const installed = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
  expect(installed).toEqual(['remediation-audit-client']);
});

test('the example of the client records an execution', async () => {
  cpSync(repositoryPath('packages/client/examples'), folder, { recursive: true });
  const { endpoints } = inject('sharedUp');
  expect(run('record-an-execution.mjs', endpoints.api, endpoints.token)).toBe('0 records wait\n');
  const answer = await callApi(endpoints, '/api/v1/audit/kubernetes-execution?execution_id=scale-api-1');
  expect(await answer.json()).toMatchObject({ items: [{ execution_id: 'scale-api-1', success: true }] });
});

test('the client is imported by its name and needs neither TypeScript nor prom-client', () => {
  writeFileSync(
    join(folder, 'program.mjs'),
    `import { createAuditClient, optionsFromSource } from 'remediation-audit-client';
     const client = await createAuditClient(optionsFromSource({ storage_service_url: 'http://127.0.0.1:1' }));
     process.stdout.write(String(client.pending));
     await client.close();`,
  );
  expect(run('program.mjs')).toBe('0');
});

test('unpacked alone, without any package beside it, the client writes no secret into its spool', () => {
  const alone = mkdtempSync(join(tmpdir(), 'remediation-audit-client-alone-'));
  try {
    execFileSync('tar', ['--extract', '--gzip', '--file', join(folder, archive)], { cwd: alone });
    mkdirSync(join(alone, 'spool'));
    writeFileSync(
      join(alone, 'program.mjs'),
      `import { createAuditClient } from './package/dist/index.js';
       const client = await createAuditClient({ url: 'http://127.0.0.1:1', spoolFolder: 'spool', drainMs: 1 });
       await client.record('kubernetes-execution', {
         execution_id: 'scale-api-1',
         output: 'connected with DB_PASSWORD=Xk92mnQ77Zp4',
         action_parameters: { replicas: 3, token: 't0p-s3cret-1' },
       });
       await client.close();`,
    );
    execFileSync(process.execPath, ['program.mjs'], { cwd: alone });
    const spool = readdirSync(join(alone, 'spool')).map((name) =>
      readFileSync(join(alone, 'spool', name), 'utf8'),
    );
    expect(spool).toEqual([
      '{"kind":"kubernetes-execution","record":{"action_parameters":{"replicas":3,"token":"[REDACTED:token]"},' +
        '"execution_id":"scale-api-1","output":"connected with DB_PASSWORD=[REDACTED:password]"}}\n',
    ]);
  } finally {
    rmSync(alone, { recursive: true, force: true });
  }
});

test('the types of the client know the columns of each kind, and which of them a post must carry', () => {
  writeFileSync(
    join(folder, 'program.ts'),
    `import type { RecordByKind } from 'remediation-audit-client';
     export const record: RecordByKind['ai-analysis'] = { crd_name: 'ai-1', crd_namespace: 'prod', severity: 'high' };
     // @ts-expect-error: the name of the analysis is required
     export const nameless: RecordByKind['ai-analysis'] = { crd_namespace: 'prod' };
     // @ts-expect-error: no such column
     export const misspelt: RecordByKind['ai-analysis'] = { crd_name: 'ai-1', crd_namespace: 'prod', severty: 'high' };`,
  );
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023'];
  run(repositoryPath('node_modules/typescript/bin/tsc'), ...options, 'program.ts');
});
