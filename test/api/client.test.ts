import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import type { AuditClient } from '../../packages/client/src/audit-client.ts';
import { createAuditClient } from '../../packages/client/src/audit-client.ts';
import type { ClientOptions } from '../../packages/client/src/client-options.ts';
import { NotDrainedError, RecordRefusedError } from '../../packages/client/src/errors.ts';
import type { RunningApi } from '../../src/api/http/server.ts';
import { startApi } from '../../src/api/http/server.ts';
import { testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import type { FaultyProxy } from '../support/faulty-proxy.ts';
import { startFaultyProxy } from '../support/faulty-proxy.ts';
import { inspectRecords } from '../support/record-checks.ts';
import { repositoryPath } from '../support/repository.ts';
import { until } from '../support/until.ts';

let database: TestDatabase;
let api: RunningApi;
let proxy: FaultyProxy;
let folder: string;
let client: AuditClient | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  api = await startApi(testApiOptions(database));
});
afterAll(async () => {
  await api.stop();
  await database.close();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-client-'));
  proxy = await startFaultyProxy(Number(new URL(api.url).port));
});
afterEach(async () => {
  // What a test left waiting on purpose is its own affair.
  await client?.close().catch(() => undefined);
  client = undefined;
  await proxy.close();
  await rm(folder, { recursive: true, force: true });
});

async function connect(given: Partial<ClientOptions> = {}): Promise<AuditClient> {
  const url = `http://127.0.0.1:${proxy.port}`;
  client = await createAuditClient({ url, flushIntervalMs: 20, backoffMs: 10, timeoutMs: 2_000, ...given });
  return client;
}

let counter = 0;
const analysis = (name: string = `client-${(counter += 1)}`) => ({
  crd_name: name,
  crd_namespace: 'prod',
  investigation_start: new Date('2026-11-21T10:00:00Z'),
});

async function storedNames(prefix: string): Promise<string[]> {
  const { rows } = await database.owner.query<{ crd_name: string }>(
    'select crd_name from ai_analysis_audit where crd_name like $1',
    [`${prefix}%`],
  );
  return rows.map(({ crd_name: name }) => name);
}

test('a record is stored when its promise resolves, to the last digit', async () => {
  const sent = await connect();
  await sent.record('ai-analysis', {
    ...analysis('digits'),
    investigation_duration_ms: 9_007_199_254_740_993n,
    confidence_score: 0.999,
  });
  const { rows } = await database.owner.query(
    "select investigation_duration_ms::text as duration, confidence_score::text as score from ai_analysis_audit where crd_name = 'digits'",
  );
  expect(rows).toEqual([{ duration: '9007199254740993', score: '0.999' }]);
  expect(sent.pending).toBe(0);
});

test('thousands of records of several kinds at once are stored once each', async () => {
  const sent = await connect({ batchSize: 200 });
  const records = Array.from({ length: 1_500 }, (_, index) => {
    if (index % 3 > 0) return sent.record('ai-analysis', analysis(`many-${index}`));
    const remediation = { remediation_id: `many-${index}`, workflow_id: 'restart', phase: 'Completed' };
    return sent.record('workflow-execution', remediation);
  });
  await Promise.all(records);
  expect(await storedNames('many-')).toHaveLength(1_000);
  const executions = await database.owner.query(
    "select 1 from workflow_execution_audit where remediation_id like 'many-%'",
  );
  expect(executions.rowCount).toBe(500);
});

test('a refused record is answered with its field, and refuses no other', async () => {
  const sent = await connect();
  const bad = sent.record('ai-analysis', { ...analysis('bad'), confidence_score: 7 });
  const good = Array.from({ length: 50 }, (_, index) =>
    sent.record('ai-analysis', analysis(`good-${index}`)),
  );
  await Promise.all(good);
  const error = await bad.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(RecordRefusedError);
  expect(error).toMatchObject({ status: 422, fields: [{ pointer: '/confidence_score' }] });
  expect(await storedNames('good-')).toHaveLength(50);
  expect(await storedNames('bad')).toEqual([]);
});

