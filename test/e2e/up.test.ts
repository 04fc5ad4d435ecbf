import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { readProcessTree } from '../../bench/process-tree.ts';
import { findFreePort } from '../../dev/servers/process/ports.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { connectTemporal } from '../../src/temporal/connection.ts';
import { isGone } from '../support/processes.ts';
import { until } from '../support/until.ts';
import type { RunningUp } from '../support/up.ts';
import { callApi, FREE_PORTS, startProgram, startUp } from '../support/up.ts';

/** As fast as it goes: the tests wait for rows, not for realism. */
const FAST = { env: { REMEDIATION_AUDIT_SIMULATOR_SPEED: '500', REMEDIATION_AUDIT_SIMULATOR_SEED: '7' } };

let dataDir: string;
let running: RunningUp | undefined;

beforeEach(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'remediation-audit-e2e-')), 'data');
});
afterEach(async () => {
  running?.child.kill('SIGKILL');
  await running?.exited;
  running = undefined;
  await rm(join(dataDir, '..'), { recursive: true, force: true });
});

interface Item {
  id: string;
  phase: string;
  outcome: string | null;
  remediation_id: string;
  remediation_uid: string;
  namespace: string;
}

async function listExecutions({ endpoints }: RunningUp): Promise<Item[]> {
  const answer = await callApi(endpoints, '/api/v1/audit/workflow-execution?limit=1000');
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { items: Item[] }).items;
}

async function countRows({ endpoints }: RunningUp, kind: string): Promise<number> {
  const path = kind === 'remediation' ? 'remediations' : `audit/${kind}`;
  const answer = await callApi(endpoints, `/api/v1/${path}`);
  return ((await answer.json()) as { items: unknown[] }).items.length;
}

async function workflowIds({ endpoints }: RunningUp): Promise<string[]> {
  const access = { connectionOptions: { address: endpoints.temporal }, namespace: 'default' };
  const { client, close } = await connectTemporal(access);
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list()) ids.push(workflowId);
  await close();
  return ids;
}

/** Everything below the main process: our servers, and theirs. */
async function serverPids(up: RunningUp): Promise<number[]> {
  const tree = await readProcessTree(up.pid);
  const pids = tree.map(({ pid }) => pid).filter((pid) => pid !== up.pid);
  expect(tree.map(({ name }) => name)).toEqual(expect.arrayContaining(['postgres', 'temporal']));
  return pids;
}

async function expectPublished(up: RunningUp): Promise<void> {
  const { api, watcher, worker, kubeconfig } = up.endpoints;
  for (const url of [api, watcher, worker]) {
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
    expect(up.output()).toContain(url);
  }
  expect(existsSync(kubeconfig)).toBe(true);
  // A process that lacks a setting says so at start: here each gets all that it needs.
  expect(up.output()).not.toContain('is not set');
}

test('remediations of the sandbox become rows and readable workflows; SIGTERM ends everything in order', async () => {
  const up = (running = await startUp(dataDir, [], FAST));
  expect(up.output()).toContain('remediation-audit is ready');
  await expectPublished(up);
  expect((await fetch(`${up.endpoints.api}/readyz`)).status).toBe(200);
  expect(statSync(join(dataDir, 'endpoints.json')).mode & 0o777).toBe(0o600);

  const outcomes = async (): Promise<Set<string | null>> =>
    new Set((await listExecutions(up)).map(({ outcome }) => outcome));
  await until(async () => {
    const seen = await outcomes();
    return seen.has('Success') && seen.has('Failed');
  }, 'a success and a failure are rows');
  for (const { kind } of RECORD_DEFINITIONS) {
    await until(async () => (await countRows(up, kind)) > 0, `there are rows of ${kind}`);
  }
  const [item] = await listExecutions(up);
  const id = `default/${item?.namespace ?? ''}/${item?.remediation_id ?? ''}/${item?.remediation_uid ?? ''}`;
  await until(async () => (await workflowIds(up)).includes(id), `Temporal lists ${id}`);
  expect((await fetch(up.endpoints.temporalUi)).status).toBe(200);
  const database = new pg.Client({ connectionString: up.endpoints.postgres });
  await database.connect();
  const { rows } = await database.query<{ role: string; entries: string }>(
    'select current_user as role, count(*) as entries from audit_ledger',
  );
  await database.end();
  expect(rows[0]?.role).toBe('audit_owner');
  expect(Number(rows[0]?.entries)).toBeGreaterThan(0);

  const pids = await serverPids(up);
  expect(await up.stop()).toBe(0);
  expect(pids.filter((pid) => !isGone(pid))).toEqual([]);
  expect(existsSync(join(dataDir, 'endpoints.json'))).toBe(false);
});

