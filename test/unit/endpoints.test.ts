import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { publishEndpoints } from '../../dev/up/endpoints.ts';

const endpoints = {
  api: 'http://127.0.0.1:8085',
  token: 'a-token',
  temporal: '127.0.0.1:7233',
  temporalUi: 'http://127.0.0.1:8233',
  postgres: 'postgresql://audit_owner:secret@127.0.0.1:5432/audit',
  kubernetes: 'http://127.0.0.1:6443',
  kubeconfig: '/data/sandbox/kubeconfig',
  watcher: 'http://127.0.0.1:9466',
  worker: 'http://127.0.0.1:9465',
};
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'endpoints-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('the endpoints are one file that only its owner can read', async () => {
  const published = await publishEndpoints(folder, endpoints);
  expect(JSON.parse(readFileSync(published.path, 'utf8'))).toEqual(endpoints);
  expect(published.path).toBe(join(folder, 'endpoints.json'));
  expect(statSync(published.path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['endpoints.json']);
});

test('removing the endpoints leaves nothing, and may be done twice', async () => {
  const published = await publishEndpoints(folder, endpoints);
  await published.remove();
  await published.remove();
  expect(readdirSync(folder)).toEqual([]);
});

test('a file that others can read is replaced by one they cannot', async () => {
  writeFileSync(join(folder, 'endpoints.json'), '{}', { mode: 0o644 });
  const published = await publishEndpoints(folder, endpoints);
  expect(statSync(published.path).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(published.path, 'utf8'))).toEqual(endpoints);
});
