import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { readProcessTree } from '../../bench/process-tree.ts';
import { findFreePort } from '../../dev/servers/process/ports.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { connectTemporal } from '../../src/temporal/connection.ts';
import { isGone } from '../support/processes.ts';
import { until } from '../support/until.ts';
import type { RunningProgram, RunningUp } from '../support/up.ts';
import { callApi, FREE_PORTS, startProgram, startUp } from '../support/up.ts';

interface Kind {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** As fast as it goes: the tests wait for rows, not for realism. */
const BUSY: Kind = {
  flags: [],
  env: {
    REMEDIATION_AUDIT_SIMULATOR_SPEED: '500',
    REMEDIATION_AUDIT_SIMULATOR_SEED: '7',
    REMEDIATION_AUDIT_PAYLOAD_COMPRESS_ABOVE_BYTES: '16384',
  },
};
const QUIET: Kind = { flags: ['--no-simulator'], env: {} };
const UNCODED: Kind = {
  flags: ['--no-simulator'],
  env: { REMEDIATION_AUDIT_PAYLOAD_COMPRESS_ABOVE_BYTES: '0' },
};

let folder: string;
let dataDir: string;
let apiPort: string;
let running: (RunningUp & { readonly kind: Kind }) | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-e2e-'));
  dataDir = join(folder, 'data');
  apiPort = String(await findFreePort());
});
afterEach(async ({ task }) => {
  // What a failed test leaves is in no known state.
  if (task.result?.state === 'fail') await killRunning();
});
afterAll(async () => {
  await killRunning();
  await rm(folder, { recursive: true, force: true });
});

async function killRunning(): Promise<void> {
  running?.child.kill('SIGKILL');
  await running?.exited;
}

/**
 * A start takes seconds of a processor, so one of a kind is left for the next test; another one is started on the data of those
 * before it. Each test starts what it does not find, so that it also runs alone.
 */
async function upOf(kind: Kind): Promise<RunningUp> {
  if (running !== undefined && !isEnded(running)) {
    if (running.kind === kind) return running;
    expect(await running.stop()).toBe(0);
  }
  const up = await startUp(dataDir, ['--api-port', apiPort, ...kind.flags], { env: kind.env });
  running = { ...up, kind };
  return running;
}

const isEnded = ({ child }: RunningUp): boolean => child.exitCode !== null || child.signalCode !== null;

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

test('SIGINT while it starts ends it with code 0 and leaves nothing behind', async () => {
  const program = await startingHalfWay(join(folder, 'interrupted'));
  program.child.kill('SIGINT');
  expect(await program.exited).toBe(0);
  expect(program.output()).not.toContain('is ready');
});

/** `up` on a new folder, while PostgreSQL is being made. */
async function startingHalfWay(newFolder: string): Promise<RunningProgram> {
  const program = startProgram(['up', '--data-dir', newFolder, ...FREE_PORTS]);
  await until(() => program.output().includes('Creating the database'), 'PostgreSQL is being made');
  return program;
}

test('a start that was killed half-way is taken up by the next one', async () => {
  const program = await startingHalfWay(dataDir);
  program.child.kill('SIGKILL');
  await program.exited;

  expect(await listExecutions(await upOf(UNCODED))).toEqual([]);
});

/** Which codec the UI is told of, and what is answered there. */
async function codecOf({ endpoints }: RunningUp): Promise<[string, number]> {
  const { Codec } = (await (await fetch(`${endpoints.temporalUi}/api/v1/settings`)).json()) as {
    Codec: { Endpoint: string };
  };
  // As the page of the UI sends it, which has no token.
  const headers = { 'content-type': 'application/json', origin: endpoints.temporalUi };
  const sending = { method: 'POST', headers, body: '{"payloads":[]}' };
  return [Codec.Endpoint, (await fetch(`${endpoints.api}/codec/decode`, sending)).status];
}

test('the UI of Temporal is given no codec where nothing is coded', async () => {
  expect(await codecOf(await upOf(UNCODED))).toEqual(['', 404]);
});

/** Of one that is up: what it says when one of its servers is killed, and that nothing is left of it. */
async function expectEndOf(program: string, name: string, up: RunningUp): Promise<void> {
  const tree = await readProcessTree(up.pid);
  const server = tree.find((found) => found.name === program);
  process.kill(server?.pid ?? 0, 'SIGKILL');
  expect(await up.exited).toBe(1);
  expect(up.output()).toContain(`${name} has ended by itself (signal SIGKILL); start again`);
  await until(() => tree.every(({ pid }) => isGone(pid)), 'every server has ended');
}

// Here, where the next test wants another kind of start anyway.
test('a temporal that ends by itself ends everything and is named', async () => {
  await expectEndOf('temporal', 'Temporal', await upOf(UNCODED));
});

test('remediations of the sandbox become rows and readable workflows', async () => {
  const up = await upOf(BUSY);
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
});

/** The ids of some executions, once there are any. */
async function recordedIds(up: RunningUp): Promise<string[]> {
  await until(async () => (await listExecutions(up)).length >= 3, 'three rows');
  return (await listExecutions(up)).map(({ id }) => id);
}

test('SIGTERM ends everything in order, and what was recorded is there after the next start', async () => {
  const first = await upOf(BUSY);
  const before = await recordedIds(first);
  const pids = await serverPids(first);
  expect(await first.stop()).toBe(0);
  expect(pids.filter((pid) => !isGone(pid))).toEqual([]);
  expect(existsSync(join(dataDir, 'endpoints.json'))).toBe(false);

  const after = await listExecutions(await upOf(BUSY));
  expect(after.map(({ id }) => id)).toEqual(expect.arrayContaining(before));
});

test('the UI of Temporal is given the codec where there is one', async () => {
  expect(await codecOf(await upOf(BUSY))).toEqual([`http://127.0.0.1:${apiPort}/codec`, 200]);
});

test('a SIGKILL of the main process leaves no server behind, and what was recorded is there after', async () => {
  const first = await upOf(BUSY);
  const before = await recordedIds(first);
  const pids = await serverPids(first);
  first.child.kill('SIGKILL');
  await first.exited;
  await until(() => pids.every(isGone), 'every server has ended');

  const after = await listExecutions(await upOf(QUIET));
  expect(after.map(({ id }) => id)).toEqual(expect.arrayContaining(before));
});

test('a postgres that ends by itself ends everything and is named', async () => {
  await expectEndOf('postgres', 'PostgreSQL', await upOf(QUIET));
});