test('an answer that is lost is asked for again, and nothing is stored twice', async () => {
  const sent = await connect();
  const lost = proxy.loseAnswerTo('lost-answer');
  const kept = sent.record('ai-analysis', analysis('lost-answer'));
  await lost;
  await kept;
  expect(await storedNames('lost-answer')).toEqual(['lost-answer']);
  expect((await inspectRecords(database.owner)).contradictions).toEqual([]);
});

test('while the service hangs, records wait; when it answers again they are stored', async () => {
  const reasons: string[] = [];
  const sent = await connect({ timeoutMs: 200, onRetry: (reason) => reasons.push(reason) });
  await sent.record('ai-analysis', analysis('before'));
  proxy.freeze();
  const kept = sent.record('ai-analysis', analysis('hanging'));
  await until(() => reasons.length > 0, 'an attempt fails');
  expect(sent.pending).toBe(1);
  proxy.thaw();
  await kept;
  expect(await storedNames('hanging')).toEqual(['hanging']);
});

test('a batch that is too large as a whole is sent in parts', async () => {
  // A batch that is not answered in time is sent again, and on a busy machine megabytes take seconds.
  const sent = await connect({ batchSize: 1_000, timeoutMs: 60_000 });
  const report = 'x'.repeat(100_000);
  const records = Array.from({ length: 60 }, (_, index) =>
    sent.record('ai-analysis', { ...analysis(`large-${index}`), investigation_report: report }),
  );
  await Promise.all(records);
  expect(await storedNames('large-')).toHaveLength(60);
});

test('closing sends what waits, and says how much it could not send and why', async () => {
  const sent = await connect({ flushIntervalMs: 60_000 });
  const kept = sent.record('ai-analysis', analysis('at-close'));
  await sent.close();
  await kept;
  expect(await storedNames('at-close')).toEqual(['at-close']);

  await proxy.close();
  const unheard = await connect({ drainMs: 100 });
  const given = unheard.record('ai-analysis', analysis('never'));
  const error = await unheard.close().catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(NotDrainedError);
  expect(String(error)).toMatch(/closed with 1 audit records not stored: .*ECONNREFUSED/);
  await expect(given).rejects.toThrow(NotDrainedError);
  await expect(unheard.record('ai-analysis', analysis())).rejects.toThrow('the client is closed');
});

test('what a spool keeps is stored by the next client', async () => {
  await proxy.close();
  const first = await connect({ spoolFolder: folder, drainMs: 50 });
  await first.record('ai-analysis', analysis('spooled'));
  await first.close();
  expect(await storedNames('spooled')).toEqual([]);

  const second = await connect({ spoolFolder: folder, url: api.url });
  await second.flush();
  expect(await storedNames('spooled')).toEqual(['spooled']);
  expect(second.pending).toBe(0);
});

