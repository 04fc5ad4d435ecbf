import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client, Connection } from '@temporalio/client';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import { outputOf } from '../../dev/servers/find/run-step.ts';
import {
  type EmbeddedTemporal,
  startTemporal,
  type TemporalOptions,
} from '../../dev/servers/temporal/development-server.ts';
import { BECOME_ORDINARY_USER, isGone, runScript, withSmallDisk } from '../support/processes.ts';
import { resolveServer } from '../support/servers.ts';
import { until } from '../support/until.ts';

const NAMESPACE = 'audit-test';
let binary: string;
let folder: string;
let dataDir: string;
beforeAll(async () => {
  binary = await resolveServer('temporal');
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'embedded-temporal-'));
  dataDir = join(folder, 'temporal');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const options = (changes: Partial<TemporalOptions> = {}): TemporalOptions => ({
  binary,
  dataDir,
  port: 0,
  uiPort: 0,
  headless: true,
  searchAttributes: { AuditPhase: 'Keyword' },
  namespace: NAMESPACE,
  report: () => undefined,
  ...changes,
});
const start = (changes: Partial<TemporalOptions> = {}): Promise<EmbeddedTemporal> =>
  startTemporal(options(changes));

/** Starts Temporal in a process of its own, which says the server's process id, or the error. */
const starter = (prepare = ''): string => `
  const { startTemporal } = await import(source('dev/servers/temporal/development-server.ts'));
  ${prepare}
  const said = await startTemporal({ ...${JSON.stringify(options())}, report: () => undefined }).then(
    (temporal) => 'pid ' + temporal.server.pid + ' address ' + temporal.address,
    (error) => error.message,
  );
  process.stdout.write('<' + said + '>');`;

async function withClient<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await use(new Client({ connection, namespace: NAMESPACE }));
  } finally {
    await connection.close();
  }
}

const startWorkflow = (address: string, workflowId: string): Promise<unknown> =>
  withClient(address, ({ workflow }) =>
    workflow.start('nobodyRunsThis', { taskQueue: 'nobody', workflowId }),
  );

const statusOf = (address: string, workflowId: string): Promise<string> =>
  withClient(address, async ({ workflow }) => (await workflow.getHandle(workflowId).describe()).status.name);

const attributesOf = (address: string): Promise<string[]> =>
  withClient(address, async ({ connection }) => {
    const found = await connection.operatorService.listSearchAttributes({ namespace: NAMESPACE });
    return Object.keys(found.customAttributes);
  });

test('the server answers in its namespace, with its attributes, a month of retention, UI and metrics', async () => {
  await using temporal = await start({ headless: false });
  expect(await attributesOf(temporal.address)).toContain('AuditPhase');
  const ttl = await withClient(temporal.address, async ({ workflowService }) => {
    const { config } = await workflowService.describeNamespace({ namespace: NAMESPACE });
    return config?.workflowExecutionRetentionTtl?.seconds?.toString();
  });
  expect(ttl).toBe(String(30 * 86_400));
  expect(temporal.uiUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const namespaces = await fetch(`${temporal.uiUrl ?? ''}/api/v1/namespaces`);
  expect(JSON.stringify(await namespaces.json())).toContain(NAMESPACE);
  expect(await (await fetch(temporal.metricsUrl)).text()).toContain('service_requests');
});

test('a workflow outlives an orderly restart and a kill, and old state gets new attributes', async () => {
  const first = await start();
  await startWorkflow(first.address, 'kept-over-a-stop');
  await first.stop();
  const second = await start({ searchAttributes: { AuditPhase: 'Keyword', AuditCluster: 'Keyword' } });
  expect((await attributesOf(second.address)).sort()).toEqual(
    expect.arrayContaining(['AuditCluster', 'AuditPhase']),
  );
  await startWorkflow(second.address, 'kept-over-a-kill');
  second.server.signal('SIGKILL');
  await second.server.exited;
  await using third = await start();
  expect(await statusOf(third.address, 'kept-over-a-stop')).toBe('RUNNING');
  expect(await statusOf(third.address, 'kept-over-a-kill')).toBe('RUNNING');
  const listed = await withClient(third.address, async ({ workflow }) => {
    const ids: string[] = [];
    for await (const { workflowId } of workflow.list()) ids.push(workflowId);
    return ids.sort();
  });
  expect(listed).toEqual(['kept-over-a-kill', 'kept-over-a-stop']);
});

test('SQLite keeps a write-ahead log and syncs it at each commit', async () => {
  await using temporal = await start();
  // Bytes 18 and 19 of a SQLite file: 2 is write-ahead logging. The other pragma is no part of the file.
  const header = readFileSync(join(dataDir, 'temporal.db')).subarray(18, 20);
  expect([...header]).toEqual([2, 2]);
  expect(statSync(join(dataDir, 'temporal.db-wal')).size).toBeGreaterThan(0);
  const commandLine = await outputOf('ps', ['-ww', '-o', 'args=', '-p', String(temporal.server.pid)]);
  expect(commandLine).toContain('--sqlite-pragma=synchronous=FULL');
});

test('a killed parent leaves no server, and a start right after finds the workflows', async () => {
  const parent = runScript(starter());
  const [, pid, address] = await parent.untilSays(/<pid (\d+) address (\S+)>/);
  await startWorkflow(address ?? '', 'kept');
  parent.kill();
  await using temporal = await start();
  expect(isGone(Number(pid))).toBe(true);
  expect(await statusOf(temporal.address, 'kept')).toBe('RUNNING');
});

test('a killed parent leaves no server even when nobody starts another one', async () => {
  const parent = runScript(starter());
  const [, pid] = await parent.untilSays(/<pid (\d+) /);
  parent.kill();
  await until(() => isGone(Number(pid)), 'Temporal is gone');
});

test('a server that ends before it answers is reported with its own words', async () => {
  await expect(start({ searchAttributes: { 'not a name': 'Nonsense' as 'Text' } })).rejects.toThrow(
    /cannot start the Temporal server on \S+: Temporal ended before it answered \(exit code 1\); .*Nonsense/s,
  );
});

test('a full disk is reported in one sentence', async () => {
  mkdirSync(dataDir);
  const script = runScript(`${starter()} process.exit();`, { wrapper: withSmallDisk(dataDir, '128k') });
  await script.exited;
  expect(script.output()).toMatch(
    /^<cannot start the Temporal server on \S+: the disk that holds \S+ is full; free some space, or choose another --data-dir>$/,
  );
});

test('a data directory an ordinary user may not write to is reported in one sentence', async () => {
  chmodSync(folder, 0o555);
  const script = runScript(starter(BECOME_ORDINARY_USER));
  await script.exited;
  chmodSync(folder, 0o755);
  expect(script.output()).toMatch(
    /^<cannot make the folder of the Temporal server: user \d+ may not write to \S+; give it the right, or choose another --data-dir>$/,
  );
});
