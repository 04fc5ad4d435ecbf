import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createPool } from '../../src/database/pool.ts';
import { type EmbeddedDatabase, prepareDatabase } from '../../src/embedded/database.ts';
import { findFreePort } from '../../src/embedded/ports.ts';
import { type EmbeddedPostgres, startPostgres } from '../../src/embedded/postgres.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { inspectRecords } from '../support/record-checks.ts';
import { cacheDir } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type RunningProgram, startProgram } from '../support/up.ts';

const POSTERS = 1_000;
const KILLS = 4;
const DEADLINE_MS = 240_000;
const CREATED = 201;
/** What says: nothing was accepted, come again. */
const COME_AGAIN = new Set([429, 503]);
const MEBI = 1024 * 1024;
const MAX_RESIDENT_BYTES = 700 * MEBI;

const log = createLogger('silent', 'test');
let dataDir: string;
let postgres: EmbeddedPostgres;
let database: EmbeddedDatabase;
let service: RunningProgram;
let apiPort: number;

/** fsync stays on: what is acknowledged must be on disk. */
const openPostgres = (port: number): Promise<EmbeddedPostgres> =>
  startPostgres({ dataDir, port, cacheDir, report: () => undefined });

function openService(): RunningProgram {
  return startProgram(['serve'], {
    env: {
      DATABASE_URL: database.writerUrl,
      // Nobody is there: what the database does not take has to be sent again.
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      REMEDIATION_AUDIT_API_PORT: String(apiPort),
      REMEDIATION_AUDIT_LOG_LEVEL: 'error',
    },
  });
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-api-kill-'));
  postgres = await openPostgres(0);
  database = await prepareDatabase(postgres, 1, log);
  apiPort = await findFreePort();
  service = openService();
  await until(isReady, 'the service is ready', 60_000);
});
afterAll(async () => {
  service.child.kill('SIGKILL');
  await service.exited;
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

const address = (path: string): string => `http://127.0.0.1:${apiPort}${path}`;

async function isReady(): Promise<boolean> {
  return fetch(address('/readyz')).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Posts until it is told that the record is stored, as the sources' client does: any other answer means again. */
async function postUntilStored(name: string, acknowledged: Map<string, string>): Promise<void> {
  const body = JSON.stringify({ execution_id: name, workflow_ref: 'under-fire', success: true });
  for (;;) {
    const answer = await fetch(address('/api/v1/audit/kubernetes-execution'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    }).catch(() => undefined);
    if (answer?.status === CREATED) {
      const { id } = (await answer.json()) as { id: string };
      acknowledged.set(name, id);
      return;
    }
    if (answer !== undefined) {
      expect(COME_AGAIN, await answer.text()).toContain(answer.status);
    }
    await delay(100);
  }
}

async function killPostgres(): Promise<void> {
  const { port } = postgres;
  postgres.server.signal('SIGKILL');
  await postgres.server.exited;
  postgres = await openPostgres(port);
}

async function killService(): Promise<void> {
  service.child.kill('SIGKILL');
  await service.exited;
  service = openService();
  await until(isReady, 'the service is ready again', 60_000);
}

test(
  'of 1,000 posters at once, while database and service are killed, each record that was acknowledged is there once',
  async () => {
    const random = seededRandom(chooseSeed());
    const acknowledged = new Map<string, string>();
    const names = Array.from({ length: POSTERS }, (_, index) => `poster-${index}`);
    const posting = Promise.all(names.map((name) => postUntilStored(name, acknowledged)));
    for (let kill = 0; kill < KILLS; kill += 1) {
      const wanted = Math.floor(((kill + 1) * POSTERS) / (KILLS + 2));
      await until(() => acknowledged.size >= wanted, `${wanted} records are acknowledged`, DEADLINE_MS);
      await (random.below(2) === 0 ? killPostgres() : killService());
    }
    await posting;
    await until(isReady, 'the service is ready in the end', 60_000);

    const pool = createPool({
      connectionString: database.writerUrl,
      applicationName: 'kill test',
      statementTimeoutMs: 30_000,
      logger: log,
    });
    const { rows } = await pool.query<{ execution_id: string; id: string }>(
      'select execution_id, id from kubernetes_execution_audit order by execution_id',
    );
    expect(new Map(rows.map((row) => [row.execution_id, row.id]))).toEqual(acknowledged);
    expect(rows).toHaveLength(POSTERS);
    const { contradictions, entries } = await inspectRecords(pool);
    expect(contradictions).toEqual([]);
    expect(entries).toHaveLength(POSTERS);
    await pool.end();
    const metrics = await fetch(address('/metrics')).then((answer) => answer.text());
    const resident = Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]);
    expect(resident).toBeLessThan(MAX_RESIDENT_BYTES);
  },
  DEADLINE_MS,
);
