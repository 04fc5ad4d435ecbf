import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import type { ArchiveReader } from '../../src/archive/reader/archive-reader.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { reportCommand } from '../../src/cli/report.ts';
import { UsageError } from '../../src/config/settings.ts';
import { createPool } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { createLogger } from '../../src/observability/logger.ts';
import type { ReportName } from '../../src/query/reports/reports.ts';
import { REPORTS } from '../../src/query/reports/reports.ts';
import { daysAgo, recordReportData } from '../database/reports-data.ts';
import { createTestApi } from '../support/api.ts';
import { testArchiveReader } from '../support/archive-reader.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';
import { until } from '../support/until.ts';

/** The same data twice: once all in the database, once with every month but this one in the archive. */
let whole: TestDatabase;
let halved: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let store: ObjectStore;
let reader: ArchiveReader;
let opened: string[];
let databaseApi: FastifyInstance;
let archiveApi: FastifyInstance;
let archivedMonths: string[];
let reportPool: pg.Pool;

const NAMES = REPORTS.map(({ name }) => name);

/** What is archived of it is not yet a failure. */
const parted = executionObservation({
  createdAt: daysAgo(45),
  sourceVersion: '5',
  columns: {
    phase: 'Running',
    target_resource: 'parted/Deployment/api',
    workflow_id: 'parted',
    completed_at: daysAgo(44),
  },
});
const late = {
  ...parted,
  sourceVersion: '9',
  columns: { phase: 'Failed', outcome: 'Failed', failure_reason: 'Late' },
};

beforeAll(async () => {
  [whole, halved] = [await createTestDatabase(), await createTestDatabase()];
  folder = await createTestFolder();
  key = await readOrCreateSigningKey(folder.file('key.pem'));
  store = createFolderStore(folder.file('archive'));
  for (const { writer } of [whole, halved]) {
    await recordReportData(writer);
    await createRecordStore(writer).record([parted]);
  }
  await createRecordStore(whole.writer).record([late]);
  const steps = retentionSteps(
    { ownerUrl: halved.url('audit_owner'), store, key, folder: folder.path },
    { rules: { hotDays: 0, dropGraceHours: 0, requireApproval: false } },
  );
  const reports = await runRetention(steps);
  archivedMonths = reports.map((line) => line.slice(0, 7));
  expect(reports.every((line) => line.endsWith('dropped'))).toBe(true);
  await createRecordStore(halved.writer).record([late]);
  ({ reader, opened } = testArchiveReader({ store, key, folder: folder.path }));
  databaseApi = createTestApi(whole);
  // As `serve` has it: a role that writes nothing but temporary tables, without a pipeline, which knows no COPY.
  reportPool = createPool({
    connectionString: halved.url('audit_reader'),
    applicationName: 'reports over the archive',
    statementTimeoutMs: 30_000,
    max: 1,
    logger: createLogger('silent', 'test'),
  });
  archiveApi = createTestApi(halved, { archive: { reader }, reports: reportPool });
});
afterAll(async () => {
  await Promise.all([databaseApi.close(), archiveApi.close()]);
  await reader.close();
  await reportPool.end();
  await Promise.all([whole.close(), halved.close()]);
  await folder.remove();
});

interface Answer {
  readonly rows: Record<string, unknown>[];
  readonly unsearched: { months: string[]; reason: string } | null;
}

async function ask(api: FastifyInstance, name: string, query: string): Promise<Answer> {
  const answer = await api.inject({ url: `/api/v1/reports/${name}?${query}` });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
}

/** What differs between two recordings of the same data. */
const OWN = ['id', 'recorded_at', 'updated_at'];

function comparable({ rows }: Answer): unknown[] {
  return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !OWN.includes(name))));
}

describe.each(NAMES)('%s answers the same', (name: ReportName) => {
  test.each(['', 'since=all', 'since=48d'])(
    'over the archive and over the database alone: ?%s',
    async (query) => {
      const wanted = await ask(databaseApi, name, query);
      const answer = await ask(archiveApi, name, `${query}&include_archive=true`);
      expect(comparable(answer)).toEqual(comparable(wanted));
      expect(answer.unsearched).toBeNull();
    },
  );
});

test('most reports have rows of the archive', async () => {
  const differing = [];
  for (const name of NAMES) {
    const [without, within] = [
      await ask(archiveApi, name, 'since=all'),
      await ask(archiveApi, name, 'since=all&include_archive=true'),
    ];
    if (JSON.stringify(comparable(without)) !== JSON.stringify(comparable(within))) differing.push(name);
  }
  expect(differing.length).toBeGreaterThan(10);
});

test('a record of which a late observation came after its month was archived counts once, as what it is', async () => {
  const { rows } = await ask(archiveApi, 'recent-failures', 'since=60d&include_archive=true');
  expect(rows.filter(({ workflow_id: id }) => id === 'parted')).toEqual([
    expect.objectContaining({ failure_reason: 'Late', target_resource: 'parted/Deployment/api' }),
  ]);
  const blocked = await ask(archiveApi, 'success-rate-by-target', 'since=60d&include_archive=true');
  expect(blocked.rows.filter(({ workflow_id: id }) => id === 'parted')).toEqual([
    expect.objectContaining({ total_executions: 1, successful: 0 }),
  ]);
});