test('no secret of a record is ever written to the spool, or sent', async () => {
  const secrets = ['Xk92mnQ77Zp4', 't0p-s3cret-1', 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'];
  const [password, token, jwt] = secrets;
  await proxy.close();
  const first = await connect({ spoolFolder: folder, drainMs: 50 });
  const investigation_report = `DB_PASSWORD=${password} kubectl --token=${token}`;
  const recommendations = [{ action: 'restart', headers: { authorization: `Bearer ${jwt}` } }];
  await first.record('ai-analysis', { ...analysis('spooled-secret'), investigation_report, recommendations });
  await first.record('ai-analysis', {
    ...analysis('spooled-secret-refused'),
    investigation_report,
    confidence_score: 7,
  });
  const written = await textOfFiles(folder);
  expect(written).toContain('DB_PASSWORD=[REDACTED:password]');
  for (const secret of secrets) expect(written).not.toContain(secret);
  await first.close();

  const second = await connect({ spoolFolder: folder, url: api.url });
  await second.flush();
  for (const secret of secrets) expect(await textOfFiles(folder)).not.toContain(secret);
  const { rows } = await database.owner.query(
    "select investigation_report as report, recommendations::text as recommendations from ai_analysis_audit where crd_name = 'spooled-secret'",
  );
  expect(rows).toEqual([
    {
      report: 'DB_PASSWORD=[REDACTED:password] kubectl --token=[REDACTED:token]',
      recommendations: '[{"action": "restart", "headers": {"authorization": "[REDACTED:authorization]"}}]',
    },
  ]);
});

async function textOfFiles(of: string): Promise<string> {
  const names = await readdir(of);
  return (await Promise.all(names.map((name) => readFile(join(of, name), 'utf8')))).join('\n');
}

test('a file of rules that cannot be read, or is wrong, is named when the client is made', async () => {
  await expect(connect({ redactionFile: join(folder, 'none.json') })).rejects.toThrow(
    /cannot read redactionFile .*none\.json: ENOENT/,
  );
  const file = join(folder, 'rules.json');
  await writeFile(file, '{"keyName":["pin"]}');
  await expect(connect({ redactionFile: file })).rejects.toThrow(
    /cannot read redactionFile .*rules\.json: .*keyName is unknown/,
  );
  await writeFile(file, '{"keyNames":["pin"]}');
  const sent = await connect({ redactionFile: file });
  await sent.record('ai-analysis', { ...analysis('own-rule'), investigation_report: 'pin=4711x' });
  expect(await storedNames('own-rule')).toEqual(['own-rule']);
});

test('a record that a spool holds and the service refuses is kept with its reason', async () => {
  const refused: RecordRefusedError[] = [];
  const sent = await connect({ spoolFolder: folder, onRefused: (error) => refused.push(error) });
  await sent.record('ai-analysis', { ...analysis('spooled-bad'), confidence_score: 7 });
  await sent.flush();
  expect(refused).toMatchObject([{ status: 422 }]);
  const kept = await readFile(join(folder, 'refused.ndjson'), 'utf8');
  expect(JSON.parse(kept)).toMatchObject({ kind: 'ai-analysis', record: { crd_name: 'spooled-bad' } });
});

test('killed again and again, a client with a spool loses nothing that it acknowledged', async () => {
  const acknowledged = new Set<string>();
  for (const round of [0, 1, 2]) {
    const program = repositoryPath('test/support/client-process.ts');
    const args = [program, `http://127.0.0.1:${proxy.port}`, folder, `killed-${round}`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await until(() => output.split('\n').length > 30, 'the client keeps records');
    if (round === 1) proxy.reset();
    child.kill('SIGKILL');
    await ended;
    for (const name of output.split('\n').slice(0, -1)) acknowledged.add(name);
  }
  const last = await connect({ spoolFolder: folder });
  await last.flush();
  const stored = new Set(await storedNames('killed-'));
  expect([...acknowledged].filter((name) => !stored.has(name))).toEqual([]);
  expect((await inspectRecords(database.owner)).contradictions).toEqual([]);
});

/** The service behind something that answers 500 to every batch with a certain record in it, and counts those. */
async function startFailingOn(poison: string, status = 500) {
  let failures = 0;
  const server = createServer((request, response) => {
    void bodyOf(request).then(async (body) => {
      const isPoisoned = body.includes(poison);
      failures += isPoisoned ? 1 : 0;
      const answer = isPoisoned
        ? Response.json({ detail: 'the request could not be answered' }, { status })
        : await fetch(`${api.url}${request.url ?? ''}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body,
          });
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    failures: () => failures,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

test('a record that the service fails on does not hold the others, and is reported in the end', async () => {
  await using failing = await startFailingOn('poison-record');
  const refused: RecordRefusedError[] = [];
  const sent = await connect({ url: failing.url, backoffMs: 1, onRefused: (error) => refused.push(error) });
  const others = Array.from({ length: 20 }, (_, index) =>
    sent.record('ai-analysis', analysis(`beside-poison-${index}`)),
  );
  const poison = sent.record('ai-analysis', analysis('poison-record'));
  await Promise.all(others);
  expect(await storedNames('beside-poison-')).toHaveLength(20);
  await expect(poison).rejects.toMatchObject({ name: 'RecordRefusedError', status: 500 });
  expect(refused).toHaveLength(1);
  expect(sent.pending).toBe(0);
});

test('while something before the service fails, no record is given up', async () => {
  await using failing = await startFailingOn('behind-a-gateway', 502);
  const sent = await connect({ url: failing.url, backoffMs: 1 });
  let isGivenUp = false;
  const waiting = sent.record('ai-analysis', analysis('behind-a-gateway'));
  waiting.catch(() => (isGivenUp = true));
  await until(() => failing.failures() > 11, 'it was tried more often than a record that is given up');
  expect(isGivenUp).toBe(false);
  expect(sent.pending).toBe(1);
});
