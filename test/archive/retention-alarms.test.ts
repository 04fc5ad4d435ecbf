import { chmod, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { beforeEach, expect, test } from 'vitest';

import { createRetentionActivities } from '../../src/activities/retention.ts';
import type { RetentionActivities } from '../../src/activities/types.ts';
import { ArchiveMismatchError } from '../../src/archive/archive-errors.ts';
import type { ObjectBody, ObjectStore } from '../../src/archive/store/object-store.ts';
import { sha256Of } from '../../src/archive/store/object-store.ts';
import { partitionsOf } from '../../src/database/months/month-detach.ts';
import { selectMonth } from '../../src/database/months/month-states.ts';
import { MAX_FAULT_LENGTH } from '../../src/domain/limits.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics, type Metrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { useArchiveStage } from '../support/archive-stage.ts';

/** That an activity failed is what these tests want. */
const QUIET = new DefaultLogger('ERROR');
const RULES = { hotDays: 90, dropGraceHours: 24, requireApproval: false };

/** The drop is due as soon as the month is detached. */
const NO_GRACE = { ...RULES, dropGraceHours: 0 };

const stage = useArchiveStage({ after: '2014-12-01', rows: 25 });
let metrics: Metrics;

beforeEach(() => {
  metrics = createMetrics();
});

/** The activities as a worker runs them. */
function activities(rules = RULES): RetentionActivities {
  const created = createRetentionActivities({
    rules,
    metrics: metrics.maintenance,
    redactText: (text) => createRedactor().redactText(text).value,
    logger: createLogger('silent', 'test'),
    steps: stage.steps({ rules }),
  });
  const entries = Object.entries(created).map(([name, activity]) => [
    name,
    (...args: never[]) =>
      new MockActivityEnvironment(undefined, { logger: QUIET }).run(
        activity as (...given: never[]) => Promise<unknown>,
        ...args,
      ),
  ]);
  return Object.fromEntries(entries) as RetentionActivities;
}

test('a month whose rows are not what its ledger says is not archived, and the differences are named', async () => {
  const change = (phase: string) =>
    stage.database.owner.query({
      text: `update workflow_execution_audit set phase = $1::text where created_at >= $2::date`,
      values: [phase, stage.month],
    });
  await change('Completed');
  await expect(archive()).rejects.toMatchObject({
    nonRetryable: true,
    type: 'RecordsDifferError',
    message: expect.stringMatching(
      /^rows and ledger of \d{4}-\d\d differ \(25\): workflow_execution_audit [0-9a-f-]{36} phase: .*; and 5 more\..*verify --month/,
    ) as string,
  });
  expect(await stage.state()).toBe('archiving');
  expect(await stage.store.list('manifests/')).toEqual([]);
  expect((await metrics.maintenance.recordDifferences.get()).values).toMatchObject([
    { labels: { month: stage.name }, value: 25 },
  ]);
  await expect(stage.run()).rejects.toThrow(/^rows and ledger of/);
  await change('Running');
  await archive();
  expect(await stage.state()).toBe('detached');
  expect((await metrics.maintenance.recordDifferences.get()).values).toEqual([]);
});

/** Up to the grace before the drop. */
async function archive(): Promise<void> {
  const run = activities();
  const tables = await run.freezeMonth(stage.month);
  for (const table of tables) {
    await run.exportMonth(stage.month, table);
    await run.verifyExport(stage.month, table);
  }
  await run.sealMonth(stage.month);
  expect(await run.detachMonth(stage.month)).toBe('in-grace');
}

async function pathOf(prefix: string): Promise<string> {
  const [name = ''] = await stage.store.list(prefix);
  const path = join(stage.archive, name);
  await chmod(path, 0o644);
  return path;
}

async function change(prefix: string, edit: (bytes: Buffer) => Buffer): Promise<void> {
  const path = await pathOf(prefix);
  await writeFile(path, edit(await readFile(path)));
}

const PART = 'table=workflow_execution_audit/';

/** Done to an archive that waits to be dropped: reason of the alarm, and what is said. */
const DAMAGE: readonly (readonly [string, () => Promise<void>, string, RegExp])[] = [
  [
    'a flipped bit in a part',
    () =>
      change(PART, (bytes) => {
        bytes[100] = (bytes[100] ?? 0) ^ 1;
        return bytes;
      }),
    'mismatch',
    /part-\w+\.parquet/,
  ],
  [
    'a truncated part',
    async () => {
      await truncate(await pathOf(PART), 1_000);
    },
    'mismatch',
    /part-\w+\.parquet/,
  ],
  [
    'a part swapped for one of another table',
    async () => {
      const other = await readFile(await pathOf('table=audit_ledger/'));
      await change(PART, () => other);
    },
    'mismatch',
    /part-\w+\.parquet/,
  ],
  [
    'a part that is gone',
    async () => {
      await rm(await pathOf(PART));
    },
    'mismatch',
    /is missing/,
  ],
  [
    'a manifest that was changed after it was signed',
    () => change('manifests/', (bytes) => Buffer.from(bytes.toString().replace('"rows":5', '"rows":6'))),
    'manifest',
    /its signature is wrong/,
  ],
  [
    'a manifest that is gone',
    async () => {
      await rm(await pathOf('manifests/'));
    },
    'missing',
    /has no object manifests/,
  ],
];

async function expectAlarm(failing: Promise<unknown>, reason: string, words: RegExp): Promise<void> {
  const failure = await failing.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(ApplicationFailure);
  expect(failure).toMatchObject({ nonRetryable: true, message: expect.stringMatching(words) as string });
  const { values } = await metrics.maintenance.archiveAlarms.get();
  expect(values).toMatchObject([{ labels: { reason }, value: 1 }]);
}

test.each(DAMAGE)('%s stops the drop with an alarm', async (_name, damage, reason, words) => {
  await archive();
  await damage();
  await expectAlarm(activities(NO_GRACE).dropMonth(stage.month), reason, words);
  const places = (await partitionsOf(stage.database.owner, stage.month)).map(({ attachment }) => attachment);
  expect(new Set(places)).toEqual(new Set(['detached']));
});

const isPart = (name: string): boolean => name.startsWith(PART);
const cut = async (body: ObjectBody): Promise<ObjectBody> => {
  const whole = Buffer.isBuffer(body.source) ? body.source : await readFile(body.source);
  const bytes = whole.subarray(0, whole.length - 100);
  return { source: bytes, sha256: sha256Of(bytes) };
};

/** Stores that say `stored` and did something else. */
const LIES: readonly (readonly [string, (honest: ObjectStore) => ObjectStore['put']])[] = [
  [
    'keeps nothing',
    (honest) => (name, body) => (isPart(name) ? Promise.resolve('stored') : honest.put(name, body)),
  ],
  [
    'cuts an upload off',
    (honest) => async (name, body) => honest.put(name, isPart(name) ? await cut(body) : body),
  ],
  [
    'keeps other bytes',
    (honest) => (name, body) =>
      honest.put(name, isPart(name) ? { source: Buffer.from('other'), sha256: sha256Of('other') } : body),
  ],
];

test.each(LIES)(
  'a store that says it took a part and %s stops the month with an alarm',
  async (_name, lie) => {
    const honest = stage.store;
    stage.store = { ...honest, put: lie(honest) };
    const run = activities();
    await run.freezeMonth(stage.month);
    const table = 'workflow_execution_audit';
    await run.exportMonth(stage.month, table);
    await expectAlarm(run.verifyExport(stage.month, table), 'mismatch', /is not what was written/);
    const places = (await partitionsOf(stage.database.owner, stage.month)).map(
      ({ attachment }) => attachment,
    );
    expect(new Set(places)).toEqual(new Set(['attached']));
  },
);

test('other bytes under the name of a part stop its export with an alarm', async () => {
  const run = activities();
  await run.freezeMonth(stage.month);
  await run.exportMonth(stage.month, 'workflow_execution_audit');
  const [key = ''] = await stage.store.list('table=workflow_execution_audit/');
  const path = join(stage.archive, key);
  await chmod(path, 0o644);
  await writeFile(path, 'other');
  await expectAlarm(
    run.exportMonth(stage.month, 'workflow_execution_audit'),
    'conflict',
    /holds other bytes/,
  );
});

test('why a month stopped comes from Temporal: it is cut, and no secret in it is stored', async () => {
  const { noteRetentionFault } = activities();
  const fault = async () => (await selectMonth(stage.database.owner, stage.month))?.fault ?? '';
  await noteRetentionFault(stage.month, `password=hunter2-hunter2 ${'x'.repeat(1_000_000)}`);
  expect(await fault()).toMatch(/^password=\[REDACTED:[a-z-]+\] x+…$/);
  expect(await fault()).toHaveLength(MAX_FAULT_LENGTH);
  const ours = new ArchiveMismatchError(stage.month, [
    'table=audit_ledger/month=2026-08/part-0123456789abcdef.parquet: row 7 differs',
  ]).message;
  await noteRetentionFault(stage.month, ours);
  expect(await fault()).toBe(ours);
});