test('months outside the window are not opened', async () => {
  opened.length = 0;
  await ask(archiveApi, 'hallucination-trend', 'since=1h&include_archive=true');
  expect(opened).toEqual([]);
  await ask(archiveApi, 'hallucination-trend', 'since=all&include_archive=true');
  expect(opened.length).toBeGreaterThan(0);
});

test('without the archive the answer names the months that it lacks, and in CSV too', async () => {
  const { unsearched } = await ask(archiveApi, 'hallucination-trend', '');
  expect(unsearched?.months).toEqual(archivedMonths);
  expect(unsearched?.reason).toContain('include_archive=true');
  const csv = await archiveApi.inject({
    url: '/api/v1/reports/hallucination-trend',
    headers: { accept: 'text/csv' },
  });
  expect(csv.headers['unsearched-months']).toBe(archivedMonths.join(', '));
  const alone = createTestApi(halved);
  const asked = await ask(alone, 'hallucination-trend', 'include_archive=true');
  expect(asked.unsearched?.reason).toContain('REMEDIATION_AUDIT_ARCHIVE_URL');
  await alone.close();
});

test('the connection that answered over the archive answers about the database alone afterwards', async () => {
  // The pool has one.
  const before = await ask(archiveApi, 'lock-effectiveness', 'since=all');
  await ask(archiveApi, 'lock-effectiveness', 'since=all&include_archive=true');
  expect(await ask(archiveApi, 'lock-effectiveness', 'since=all')).toEqual(before);
});

describe('a report about the database is answered, on the only connection for reports, while one about the archive', () => {
  let release: () => void;
  let held: Promise<void>;
  beforeEach(() => {
    held = new Promise((resolve) => {
      release = resolve;
    });
  });

  const answeredMeanwhile = async (
    api: FastifyInstance,
    isWaiting: () => boolean,
    report: ReportName = 'hallucination-trend',
  ): Promise<void> => {
    const url = `/api/v1/reports/${report}?since=all`;
    const waiting = api.inject({ url: `${url}&include_archive=true` });
    await until(isWaiting, 'the report waits for the archive');
    try {
      const meanwhile = await api.inject({ url });
      expect(meanwhile.statusCode, meanwhile.body).toBe(200);
    } finally {
      release();
    }
    const late = await waiting;
    expect(late.statusCode, late.body).toBe(200);
    expect(late.json<Answer>().unsearched).toBeNull();
  };

  test('waits until the archive has time for it', async () => {
    const { reader: busy } = testArchiveReader(
      { store, key, folder: folder.file('busy') },
      { concurrency: 1 },
    );
    const never = new AbortController().signal;
    let isTaken = false;
    const before = busy.ask(never, () => {
      isTaken = true;
      return held;
    });
    await until(() => isTaken, 'the archive is busy');
    let isAsked = false;
    const watched: ArchiveReader = {
      ...busy,
      ask: (signal, work) => {
        isAsked = true;
        return busy.ask(signal, work);
      },
    };
    const api = createTestApi(halved, { archive: { reader: watched }, reports: reportPool });
    await answeredMeanwhile(api, () => isAsked);
    await before;
    await api.close();
    await busy.close();
  });

  test.each<[string, ReportName]>([
    ['its rows', 'hallucination-trend'],
    // Of a record of which a late observation came after its month was archived.
    ['audit_ledger', 'recent-failures'],
  ])('waits for a store that is slow with %s', async (table, report) => {
    let isDownloading = false;
    const slow: ObjectStore = {
      ...store,
      download: async (name, path) => {
        if (table !== 'audit_ledger' || name.includes(table)) {
          isDownloading = true;
          await held;
        }
        return store.download(name, path);
      },
    };
    const { reader: slowReader } = testArchiveReader({
      store: slow,
      key,
      folder: folder.file(`slow-${table}`),
    });
    const api = createTestApi(halved, { archive: { reader: slowReader }, reports: reportPool });
    await answeredMeanwhile(api, () => isDownloading, report);
    await api.close();
    await slowReader.close();
  });
});

describe('`remediation-audit report --include-archive`', () => {
  const command = async (...args: string[]): Promise<string> => {
    let written = '';
    const means = {
      pool: reportPool,
      openArchive: () => ({ reader }),
      signal: new AbortController().signal,
    };
    await reportCommand(args, means, (text) => {
      written += text;
    });
    return written;
  };

  test('reads the archive too, and without it says what it did not read', async () => {
    expect(await command('hallucination-trend', '--include-archive')).toMatch(/2026-04-01/);
    const without = await command('hallucination-trend');
    expect(without).not.toMatch(/2026-04-01/);
    expect(without).toMatch(/not searched: .*2026-03.*: --include-archive was not given/);
  });

  test('is refused with a value', async () => {
    await expect(command('hallucination-trend', '--include-archive=yes')).rejects.toThrow(UsageError);
  });
});
