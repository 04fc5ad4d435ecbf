import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type EmbeddedDatabase, prepareDatabase } from '../../dev/servers/postgres/database.ts';
import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { findFreePort } from '../../dev/servers/process/ports.ts';
import { type EmbeddedTemporal, startTemporal } from '../../dev/servers/temporal/development-server.ts';
import { createPool } from '../../src/database/pool.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { connectTemporal } from '../../src/temporal/connection.ts';
import { createRemediationSignals, type RemediationSignals } from '../../src/temporal/remediation-signals.ts';
import { chooseSeed, type Random, seededRandom } from '../support/random.ts';
import { entryKeyOf, inspectRecords } from '../support/record-checks.ts';
import { type PlayedRemediation, playRemediation } from '../support/remediations.ts';
import { cacheDir, resolveServer } from '../support/servers.ts';
import { sizeOf } from '../support/soak.ts';
import { until } from '../support/until.ts';
import { runWorkerProcesses } from '../support/worker-processes.ts';

const REMEDIATIONS = sizeOf('REMEDIATIONS', { usual: 30, soak: 200 });
const SENDERS = 20;
/** `OUTAGE_SECONDS=60` keeps PostgreSQL away for a minute; CONTRIBUTING.md has the command. */
const OUTAGE_MS = Number(process.env['OUTAGE_SECONDS'] ?? 5) * 1_000;
/** While PostgreSQL is away workers go on being killed, about so often. */
const KILL_EVERY_MS = 10_000;
/** What is done to the workers and the servers takes about so long, and sending goes on beside it. */
const TROUBLES_MS = OUTAGE_MS + 10_000;
/** After a longer outage the next attempt is longer away too: up to a minute, for each activity in a row. */
const DEADLINE_MS = 300_000 + 4 * OUTAGE_MS;
const logger = createLogger('silent', 'test');

let folder: string;
let ports: { postgres: number; temporal: number };
let postgres: EmbeddedPostgres;
let temporal: EmbeddedTemporal;
let database: EmbeddedDatabase;

const startOwnPostgres = (): Promise<EmbeddedPostgres> =>
  startPostgres({
    dataDir: join(folder, 'postgres'),
    port: ports.postgres,
    cacheDir,
    report: () => undefined,
  });
const startOwnTemporal = async (): Promise<EmbeddedTemporal> =>
  startTemporal({
    binary: await resolveServer('temporal'),
    dataDir: join(folder, 'temporal'),
    port: ports.temporal,
    uiPort: 0,
    headless: true,
    searchAttributes: {},
    report: () => undefined,
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-outages-'));
  ports = { postgres: await findFreePort(), temporal: await findFreePort() };
  [postgres, temporal] = await Promise.all([startOwnPostgres(), startOwnTemporal()]);
  database = await prepareDatabase(postgres, 1, logger);
});
afterAll(async () => {
  await Promise.all([postgres.stop(), temporal.stop()]);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** Of each remediation: five, and one of them twice. */
const DELIVERIES = 6;

/** In any order, some of them twice. */
function deliveriesOf(play: PlayedRemediation, random: Random): Observation[] {
  const observations = [
    play.progress(1, 'Executing'),
    play.execution(2, 'Running'),
    play.execution(3, 'Completed'),
    play.fragment(4, { failure_reason: 'TimedOut' }),
    play.closure(5),
  ];
  return random.shuffled([...observations, random.pick(observations)]);
}

/** As the watcher does: whatever Temporal did not take is sent again. */
async function sendAll(
  play: PlayedRemediation,
  observations: readonly Observation[],
  pauseMs: () => number,
): Promise<void> {
  for (const observation of observations) {
    await delay(pauseMs());
    await until(
      () =>
        play.send(observation).then(
          () => true,
          () => false,
        ),
      'Temporal takes an observation',
      DEADLINE_MS,
    );
  }
}

async function concurrently(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const queue = [...tasks];
  const worker = async (): Promise<void> => {
    for (let task = queue.pop(); task !== undefined; task = queue.pop()) await task();
  };
  await Promise.all(Array.from({ length: SENDERS }, worker));
}

async function countOf(client: Client, query: string): Promise<number> {
  const counted = await client.workflow.count(query).catch(() => undefined);
  return counted?.count ?? Number.NaN;
}

test(
  'what is sent while workers are killed, PostgreSQL is away and Temporal restarts is recorded, each once',
  { timeout: DEADLINE_MS + OUTAGE_MS + 60_000 },
  async () => {
    const random = seededRandom(chooseSeed());
    const { client, close } = await connectTemporal({
      connectionOptions: { address: temporal.address },
      namespace: temporal.namespace,
    });
    const signals: RemediationSignals = createRemediationSignals(client, {
      lateGraceSeconds: 1,
      orphanGraceSeconds: 2,
    });
    await using workers = runWorkerProcesses(2, {
      DATABASE_URL: database.writerUrl,
      TEMPORAL_ADDRESS: temporal.address,
      REMEDIATION_AUDIT_WORKER_METRICS_PORT: '0',
      REMEDIATION_AUDIT_WORKER_QUEUES: 'recording',
      REMEDIATION_AUDIT_LOG_LEVEL: 'error',
    });
    const sent: Observation[] = [];
    // On the average, so that the last is sent when the troubles end, however many there are.
    const meanPauseMs = (TROUBLES_MS * SENDERS) / (REMEDIATIONS * DELIVERIES);
    const pauseMs = (): number => random.below(2 * meanPauseMs);
    const sending = concurrently(
      Array.from({ length: REMEDIATIONS }, () => async () => {
        const play = playRemediation(signals);
        const deliveries = deliveriesOf(play, random);
        await sendAll(play, deliveries, pauseMs);
        sent.push(...deliveries);
      }),
    );
    const aMoment = (): Promise<void> => delay(500 + random.below(2_500));

    await aMoment();
    workers.killOne(random);
    await aMoment();
    await postgres.stop();
    for (let left = OUTAGE_MS; left > 0; left -= KILL_EVERY_MS) {
      workers.killOne(random);
      await delay(Math.min(left, KILL_EVERY_MS));
    }
    postgres = await startOwnPostgres();
    await aMoment();
    workers.killOne(random);
    await aMoment();
    temporal.server.signal('SIGKILL');
    await temporal.server.exited;
    temporal = await startOwnTemporal();
    await aMoment();
    workers.killOne(random);
    await sending;

    let open = Number.NaN;
    await until(
      async () => {
        open = await countOf(client, "ExecutionStatus = 'Running'");
        return open === 0;
      },
      () =>
        `every workflow has closed: ${open} have not; the workers said: ${workers.output().slice(-2_000)}`,
      DEADLINE_MS,
    );
    const ended = "ExecutionStatus = 'Completed' or ExecutionStatus = 'ContinuedAsNew'";
    expect(await countOf(client, '')).toBe(await countOf(client, ended));
    expect(await countOf(client, '')).toBeGreaterThanOrEqual(REMEDIATIONS);
    const pool = createPool({
      connectionString: database.ownerUrl,
      applicationName: 'test',
      statementTimeoutMs: 30_000,
      logger,
    });
    const { entries, contradictions } = await inspectRecords(pool);
    await Promise.all([pool.end(), close()]);
    expect(contradictions).toEqual([]);
    expect([...entries].sort()).toEqual([...new Set(sent.map(entryKeyOf))].sort());
  },
);
