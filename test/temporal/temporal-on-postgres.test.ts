import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { openTemporalCeiling } from '../../bench/temporal-ceiling.ts';
import type { EmbeddedPostgres } from '../../dev/servers/postgres/postgres.ts';
import { startPostgres } from '../../dev/servers/postgres/postgres.ts';
import type { EmbeddedTemporal } from '../../dev/servers/temporal/development-server.ts';
import { startTemporalOnPostgres } from '../../dev/servers/temporal/server-on-postgres.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { connectTemporal } from '../../src/temporal/connection.ts';
import { createRemediationSignals } from '../../src/temporal/remediation-signals.ts';
import { installRuntime } from '../../src/worker/runtime.ts';
import { playRemediation } from '../support/remediations.ts';
import { cacheDir, resolveServer } from '../support/servers.ts';

const SERVICES = ['frontend', 'matching', 'history', 'worker'];
const TASK_QUEUE = 'waits-for-a-worker';
let dataDir: string;
let postgres: EmbeddedPostgres;
let runtime: ReturnType<typeof installRuntime>;

beforeAll(async () => {
  runtime = installRuntime(createLogger('silent', 'test'));
  dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-temporal-server-'));
  postgres = await startPostgres({
    dataDir: join(dataDir, 'postgres'),
    port: 0,
    cacheDir,
    report: () => undefined,
  });
});

afterAll(async () => {
  await runtime.shutdown();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const start = async (): Promise<EmbeddedTemporal> =>
  startTemporalOnPostgres({
    binaries: {
      server: await resolveServer('temporal-server'),
      sqlTool: await resolveServer('temporal-sql-tool'),
    },
    dataDir: join(dataDir, 'temporal'),
    port: 0,
    postgres,
    searchAttributes: { AuditPhase: 'Keyword' },
    report: () => undefined,
  });

const accessTo = ({ address, namespace }: EmbeddedTemporal) => ({
  connectionOptions: { address },
  namespace,
});

async function countRows(database: string, table: string): Promise<number | undefined> {
  const owner = new Client({ connectionString: postgres.superuserUrl(database) });
  await owner.connect();
  try {
    const { rows } = await owner.query<{ count: number }>(`select count(*)::int as count from ${table}`);
    return rows[0]?.count;
  } finally {
    await owner.end();
  }
}

test('the server keeps its state in PostgreSQL, and goes on with it after a restart', async () => {
  const first = await start();
  const { client, connection, close } = await connectTemporal(accessTo(first));
  const { serverVersion } = await connection.workflowService.getSystemInfo({});
  expect(serverVersion).toBe('1.32.0');
  const { customAttributes } = await connection.operatorService.listSearchAttributes({
    namespace: 'default',
  });
  expect(Object.keys(customAttributes)).toContain('AuditPhase');
  const signals = createRemediationSignals(client, { lateGraceSeconds: 0, taskQueue: TASK_QUEUE });
  const play = playRemediation(signals);
  await play.send(play.progress(1, 'Executing'));
  await close();
  await first.stop();

  await using second = await start();
  const again = await connectTemporal(accessTo(second));
  const { status } = await again.client.workflow.getHandle(play.workflowId).describe();
  expect(status.name).toBe('RUNNING');
  await again.close();
  await using ceiling = await openTemporalCeiling({ access: accessTo(second) });
  await ceiling.record(2, { observations: 8, signals: 3 });
  // Calls to a service of the first server would wait for somebody who has gone.
  expect(await countRows('temporal', 'cluster_membership')).toBe(SERVICES.length);
});

test('the state and what is listed have a database each, with the schema of the server', async () => {
  for (const [database, table] of [
    ['temporal', 'executions'],
    ['temporal_visibility', 'executions_visibility'],
  ] as const) {
    expect(await countRows(database, table), table).toBeGreaterThan(0);
  }
});
