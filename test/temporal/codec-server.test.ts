import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import { createTokenGate } from '../../src/api/auth/token-gate.ts';
import { type RunningApi, startApi } from '../../src/api/http/server.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createCodecEndpoint } from '../../src/temporal/codec-endpoint.ts';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { testApiOptions } from '../support/api.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import { resolveServer } from '../support/servers.ts';

const run = promisify(execFile);
const SECRET = 'the-vault-is-open';
const TOKEN = randomBytes(16).toString('hex');
const payloads = {
  compressAboveBytes: 0,
  keys: [{ id: 'k1', secret: randomBytes(32).toString('base64') }],
};

let folder: string;
let stage: RecordingStage;
let api: RunningApi;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-codec-'));
  const tokensFile = join(folder, 'tokens.json');
  const sha256 = createHash('sha256').update(TOKEN).digest('hex');
  await writeFile(tokensFile, JSON.stringify([{ name: 'operator', role: 'admin', sha256 }]));
  stage = await openRecordingStage({}, { payloads });
  api = await startApi(
    testApiOptions(stage.database, {
      gate: await createTokenGate(tokensFile, createLogger('silent', 'test')),
      codec: { endpoint: createCodecEndpoint(createPayloadCodec(payloads)), origins: [] },
    }),
  );
});
afterAll(async () => {
  await Promise.all([api.stop(), stage.close()]);
  await rm(folder, { recursive: true });
});

/** The command line as an operator types it; the home is one without a profile. */
async function temporal(...args: readonly string[]): Promise<string> {
  const binary = await resolveServer('temporal-cli');
  const { stdout } = await run(binary, [...args, '--address', inject('temporalAddress')], {
    env: { PATH: '/usr/bin:/bin', HOME: folder },
  });
  return stdout;
}

const codec = () => ['--codec-endpoint', `${api.url}/codec`, '--codec-auth', `Bearer ${TOKEN}`];

/** A history as JSON, with the base64 of its payloads undone. */
function readable(history: string): string {
  return history.replaceAll(/"data": "([^"]*)"/g, (_whole, data: string) =>
    Buffer.from(data, 'base64').toString('latin1'),
  );
}

test('the command line shows an encrypted history through the codec server, and nothing without it', async () => {
  const remediation = stage.newRemediation();
  const execution = remediation.execution(1, 'Completed');
  await remediation.send({ ...execution, columns: { ...execution.columns, failure_message: SECRET } });
  await remediation.send(remediation.closure(2));
  await stage.closed(remediation);
  const show = ['workflow', 'show', '--workflow-id', remediation.workflowId, '--output', 'json'];
  expect(readable(await temporal(...show))).not.toContain(SECRET);
  expect(readable(await temporal(...show, ...codec()))).toContain(SECRET);
});

test('an operator closes an encrypted audit from the command line', async () => {
  const remediation = stage.newRemediation();
  await remediation.send(remediation.progress(1, 'Executing'));
  const request = JSON.stringify({ reason: 'the cluster is gone', by: 'jo' });
  const update = ['workflow', 'update', 'execute', '--workflow-id', remediation.workflowId];
  const owner = [
    '--namespace',
    stage.temporal.access.namespace,
    '--codec-header',
    `X-Workflow-Id=${remediation.workflowId}`,
  ];
  const answer = await temporal(...update, '--name', 'closeAudit', '--input', request, ...codec(), ...owner);
  expect(answer).toContain('the cluster is gone');
  await stage.closed(remediation);
});
