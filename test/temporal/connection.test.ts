import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { readConfig } from '../../src/config/config.ts';
import type { TemporalAccess } from '../../src/temporal/connection.ts';
import { connectTemporal, TemporalUnreachableError } from '../../src/temporal/connection.ts';
import { startWorker } from '../../src/worker/start-worker.ts';
import { connectTestTemporal } from '../support/temporal.ts';
import { startTlsTemporal, tlsFixture, type TlsTemporal } from '../support/tls-temporal.ts';

/** A client waits ten seconds for a server before it gives up. */
const REFUSED_MS = 30_000;
const API_KEY = 'the-right-key';
const AUTHORITY = { TEMPORAL_TLS_SERVER_CA_CERT_PATH: tlsFixture('ca.crt') };
const CERTIFICATE = {
  TEMPORAL_TLS_CLIENT_CERT_PATH: tlsFixture('client.crt'),
  TEMPORAL_TLS_CLIENT_KEY_PATH: tlsFixture('client.key'),
};

let folder: string;
/** One wants a client certificate, the other an API key. */
let mutual: TlsTemporal;
let keyed: TlsTemporal;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-connection-'));
  const behind = inject('temporalAddress');
  mutual = await startTlsTemporal({ behind, askForCertificate: true });
  keyed = await startTlsTemporal({ behind, apiKey: API_KEY });
});
afterAll(async () => {
  await Promise.all([mutual[Symbol.asyncDispose](), keyed[Symbol.asyncDispose]()]);
  await rm(folder, { recursive: true });
});

/** As a process reads it from its environment. */
function accessBy(environment: Readonly<Record<string, string>>): TemporalAccess {
  return readConfig(environment).temporal;
}

/** Runs a workflow: with a client and with a worker, each over a connection of its own. */
async function useThrough(access: TemporalAccess): Promise<unknown> {
  const temporal = await connectTestTemporal(access);
  const { taskQueue } = temporal;
  const worker = await temporal.startWorker({ rollPartitionsOver: () => Promise.resolve(3) });
  try {
    return await temporal.client.workflow.execute('partitionRollover', { workflowId: taskQueue, taskQueue });
  } finally {
    await worker.stop();
    await temporal.close();
  }
}

describe('clients and workers reach Temporal', () => {
  test('with a client certificate', async () => {
    const environment = { TEMPORAL_ADDRESS: mutual.address, ...AUTHORITY, ...CERTIFICATE };
    expect(await useThrough(accessBy(environment))).toBe(3);
  });

  test('under another name than its address', async () => {
    const named = { TEMPORAL_ADDRESS: mutual.address, TEMPORAL_TLS_SERVER_NAME: 'temporal.test' };
    expect(await useThrough(accessBy({ ...named, ...AUTHORITY, ...CERTIFICATE }))).toBe(3);
  });

  test('with an API key', async () => {
    const environment = { TEMPORAL_ADDRESS: keyed.address, ...AUTHORITY, TEMPORAL_API_KEY: API_KEY };
    expect(await useThrough(accessBy(environment))).toBe(3);
  });

  test('by a profile of a file', async () => {
    const file = join(folder, 'temporal.toml');
    await writeFile(
      file,
      `[profile.cloud]
address = "${mutual.address}"
namespace = "default"
[profile.cloud.tls]
server_ca_cert_path = "${tlsFixture('ca.crt')}"
client_cert_path = "${tlsFixture('client.crt')}"
client_key_path = "${tlsFixture('client.key')}"
`,
    );
    const access = accessBy({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'cloud' });
    expect(await useThrough(access)).toBe(3);
  });
});

describe('who cannot reach Temporal learns what to do:', () => {
  const cases: readonly (readonly [string, () => Readonly<Record<string, string>>, string])[] = [
    [
      'the server’s authority is another one',
      () => ({
        TEMPORAL_ADDRESS: mutual.address,
        TEMPORAL_TLS_SERVER_CA_CERT_PATH: tlsFixture('stranger.crt'),
        ...CERTIFICATE,
      }),
      'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    ],
    [
      'no client certificate',
      () => ({ TEMPORAL_ADDRESS: mutual.address, ...AUTHORITY }),
      'TEMPORAL_TLS_CLIENT_CERT_PATH',
    ],
    [
      'the certificate is for another name',
      () => ({
        TEMPORAL_ADDRESS: mutual.address,
        TEMPORAL_TLS_SERVER_NAME: 'other.test',
        ...AUTHORITY,
        ...CERTIFICATE,
      }),
      'TEMPORAL_TLS_SERVER_NAME',
    ],
    [
      'a wrong API key',
      () => ({ TEMPORAL_ADDRESS: keyed.address, ...AUTHORITY, TEMPORAL_API_KEY: 'wrong' }),
      'TEMPORAL_API_KEY',
    ],
    ['no API key', () => ({ TEMPORAL_ADDRESS: keyed.address, ...AUTHORITY }), 'TEMPORAL_API_KEY'],
    ['no TLS where there should be', () => ({ TEMPORAL_ADDRESS: mutual.address }), 'TEMPORAL_TLS=true'],
    [
      'TLS where there is none',
      () => ({ TEMPORAL_ADDRESS: inject('temporalAddress'), TEMPORAL_TLS: 'true' }),
      'unset TEMPORAL_TLS',
    ],
    ['nobody there', () => ({ TEMPORAL_ADDRESS: '127.0.0.1:1' }), 'TEMPORAL_ADDRESS'],
  ];

  test.concurrent.each(cases)('%s', { timeout: REFUSED_MS }, async (_case, environment, variable) => {
    const access = accessBy(environment());
    const [client, worker] = await Promise.all([
      connectTemporal(access).catch((error: unknown) => error),
      startWorker({ temporal: access, queues: [], shutdownGraceSeconds: 1 }).catch((error: unknown) => error),
    ]);
    for (const error of [client, worker]) {
      expect(error).toBeInstanceOf(TemporalUnreachableError);
      const { message } = error as TemporalUnreachableError;
      expect(message).toContain(access.connectionOptions.address);
      // The remedy is at the end, and all of it is one line.
      expect(message.split(';').at(-1)).toContain(variable);
      expect(message).not.toContain('\n');
      expect(message).not.toContain(API_KEY);
    }
  });
});

test('a worker whose namespace does not exist says how to make it', { timeout: REFUSED_MS }, async () => {
  const access = { ...accessBy({ TEMPORAL_ADDRESS: inject('temporalAddress') }), namespace: 'nowhere' };
  const queues = [{ taskQueue: 'nobody-asks', activities: { rest: () => Promise.resolve() } }];
  const options = { temporal: access, queues, shutdownGraceSeconds: 1 };
  const error: unknown = await startWorker(options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TemporalUnreachableError);
  expect((error as Error).message).toMatch(
    /: .*Namespace nowhere is not found; make the namespace with `temporal operator namespace create`, or name another one in TEMPORAL_NAMESPACE$/,
  );
});
