import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';

import proto from '@temporalio/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { repositoryPath } from '../support/repository.ts';

const { Payload: WirePayload } = proto.temporal.api.common.v1;
const SECRET = Buffer.alloc(32, 7).toString('base64');
const OWNER = { namespace: 'default', workflowId: 'test/payments/rr-1/u-1' };
const base64 = (bytes: Uint8Array | string | null | undefined): string =>
  Buffer.from(bytes ?? '').toString('base64');

let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'remediation-audit-decode-'));
  const keys = join(folder, 'keys');
  writeFileSync(keys, `k1 ${SECRET}\n`, { mode: 0o600 });
  env = { ...process.env, KUBECONFIG: '', REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE: keys };
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const command = [repositoryPath('dev/main.ts'), 'decode'];

async function encrypted(): Promise<object> {
  const codec = createPayloadCodec({ compressAboveBytes: 0, keys: [{ id: 'k1', secret: SECRET }] });
  const plain = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('"HighErrorRate"') };
  const [payload] = await codec.encodeFor([plain], OWNER);
  const metadata = Object.entries(payload?.metadata ?? {}).map(([name, value]) => [name, base64(value)]);
  return { metadata: Object.fromEntries(metadata) as object, data: base64(payload?.data) };
}

test('payloads of a file, and one of standard input, are decoded with the configured keys', async () => {
  const payload = await encrypted();
  const decoded = { metadata: { encoding: base64('json/plain') }, data: base64('"HighErrorRate"') };
  const file = join(folder, 'payloads.json');
  writeFileSync(file, JSON.stringify({ payloads: [payload, payload] }));
  const ofFile = execFileSync(process.execPath, [...command, file], { env, encoding: 'utf8' });
  expect(JSON.parse(ofFile)).toEqual({ payloads: [decoded, decoded] });
  const input = JSON.stringify(payload);
  const ofInput = execFileSync(process.execPath, command, { env, encoding: 'utf8', input });
  expect(JSON.parse(ofInput)).toEqual({ payloads: [decoded] });
});

test('bombs are refused with a sentence, and so is what is no payload', () => {
  const bomb = {
    metadata: { encoding: base64('binary/zstd') },
    data: base64(zstdCompressSync(WirePayload.encode({ data: Buffer.alloc(4_000_000) }).finish())),
  };
  const outcome = (input: string) => spawnSync(process.execPath, command, { env, encoding: 'utf8', input });
  const bombs = outcome(JSON.stringify({ payloads: Array(40).fill(bomb) }));
  expect(bombs).toMatchObject({ status: 1, stdout: '' });
  expect(bombs.stderr).toContain('send fewer of them at once');
  expect(outcome('{').stderr).toContain('standard input is not JSON');
  expect(outcome('[]').stderr).toContain('the body has no list `payloads`');
});
