import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { defaultPayloadConverter } from '@temporalio/common';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Gate } from '../../src/api/auth/gate.ts';
import { createTokenGate } from '../../src/api/auth/token-gate.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createCodecEndpoint } from '../../src/temporal/codec-endpoint.ts';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const UI = 'https://temporal.example.com';
const codec = createPayloadCodec({
  compressAboveBytes: 1_000,
  keys: [{ id: 'k1', secret: randomBytes(32).toString('base64') }],
});
const value = { text: 'what only we may read'.repeat(100) };

let folder: string;
let database: TestDatabase;
let gate: Gate;
let api: FastifyInstance;

/** Long enough to be taken for a token. */
const tokenOf = (role: string): string => `${role}-${'x'.repeat(32)}`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-codec-'));
  const tokensFile = join(folder, 'tokens.json');
  const entries = ['reader', 'writer'].map((role) => ({
    name: `the-${role}`,
    role,
    sha256: createHash('sha256').update(tokenOf(role)).digest('hex'),
  }));
  await writeFile(tokensFile, JSON.stringify(entries));
  database = await createTestDatabase();
  gate = await createTokenGate(tokensFile, createLogger('silent', 'test'));
  api = createTestApi(database, { gate, codec: { endpoint: createCodecEndpoint(codec), origins: [UI] } });
});
afterAll(async () => {
  await api.close();
  await gate.close();
  await database.close();
  await rm(folder, { recursive: true });
});

/** As Temporal's UI and command line write a payload. */
async function bodyOf(encoded: boolean) {
  const plain = defaultPayloadConverter.toPayload(value);
  const payloads = encoded
    ? await codec.encode([plain], { type: 'workflow', namespace: 'default', workflowId: 'w1' })
    : [plain];
  return {
    payloads: payloads.map(({ metadata = {}, data }) => ({
      metadata: Object.fromEntries(
        Object.entries(metadata ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
      ),
      data: Buffer.from(data ?? []).toString('base64'),
    })),
  };
}

interface Sending {
  readonly token?: string;
  readonly origin?: string;
  readonly namespace?: string;
  readonly workflowId?: string;
}

function send(path: string, body: object, sending: Sending = {}) {
  const { token = 'reader', origin, namespace = 'default', workflowId } = sending;
  return api.inject({
    method: 'POST',
    url: path,
    headers: {
      'content-type': 'application/json',
      'x-namespace': namespace,
      ...(workflowId === undefined ? {} : { 'x-workflow-id': workflowId }),
      authorization: `Bearer ${tokenOf(token)}`,
      ...(origin === undefined ? {} : { origin }),
    },
    payload: JSON.stringify(body),
  });
}

function askFirst(path: string, origin: string) {
  return api.inject({
    method: 'OPTIONS',
    url: path,
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-namespace',
    },
  });
}

test('a reader has payloads decoded that this product encrypted', async () => {
  const answer = await send('/codec/decode', await bodyOf(true));
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual(await bodyOf(false));
});

test('only who may write has payloads encrypted', async () => {
  const refused = await send('/codec/encode', await bodyOf(false));
  expect(refused.statusCode).toBe(403);
  const encoded = await send('/codec/encode', await bodyOf(false), { token: 'writer', workflowId: 'w1' });
  expect(encoded.body).not.toContain(Buffer.from('only we').toString('base64').slice(0, 8));
  expect((await send('/codec/decode', encoded.json<object>())).json()).toEqual(await bodyOf(false));
});

test('what is encrypted belongs to the workflow that the caller names', async () => {
  const unnamed = await send('/codec/encode', await bodyOf(false), { token: 'writer' });
  expect(unnamed.statusCode).toBe(400);
  expect(unnamed.body).toContain('X-Workflow-Id');
  const sealed = await bodyOf(true);
  expect((await send('/codec/decode', sealed, { workflowId: 'w1' })).statusCode).toBe(200);
  for (const elsewhere of [{ workflowId: 'w2' }, { namespace: 'other' }]) {
    const refused = await send('/codec/decode', sealed, elsewhere);
    expect(refused.statusCode).toBe(422);
    expect(refused.body).toContain('was encrypted for workflow w1 of namespace default');
  }
});

test('what was changed on the way, or is no payload at all, is a problem of the one who sends it', async () => {
  const changed = await bodyOf(true);
  const [payload] = changed.payloads;
  const cut = { payloads: [{ ...payload, data: (payload?.data ?? '').slice(0, -8) }] };
  const answer = await send('/codec/decode', cut);
  expect(answer.statusCode).toBe(422);
  expect(answer.json()).toMatchObject({ type: 'urn:remediation-audit:problem:undecodable-payload' });
  const zstd = { metadata: { encoding: Buffer.from('binary/zstd').toString('base64') }, data: 'AAAA' };
  expect((await send('/codec/decode', { payloads: [zstd] })).statusCode).toBe(422);
  expect((await send('/codec/decode', { payloads: 1 })).statusCode).toBe(400);
});

test('a browser on the UI’s own page may send, and reads refusals too', async () => {
  const asked = await askFirst('/codec/decode', UI);
  expect(asked.statusCode).toBe(204);
  expect(asked.headers).toMatchObject({
    'access-control-allow-origin': UI,
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'authorization, content-type, x-namespace, x-workflow-id',
    vary: 'origin',
  });
  const answer = await send('/codec/decode', await bodyOf(true), { origin: UI });
  expect(answer.headers['access-control-allow-origin']).toBe(UI);
  const stranger = await send('/codec/decode', {}, { origin: UI, token: 'nobody' });
  expect(stranger.statusCode).toBe(401);
  expect(stranger.headers['access-control-allow-origin']).toBe(UI);
});

test.each(['https://elsewhere.example.com', `${UI}.elsewhere.example.com`, 'null'])(
  'a page of %s may not',
  async (origin) => {
    const asked = await askFirst('/codec/decode', origin);
    expect(asked.statusCode).toBe(405);
    expect(asked.headers['access-control-allow-origin']).toBeUndefined();
    const answer = await send('/codec/decode', await bodyOf(true), { origin });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  },
);

test('no other address is open to the UI’s page', async () => {
  const asked = await askFirst('/api/v1/audit/workflow-execution', UI);
  expect(asked.statusCode).toBe(405);
  expect(asked.headers['access-control-allow-origin']).toBeUndefined();
});
