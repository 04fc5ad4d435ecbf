import { writeFile } from 'node:fs/promises';

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type Sandbox, startSandbox } from '../../dev/sandbox/sandbox.ts';
import { prepareDatabase } from '../../dev/servers/postgres/database.ts';
import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { type EmbeddedTemporal, startTemporal } from '../../dev/servers/temporal/development-server.ts';
import { readConfig } from '../../src/config/config.ts';
import {
  type ProcessName,
  READ_BY,
  type VariableName,
  WORK_READS,
} from '../../src/config/process-variables.ts';
import { createMonthsAhead } from '../../src/database/months/partitions.ts';
import { createServiceLogger } from '../../src/observability/logger.ts';
import type { RunningService, ServiceContext } from '../../src/services/running-service.ts';
import { startServeService } from '../../src/services/serve-service.ts';
import { startWatchService } from '../../src/services/watch-service.ts';
import { startWorkService } from '../../src/services/work-service.ts';
import { connectTemporal } from '../../src/temporal/connection.ts';
import { RETENTION_SCHEDULE } from '../../src/temporal/schedules.ts';
import { type RecordedConfig, recordReads } from '../support/recorded-config.ts';
import { cacheDir, resolveServer } from '../support/servers.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';
import { until } from '../support/until.ts';

const { logger, outages } = createServiceLogger('silent', 'test');

let folder: TestFolder;
let postgres: EmbeddedPostgres;
let temporal: EmbeddedTemporal;
let sandbox: Sandbox;
let environment: Readonly<Record<string, string>>;
let watcherUrl: string;

beforeAll(async () => {
  folder = await createTestFolder();
  const report = (): void => undefined;
  postgres = await startPostgres({ dataDir: folder.file('postgres'), port: 0, cacheDir, report });
  const database = await prepareDatabase(postgres, 1, logger);
  temporal = await startTemporal({
    ...{ binary: await resolveServer('temporal'), dataDir: folder.file('temporal'), headless: true },
    ...{ port: 0, uiPort: 0, searchAttributes: {}, report },
  });
  sandbox = await startSandbox({});
  await writeFile(folder.file('kubeconfig'), sandbox.kubeconfig);
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  // One month is due, whatever day it is, and one was dropped: rules are read only where there is something to judge.
  for (const month of ['2025-01', '2025-02'])
    await createMonthsAhead(owner, `${month}-15T00:00:00.000000Z`, 0);
  await owner.query(`update audit_partition set state = 'dropped' where month = '2025-01-01'`);
  await owner.end();
  watcherUrl = database.watcherUrl;
  environment = {
    DATABASE_URL: database.writerUrl,
    DATABASE_READER_URL: database.readerUrl,
    DATABASE_OWNER_URL: database.ownerUrl,
    TEMPORAL_ADDRESS: temporal.address,
    KUBECONFIG: folder.file('kubeconfig'),
    REMEDIATION_AUDIT_API_AUTH_MODE: 'none',
    REMEDIATION_AUDIT_API_PORT: '0',
    REMEDIATION_AUDIT_WORKER_METRICS_PORT: '0',
    REMEDIATION_AUDIT_WATCHER_METRICS_PORT: '0',
    REMEDIATION_AUDIT_ARCHIVE_URL: `file://${folder.file('archive')}`,
    REMEDIATION_AUDIT_ARCHIVE_KEY_FILE: folder.file('key.pem'),
    REMEDIATION_AUDIT_EMBEDDING_URL: 'http://127.0.0.1:1/v1',
  };
});

afterAll(async () => {
  await sandbox.stop();
  await temporal.stop();
  await postgres.stop();
  await folder.remove();
});

/** Read once, by the program around the processes. */
const BY_THE_PROGRAM: readonly VariableName[] = ['REMEDIATION_AUDIT_LOG_LEVEL'];

interface Case {
  readonly process: ProcessName;
  readonly start: (context: ServiceContext) => Promise<RunningService>;
  /** What makes it read the rest: settings that are looked at when something is done. */
  readonly exercise: (service: RunningService) => Promise<void>;
  readonly environment?: Readonly<Record<string, string>>;
}

