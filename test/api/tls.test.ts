import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { startApi } from '../../src/api/http/server.ts';
import { openTls } from '../../src/api/http/tls.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { repositoryPath } from '../support/repository.ts';
import { until } from '../support/until.ts';

const silent = createLogger('silent', 'test');
const POLL_MS = 10;

let database: TestDatabase;
let folder: string;
let files: { certificatePath: string; keyPath: string; pollMs: number };

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-tls-'));
  files = { certificatePath: join(folder, 'tls.crt'), keyPath: join(folder, 'tls.key'), pollMs: POLL_MS };
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

async function install(name: 'first' | 'second'): Promise<void> {
  const fixture = (end: string): string => repositoryPath(`test/api/fixtures/tls/${name}.${end}`);
  await copyFile(fixture('crt'), files.certificatePath);
  await copyFile(fixture('key'), files.keyPath);
}

async function commonNameAt(url: string): Promise<string> {
  const { port } = new URL(url);
  // Self-signed: what is asked is which one it is.
  const socket = connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

async function statusAt(url: string): Promise<number> {
  const sent = request(url, { rejectUnauthorized: false, agent: false });
  const answered = once(sent, 'response') as Promise<[{ statusCode: number; resume(): void }]>;
  sent.end();
  const [answer] = await answered;
  answer.resume();
  return answer.statusCode;
}

test('the service speaks TLS, and a renewed certificate is used without a restart', async () => {
  await install('first');
  const api = await startApi({ ...testApiOptions(database), tls: files });
  expect(api.url).toMatch(/^https:/);
  expect(await statusAt(`${api.url}/healthz`)).toBe(200);
  expect(await commonNameAt(api.url)).toBe('first.test');
  await install('second');
  await until(async () => (await commonNameAt(api.url)) === 'second.test', 'the new certificate is shown');
  await writeFile(files.certificatePath, 'half a certificate');
  await writeFile(files.keyPath, 'half a key');
  expect(await commonNameAt(api.url)).toBe('second.test');
  await install('first');
  await until(async () => (await commonNameAt(api.url)) === 'first.test', 'one that works again is used');
  await api.stop();
});

test('a certificate that does not fit its key ends the start', async () => {
  await install('first');
  await copyFile(repositoryPath('test/api/fixtures/tls/second.key'), files.keyPath);
  await expect(openTls(files, silent)).rejects.toThrow();
});
