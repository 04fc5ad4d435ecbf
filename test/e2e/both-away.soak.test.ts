import { setTimeout as delay } from 'node:timers/promises';

import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { findFreePort } from '../../dev/servers/process/ports.ts';
import { type EmbeddedTemporal, startTemporal } from '../../dev/servers/temporal/development-server.ts';
import { connectTemporal } from '../../src/temporal/connection.ts';
import { Posters } from '../support/posters.ts';
import { inspectRecords } from '../support/record-checks.ts';
import { answersWell, ServedWorld } from '../support/served-world.ts';
import { resolveServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type RunningProgram, startProgram } from '../support/up.ts';

const POSTERS = Number(process.env['POSTERS'] ?? 1_000);
/** Enough to kill something in the middle of them; each is a workflow that has to be recorded before the test ends. */
const SOME = Math.min(POSTERS, 40);
const DEADLINE_MS = 120_000;
const MEBI = 1024 * 1024;
const MAX_RESIDENT_BYTES = 700 * MEBI;
const CREATED = 201;
const ACCEPTED = 202;
const REFUSALS = [429, 503];

let world: ServedWorld;
let temporalPort: number;
let temporal: EmbeddedTemporal;
let worker: RunningProgram;

/** On the data of the one before. */
async function openTemporal(): Promise<EmbeddedTemporal> {
  return startTemporal({
    binary: await resolveServer('temporal'),
    dataDir: world.folder.file('temporal'),
    port: temporalPort,
    uiPort: 0,
    headless: true,
    searchAttributes: {},
    report: () => undefined,
  });
}

beforeAll(async () => {
  temporalPort = await findFreePort();
  world = await ServedWorld.create(`127.0.0.1:${temporalPort}`);
  temporal = await openTemporal();
  const workerPort = await findFreePort();
  worker = startProgram(['work'], {
    env: {
      DATABASE_URL: world.database.writerUrl,
      TEMPORAL_ADDRESS: temporal.address,
      REMEDIATION_AUDIT_WORKER_METRICS_PORT: String(workerPort),
      REMEDIATION_AUDIT_WORKER_QUEUES: 'recording',
      REMEDIATION_AUDIT_LOG_LEVEL: 'error',
    },
  });
  // One that meets no Temporal at its start ends, and a deployment starts it again; here nobody would.
  const polls = (): Promise<boolean> => answersWell(`http://127.0.0.1:${workerPort}/readyz`);
  await until(polls, () => `the worker polls; it said:\n${worker.output()}`);
});
afterAll(async () => {
  worker.child.kill('SIGKILL');
  await worker.exited;
  await temporal.stop();
  await world[Symbol.asyncDispose]();
});

/** Posters that go on with new records until it is over, and then end with the one they are at. */
function keepPosting(posters: Posters): { end: () => Promise<unknown> } {
  let isOver = false;
  const postInTurn = async (poster: number): Promise<void> => {
    for (let turn = 0; !isOver; turn += 1) await posters.postUntilKept(`poster-${poster}-${turn}`);
  };
  const posting = Promise.all(Array.from({ length: POSTERS }, (_, poster) => postInTurn(poster)));
  return {
    end: () => {
      isOver = true;
      return posting;
    },
  };
}

async function recordedIds(pool: pg.Pool): Promise<ReadonlyMap<string, string>> {
  const { rows } = await pool.query<{ name: string; id: string }>(
    'select execution_id as name, id from kubernetes_execution_audit',
  );
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  return new Map(rows.map(({ name, id }) => [name, id]));
}

/** Counts now and then: every count takes from the development server what it needs to get done. */
async function untilDrained(client: Client): Promise<void> {
  let running = Infinity;
  const isDrained = async (): Promise<boolean> => {
    await delay(1_000);
    expect(worker.child.exitCode, worker.output()).toBeNull();
    running = (await client.workflow.count("ExecutionStatus = 'Running'")).count;
    return running === 0;
  };
  await until(isDrained, () => `what Temporal kept is recorded: ${running} workflows run`, 10 * DEADLINE_MS);
}

/** What became of the workflows that kept records, by the record's id. */
async function deferredWorkflows(client: Client): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  for await (const { workflowId, status } of client.workflow.list()) {
    const id = /^deferred\/kubernetes_execution_audit\/([^/]+)\/[0-9a-f]{64}$/.exec(workflowId)?.[1];
    const key = id ?? workflowId;
    found.set(key, (found.get(key) ?? new Set()).add(status.name));
  }
  return found;
}

test(
  'of many posters, while the database, then Temporal, then the service are killed, each record that was answered 201 or 202 is there once',
  { timeout: 15 * DEADLINE_MS },
  async () => {
    const posters = new Posters(world.address('/api/v1/audit/kubernetes-execution'));
    const residentBytes: number[] = [];
    const untilAnswered = async (statuses: readonly number[], count: number): Promise<void> => {
      const since = Date.now();
      await until(
        () => posters.count(statuses, since) >= count,
        () => `${count} posts are answered ${statuses.join(' or ')}: ${posters.count(statuses, since)} are`,
        DEADLINE_MS,
      );
      residentBytes.push(await world.residentBytes());
    };
    const posting = keepPosting(posters);

    await untilAnswered([CREATED], POSTERS);
    await world.killPostgres();
    await untilAnswered([ACCEPTED], SOME);

    temporal.server.signal('SIGKILL');
    await temporal.server.exited;
    const bothAwaySinceMs = Date.now();
    await untilAnswered(REFUSALS, POSTERS);
    await world.restartService();
    // This process has never seen the database, nor Temporal.
    await untilAnswered(REFUSALS, POSTERS);
    expect(await world.answers('/readyz')).toBe(false);
    expect(posters.count([CREATED, ACCEPTED], bothAwaySinceMs)).toBe(0);

    temporal = await openTemporal();
    await untilAnswered([ACCEPTED], SOME);
    await world.restartService();
    await untilAnswered([ACCEPTED], SOME);

    await world.startPostgres();
    await posting.end();
    expect(posters.surprises).toEqual([]);

    const pool = world.writerPool();
    const { client, close } = await connectTemporal({
      connectionOptions: { address: temporal.address },
      namespace: temporal.namespace,
    });
    await untilDrained(client);
    expect(await recordedIds(pool)).toEqual(posters.acknowledged);
    const { contradictions, entries } = await inspectRecords(pool);
    expect(contradictions).toEqual([]);
    expect(entries).toHaveLength(posters.acknowledged.size);
    const acknowledgedIds = new Set(posters.acknowledged.values());
    const workflows = await deferredWorkflows(client);
    expect([...workflows.keys()].filter((id) => !acknowledgedIds.has(id))).toEqual([]);
    expect(new Set([...workflows.values()].flatMap((ends) => [...ends]))).toEqual(new Set(['COMPLETED']));
    await Promise.all([pool.end(), close()]);

    expect(Math.max(...residentBytes)).toBeLessThan(MAX_RESIDENT_BYTES);
    worker.child.kill('SIGTERM');
    expect(await Promise.all([worker.exited, world.stopService()])).toEqual([0, 0]);
  },
);