test('the UI of Temporal is given the codec where there is one, and none where nothing is coded', async () => {
  const apiPort = String(await findFreePort());
  const start = (compressAboveBytes: string) =>
    startUp(dataDir, ['--no-simulator', '--api-port', apiPort], {
      env: { REMEDIATION_AUDIT_PAYLOAD_COMPRESS_ABOVE_BYTES: compressAboveBytes },
    });
  const codecOf = async ({ endpoints }: RunningUp) => {
    const { Codec } = (await (await fetch(`${endpoints.temporalUi}/api/v1/settings`)).json()) as {
      Codec: { Endpoint: string };
    };
    // As the page of the UI sends it, which has no token.
    const headers = { 'content-type': 'application/json', origin: endpoints.temporalUi };
    const sending = { method: 'POST', headers, body: '{"payloads":[]}' };
    return [Codec.Endpoint, (await fetch(`${endpoints.api}/codec/decode`, sending)).status];
  };
  running = await start('0');
  expect(await codecOf(running)).toEqual(['', 404]);
  expect(await running.stop()).toBe(0);
  running = await start('16384');
  expect(await codecOf(running)).toEqual([`http://127.0.0.1:${apiPort}/codec`, 200]);
});

describe('what was recorded is there after', () => {
  test('an orderly stop and a second start', async () => {
    running = await startUp(dataDir, [], FAST);
    const first = running;
    await until(async () => (await listExecutions(first)).length >= 3, 'three rows');
    const before = await listExecutions(first);
    expect(await first.stop()).toBe(0);

    running = await startUp(dataDir, ['--no-simulator']);
    const after = await listExecutions(running);
    expect(after.map(({ id }) => id)).toEqual(expect.arrayContaining(before.map(({ id }) => id)));
    expect(await running.stop()).toBe(0);
  });

  test('a SIGKILL of the main process, which leaves no server behind', async () => {
    running = await startUp(dataDir, [], FAST);
    const first = running;
    await until(async () => (await listExecutions(first)).length >= 3, 'three rows');
    const before = await listExecutions(first);
    const pids = await serverPids(first);
    first.child.kill('SIGKILL');
    await first.exited;
    await until(() => pids.every(isGone), 'every server has ended');

    running = await startUp(dataDir, ['--no-simulator']);
    const after = await listExecutions(running);
    expect(after.map(({ id }) => id)).toEqual(expect.arrayContaining(before.map(({ id }) => id)));
    expect(await running.stop()).toBe(0);
  });
});

test.each([
  ['postgres', 'PostgreSQL'],
  ['temporal', 'Temporal'],
])('a %s that ends by itself ends everything and is named', async (program, name) => {
  running = await startUp(dataDir, ['--no-simulator']);
  const tree = await readProcessTree(running.pid);
  const server = tree.find((found) => found.name === program);
  process.kill(server?.pid ?? 0, 'SIGKILL');
  expect(await running.exited).toBe(1);
  expect(running.output()).toContain(`${name} has ended by itself (signal SIGKILL); start again`);
  await until(() => tree.every(({ pid }) => isGone(pid)), 'every server has ended');
});

test('SIGINT while it starts ends it with code 0 and leaves nothing behind', async () => {
  const program = startProgram(['up', '--data-dir', dataDir, ...FREE_PORTS]);
  await until(() => program.output().includes('Creating the database'), 'PostgreSQL is being made');
  program.child.kill('SIGINT');
  expect(await program.exited).toBe(0);
  expect(program.output()).not.toContain('is ready');
});

test('a start that was killed half-way is taken up by the next one', async () => {
  const program = startProgram(['up', '--data-dir', dataDir, ...FREE_PORTS]);
  await until(() => program.output().includes('Creating the database'), 'PostgreSQL is being made');
  program.child.kill('SIGKILL');
  await program.exited;

  running = await startUp(dataDir, ['--no-simulator']);
  expect(await listExecutions(running)).toEqual([]);
  expect(await running.stop()).toBe(0);
});