const STRICT = { REMEDIATION_AUDIT_STRICT_KINDS: 'all' };

/** Opened at start, asked for nothing here. */
const BUCKET = {
  REMEDIATION_AUDIT_ARCHIVE_URL: 's3://bucket/prefix',
  REMEDIATION_AUDIT_S3_ENDPOINT: 'http://127.0.0.1:1',
  REMEDIATION_AUDIT_S3_ENCRYPTION: 'aws:kms',
  REMEDIATION_AUDIT_S3_LOCK_MODE: 'GOVERNANCE',
};

const CASES: readonly Case[] = [
  { process: 'watch', start: startWatchService, exercise: () => Promise.resolve(), environment: STRICT },
  { process: 'work', start: startWorkService, exercise: runRetention },
  { process: 'serve', start: startServeService, exercise: ({ url }) => askForPlan(url) },
  {
    process: 'serve',
    start: startServeService,
    exercise: () => Promise.resolve(),
    environment: { REMEDIATION_AUDIT_API_AUTH_MODE: 'kubernetes' },
  },
  ...[
    { process: 'work' as const, start: startWorkService },
    { process: 'serve' as const, start: startServeService },
  ].map((one) => ({ ...one, exercise: () => Promise.resolve(), environment: BUCKET })),
];

async function askForPlan(url: string): Promise<void> {
  expect((await fetch(`${url}/api/v1/retention/plan`)).status).toBe(200);
}

async function runRetention(): Promise<void> {
  const { client, close } = await connectTemporal(readConfig(environment).temporal);
  const schedule = client.schedule.getHandle(RETENTION_SCHEDULE);
  const recentActions = async () => (await schedule.describe()).info.recentActions;
  await until(
    async () =>
      recentActions().then(
        () => true,
        () => false,
      ),
    'the schedule exists',
  );
  await schedule.trigger();
  const workflowOf = async () => (await recentActions()).at(0)?.action.workflow.workflowId;
  await until(async () => (await workflowOf()) !== undefined, 'retention has started');
  await client.workflow.getHandle((await workflowOf()) ?? '').result();
  await close();
}

async function readsOf({ process, start, exercise, environment: own }: Case): Promise<RecordedConfig> {
  const ofRole = process === 'watch' ? { DATABASE_URL: watcherUrl } : {};
  const recorded = recordReads(readConfig({ ...environment, ...ofRole, ...own }));
  const stop = new AbortController();
  const service = await start({ config: recorded.config, logger, outages, signal: stop.signal });
  try {
    await exercise(service);
  } finally {
    stop.abort();
    await service.stop();
  }
  return recorded;
}

test.each([
  // It is given the owner, the archive and its key here, and opens none of them.
  { queues: 'recording' as const, exercise: () => Promise.resolve() },
  { queues: 'maintenance' as const, exercise: runRetention },
])('work on $queues reads the variables of that part, and no others', async ({ queues, exercise }) => {
  const part = { process: 'work' as const, start: startWorkService };
  const own = { REMEDIATION_AUDIT_WORKER_QUEUES: queues };
  const cases: readonly Case[] = [
    { ...part, exercise, environment: own },
    { ...part, exercise: () => Promise.resolve(), environment: { ...own, ...BUCKET } },
  ];
  const read = new Set<VariableName>(BY_THE_PROGRAM);
  for (const one of cases) for (const name of (await readsOf(one)).variablesRead()) read.add(name);
  expect([...read].toSorted()).toEqual(WORK_READS[queues].toSorted());
});

test.each(['watch', 'work', 'serve'] as const)(
  '%s reads the variables that are listed for it, and no others',
  async (process) => {
    const read = new Set<VariableName>(BY_THE_PROGRAM);
    for (const one of CASES.filter((each) => each.process === process))
      for (const name of (await readsOf(one)).variablesRead()) read.add(name);
    expect([...read].toSorted()).toEqual(READ_BY[process].toSorted());
  },
);
