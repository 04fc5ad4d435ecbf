import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import type { ArchiveReader } from '../../src/archive/reader/archive-reader.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { instantOf } from '../../src/domain/instant.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { createTestApi } from '../support/api.ts';
import { testArchiveReader } from '../support/archive-reader.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

let database: TestDatabase;
let folder: TestFolder;
let reader: ArchiveReader;
let opened: string[];
let api: FastifyInstance;

const address = '/api/v1/remediations/test/payments';

/** A remediation that begins in one month and is executed in the next, a post that knows only its name among it. */
function remediation(name: string, uid: string, [begun, executed]: readonly [string, string]): Observation[] {
  const common = { remediation_id: name, remediation_uid: uid, namespace: 'payments' };
  const at = (createdAt: string, given: Partial<Observation>): Observation =>
    executionObservation({ createdAt, observedAt: createdAt, ...given });
  return [
    at(begun, {
      table: 'remediation_audit',
      key: naturalKey(uid),
      phase: 'progress',
      columns: { ...common, overall_phase: 'Executing', verdict: 'open' },
    }),
    at(begun, {
      table: 'remediation_audit',
      key: naturalKey(uid),
      phase: 'closure',
      sourceVersion: '9',
      columns: { ...common, overall_phase: 'Completed', verdict: 'terminal' },
    }),
    at(executed, { key: naturalKey(uid, 'we'), columns: { ...common, phase: 'Completed' } }),
    at(executed, {
      table: 'kubernetes_execution_audit',
      key: naturalKey(uid, 'post'),
      phase: 'action',
      columns: { remediation_id: name, execution_id: `of-${uid}` },
    }),
  ];
}

interface View {
  readonly remediation: { remediation_uid: string; source: string };
  readonly workflow_executions: { source: string }[];
  readonly kubernetes_executions: { source: string; execution_id: string }[];
  readonly timeline: unknown[];
  readonly others: { uid: string }[];
  readonly unsearched: { months: string[] } | null;
}

async function view(path: string): Promise<View> {
  const answer = await api.inject({ url: `${address}/${path}${path.includes('?') ? '&' : '?'}view=full` });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
}

interface LedgerPage {
  readonly items: unknown[];
  readonly next_cursor: string | null;
}

let before: Map<string, View>;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await createTestFolder();
  const key = await readOrCreateSigningKey(folder.file('key.pem'));
  const store = createFolderStore(folder.file('archive'));
  await createRecordStore(database.writer).record([
    ...remediation('once', 'u-once', ['2020-01-31T23:59:00.000000Z', '2020-02-01T00:05:00.000000Z']),
    ...remediation('again', 'u-old', ['2020-01-10T10:00:00.000000Z', '2020-01-10T10:05:00.000000Z']),
    // Of today: a fixed day would one day be old enough for the archive.
    ...remediation('again', 'u-new', [instantOf(Date.now()), instantOf(Date.now() + 1)]),
  ]);
  // What was changed last decides how far its records are looked for.
  await database.owner.query(`update remediation_audit set updated_at = created_at + interval '10 minutes'`);
  ({ reader, opened } = testArchiveReader({ store, key, folder: folder.path }));
  api = createTestApi(database, { archive: { reader } });
  before = new Map();
  for (const path of ['once', 'again', 'again?uid=u-old']) before.set(path, await view(path));
  await runRetention(
    retentionSteps({ ownerUrl: database.url('audit_owner'), store, key, folder: folder.path }),
  );
});
afterAll(async () => {
  await api.close();
  await reader.close();
  await database.close();
  await folder.remove();
});

const withoutSources = (found: View | undefined): unknown =>
  JSON.parse(JSON.stringify({ ...found, others: [], unsearched: null }), (name, value: unknown) =>
    name === 'source' ? undefined : value,
  );

test('a remediation whose months are archived is as whole as it was', async () => {
  const found = await view('once');
  // The post does not know the uid, so it is no entry of it.
  expect(before.get('once')?.timeline).toHaveLength(3);
  expect(withoutSources(found)).toEqual(withoutSources(before.get('once')));
  expect(found.remediation.source).toBe('archive');
  expect(found.workflow_executions.map(({ source }) => source)).toEqual(['archive']);
  expect(found.kubernetes_executions).toEqual([
    expect.objectContaining({ source: 'archive', execution_id: 'of-u-once' }),
  ]);
});

test('its ledger, entry by entry over two archived months, is what it was in one answer', async () => {
  const entries: unknown[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: URLSearchParams = new URLSearchParams({ limit: '1', cursor });
    const answer = await api.inject({ url: `${address}/once/ledger?${query.toString()}` });
    expect(answer.statusCode, answer.body).toBe(200);
    const page: LedgerPage = answer.json();
    expect(page.items).toHaveLength(1);
    entries.push(...page.items);
    cursor = page.next_cursor;
  }
  expect(entries).toEqual(before.get('once')?.timeline);
});

test('the newest of a name is answered from the database without touching the archive', async () => {
  opened.length = 0;
  const found = await view('again');
  expect(found.remediation).toMatchObject({ remediation_uid: 'u-new', source: 'database' });
  expect(opened).toEqual([]);
  // Others of its name may be there, and the answer says that nobody looked.
  expect(found.others).toEqual([]);
  expect(found.unsearched?.months).toEqual(['2020-01', '2020-02']);
});

test('others of its name are found in the archive when they are asked for', async () => {
  const found = await view('again?include_archive=true');
  expect(found.remediation).toMatchObject({ remediation_uid: 'u-new', source: 'database' });
  expect(found.others.map(({ uid }) => uid)).toEqual(['u-old']);
  expect(found.unsearched).toBeNull();
});

test('one that is named by its uid is found where it is', async () => {
  const found = await view('again?uid=u-old');
  expect(found.remediation).toMatchObject({ remediation_uid: 'u-old', source: 'archive' });
  expect(found.others.map(({ uid }) => uid)).toEqual(['u-new']);
  // A post that knows only a name that was used twice belongs to neither.
  expect(found.kubernetes_executions).toEqual([]);
  expect(found.timeline).toEqual(before.get('again?uid=u-old')?.timeline);
});

test('the list of remediations reaches through both', async () => {
  const answer = await api.inject({ url: '/api/v1/remediations' });
  expect(answer.json<{ items: { remediation_uid: string; source: string }[] }>().items).toMatchObject([
    { remediation_uid: 'u-new', source: 'database' },
    { remediation_uid: 'u-once', source: 'archive' },
    { remediation_uid: 'u-old', source: 'archive' },
  ]);
});

test('a remediation that nobody has seen is not found, and one that was not looked for is said to be so', async () => {
  const unknown = await api.inject({ url: `${address}/nobody` });
  expect(unknown.statusCode).toBe(404);
  expect(unknown.json<{ detail: string }>().detail).not.toContain('not in');
  const left = await api.inject({ url: `${address}/once?include_archive=false` });
  expect(left.statusCode).toBe(404);
  expect(left.json<{ detail: string }>().detail).toContain(
    'not in 2020-01 to 2020-02, because the archive was left out',
  );
  expect(left.headers['unsearched-months']).toBe('2020-01, 2020-02');
});
