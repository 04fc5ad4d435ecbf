import { chmod, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ArchiveReader } from '../../src/archive/archive-reader.ts';
import { ARCHIVED_TABLES, archivedTable } from '../../src/archive/archive-schema.ts';
import { selectColdPage } from '../../src/archive/cold-query.ts';
import { openDuckDb } from '../../src/archive/duckdb.ts';
import { createFolderStore } from '../../src/archive/folder-store.ts';
import type { ManifestPart } from '../../src/archive/manifest.ts';
import type { ObjectStore } from '../../src/archive/object-store.ts';
import type { RetentionSteps } from '../../src/archive/retention-steps.ts';
import { createS3Store } from '../../src/archive/s3-store.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/signing-key.ts';
import { newestByMonth, readChain } from '../../src/archive/verify-archive.ts';
import type { RecordQuery } from '../../src/database/record-query.ts';
import { createRecordStore } from '../../src/database/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { findFreePort } from '../../src/embedded/ports.ts';
import { createTestApi } from '../support/api.ts';
import { testArchiveReader } from '../support/archive-reader.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { restoreSteps, runRestore } from '../support/restore.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const TABLE = 'workflow_execution_audit';
const MONTH = '2020-02-01';
const LIST = '/api/v1/audit/workflow-execution';

let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let store: ObjectStore;
let reader: ArchiveReader;
let opened: string[];
let api: FastifyInstance;
let steps: RetentionSteps;
/** Every record there is, newest first. */
let ids: string[];

/** What is recorded of it first is archived; what comes late is not. */
const parted: Observation = executionObservation({
  createdAt: '2020-02-03T04:05:06.700000Z',
  sourceVersion: '7',
  columns: { remediation_id: 'parted', phase: 'Running', started_at: '2020-02-03T04:05:07.120000Z' },
});
let partedId: string;

interface Body {
  readonly items: Record<string, unknown>[];
  readonly next_cursor: string | null;
}

async function list(query = ''): Promise<Body> {
  const answer = await api.inject({ url: `${LIST}?${query}` });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
}

async function allIds(query = 'limit=1000'): Promise<string[]> {
  return (await list(query)).items.map(({ id }) => String(id));
}

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await createTestFolder();
  key = await readOrCreateSigningKey(folder.file('key.pem'));
  store = createFolderStore(folder.file('archive'));
  await recordExecutions(database, '2020-01-01', 25);
  await recordExecutions(database, MONTH, 5);
  await recordExecutions(database, '2026-11-01', 12);
  const [stored] = await createRecordStore(database.writer).record([parted]);
  partedId = stored?.id ?? '';
  ({ reader, opened } = testArchiveReader({ store, key, folder: folder.path }));
  api = createTestApi(database, { archive: { reader } });
  steps = retentionSteps({ ownerUrl: database.url('audit_owner'), store, key, folder: folder.path });
  ids = await allIds();
});
afterAll(async () => {
  await api.close();
  await reader.close();
  await database.close();
  await folder.remove();
});

describe('at every step of retention a list has each row exactly once:', () => {
  const exported: ManifestPart[] = [];
  const partition = (table: string): string => `${table}_2020_02`;

  const moves: [string, () => Promise<unknown>][] = [
    ['live', () => Promise.resolve()],
    ['frozen', () => steps.freeze(MONTH)],
    [
      'exported',
      async () => {
        for (const { table } of ARCHIVED_TABLES) exported.push(...(await steps.exportTable(MONTH, table)));
      },
    ],
    ['archived, and still attached', () => steps.seal(MONTH, exported)],
    [
      'one table detached, the others not',
      () => database.owner.query(`alter table audit_ledger detach partition ${partition('audit_ledger')}`),
    ],
    ['its detach pending, because of a reader', () => detachPending()],
    ['detached', () => steps.detach(MONTH)],
    ['dropped', () => steps.drop(MONTH)],
    ['re-opened by nothing', () => database.writer.query(`select audit_create_month($1::date)`, [MONTH])],
  ];

  async function detachPending(): Promise<void> {
    const longReader = await database.writer.connect();
    await longReader.query(`begin; select from ${TABLE} limit 1`);
    const detaching = await database.owner.connect();
    await detaching.query("set lock_timeout = '100ms'");
    await expect(
      detaching.query(`alter table ${TABLE} detach partition ${partition(TABLE)} concurrently`),
    ).rejects.toThrow(/lock timeout/);
    await detaching.query('reset lock_timeout');
    detaching.release();
    expect(await allIds()).toEqual(ids);
    await longReader.query('commit');
    longReader.release();
  }

  test.each(moves)('%s', async (_name, move) => {
    await move();
    expect(await allIds()).toEqual(ids);
    expect(await allIds('limit=1000&order=oldest')).toEqual(ids.toReversed());
    expect(await allIds('limit=1000&remediation_id=parted')).toEqual([partedId]);
  });
});

test('pages are complete and without repeats while months move between them', async () => {
  const seen: string[] = [];
  let cursor: string | null = '';
  const moves = [
    () => runRetention(steps, '2020-01-01'),
    () => database.writer.query(`select audit_create_month('2020-01-01')`),
    () => runRetention(steps, '2020-01-01'),
  ];
  while (cursor !== null) {
    const page: Body = await list(`limit=9&cursor=${cursor}`);
    seen.push(...page.items.map(({ id }) => String(id)));
    cursor = page.next_cursor;
    await moves.shift()?.();
  }
  expect(moves).toEqual([]);
  expect(seen).toEqual(ids);
});

describe('a record of which a late observation has re-opened its month', () => {
  beforeAll(async () => {
    await runRetention(steps, MONTH);
    // Older than what is archived: it fills what the newer one left open and overrides nothing.
    const late = { remediation_id: 'parted', phase: 'Pending', workflow_id: 'late' };
    await createRecordStore(database.writer).record([{ ...parted, sourceVersion: '3', columns: late }]);
  });

  const whole = {
    created_at: '2020-02-03T04:05:06.700000Z',
    started_at: '2020-02-03T04:05:07.120000Z',
    phase: 'Running',
    workflow_id: 'late',
    revision: 2,
    source_version: 7,
  };

  test('is one row, folded of what is in the database and in the archive', async () => {
    expect(await allIds()).toEqual(ids);
    expect((await list('remediation_id=parted')).items).toEqual([
      expect.objectContaining({ ...whole, source: 'both' }),
    ]);
  });

  test('is found by what it is, and not by what its pieces are', async () => {
    for (const found of ['workflow_id=late&phase=Running', 'phase=Running&workflow_id=late&order=oldest'])
      expect(await allIds(found)).toEqual([partedId]);
    for (const none of ['workflow_id=late&phase=Pending', 'remediation_id=parted&workflow_id='])
      expect(await allIds(none)).toEqual([]);
  });

  test('is found by its id, and its history has every observation once', async () => {
    const one = await api.inject({ url: `${LIST}/${partedId}` });
    expect(one.json()).toMatchObject({ ...whole, source: 'both' });
    const history = await api.inject({ url: `${LIST}/${partedId}/history` });
    expect(history.json<Body>().items.map(({ source_version }) => source_version)).toEqual([3, 7]);
    const first = await api.inject({ url: `${LIST}/${partedId}/history?limit=1` });
    expect(first.json<Body>().items).toHaveLength(1);
    const next = `${LIST}/${partedId}/history?limit=1&cursor=${first.json<Body>().next_cursor ?? ''}`;
    expect((await api.inject({ url: next })).json<Body>()).toMatchObject({
      items: [{ source_version: 7 }],
      next_cursor: null,
    });
  });

  test('stays one row when its month is archived again, in a further part', async () => {
    await runRetention(steps, MONTH);
    expect(await allIds()).toEqual(ids);
    expect((await list('remediation_id=parted')).items).toEqual([
      expect.objectContaining({ ...whole, source: 'archive' }),
    ]);
    expect(await allIds('workflow_id=late&phase=Pending')).toEqual([]);
    const one = await api.inject({ url: `${LIST}/${partedId}` });
    expect(one.json()).toMatchObject({ ...whole, source: 'archive' });
    const history = await api.inject({ url: `${LIST}/${partedId}/history` });
    expect(history.json<Body>().items.map(({ source_version }) => source_version)).toEqual([3, 7]);
  });
});

test('a month that is restored between two pages is answered by the database alone', async () => {
  const first = await list('limit=20');
  const restore = restoreSteps({ ownerUrl: database.url('audit_owner'), store, key, folder: folder.path });
  await runRestore(restore, { month: '2020-01-01', days: 7, by: 'somebody' });
  opened.length = 0;
  const rest = await list(`limit=1000&cursor=${first.next_cursor ?? ''}`);
  const seen = [...first.items, ...rest.items];
  expect(seen.map(({ id }) => id)).toEqual(ids);
  const january = rest.items.filter(({ created_at: at }) => String(at).startsWith('2020-01'));
  expect(new Set(january.map(({ source }) => source))).toEqual(new Set(['database']));
  expect(january.length).toBeGreaterThan(20);
  opened.length = 0;
  await list('limit=1000&until=2020-02-01T00:00:00Z');
  expect(opened).toEqual([]);
  await database.owner.query(
    `update audit_partition set restored_until = now() - interval '1 day' where state = 'restored'`,
  );
  await runRetention(steps, '2020-01-01');
  expect(await allIds()).toEqual(ids);
});

describe('one record of an archived month', () => {
  test('is found by its id in the parts of its moment alone', async () => {
    opened.length = 0;
    const answer = await api.inject({ url: `${LIST}/${ids.at(-1) ?? ''}` });
    expect(answer.json()).toMatchObject({ id: ids.at(-1), source: 'archive' });
    expect(opened).toEqual([TABLE]);
  });

  test('is found by the id that its client posted it with', async () => {
    const clientId = '9b2fd0c6-6f0f-4a8a-a8b5-1b33e9d8a001';
    const posted = await api.inject({
      method: 'POST',
      url: LIST,
      headers: { 'content-type': 'application/json' },
      payload: {
        id: clientId,
        remediation_id: 'posted',
        created_at: '2020-01-05T00:00:00Z',
        phase: 'Running',
      },
    });
    expect(posted.statusCode, posted.body).toBe(201);
    await runRetention(steps, '2020-01-01');
    const answer = await api.inject({ url: `${LIST}/${clientId}` });
    expect(answer.json()).toMatchObject({ remediation_id: 'posted', source: 'archive' });
    ids = await allIds();
  });

  test('is not there when no month has it', async () => {
    const answer = await api.inject({ url: `${LIST}/00000000-0000-4000-8000-000000000000` });
    expect(answer.statusCode).toBe(404);
  });
});

describe('an answer that would lack rows is a problem instead:', () => {
  const problemOf = async (from: FastifyInstance, query = 'limit=1000') => {
    const answer = await from.inject({ url: `${LIST}?${query}` });
    return answer.json<{ status: number; type: string; detail: string }>();
  };

  test('of a store that cannot be reached it names the store, and the database still answers', async () => {
    const away = createS3Store({
      bucket: 'audit',
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${await findFreePort()}`,
      pathStyle: true,
      credentials: { accessKeyId: 'nobody', secretAccessKey: 'nothing' },
    });
    const { reader: unreachable } = testArchiveReader({ store: away, key, folder: folder.file('away') });
    const orphan = createTestApi(database, { archive: { reader: unreachable } });
    const problem = await problemOf(orphan);
    expect(problem).toMatchObject({ status: 503, type: 'urn:remediation-audit:problem:archive-unavailable' });
    expect(problem.detail).toContain('s3://audit/');
    expect((await orphan.inject({ url: `${LIST}?limit=5` })).statusCode).toBe(200);
    expect((await orphan.inject({ url: `${LIST}?include_archive=false` })).statusCode).toBe(200);
    await orphan.close();
    await unreachable.close();
  });

  test('of a part that is damaged or gone it names the part', async () => {
    const chain = await readChain(store, new Map([[key.keyId, key.publicKey]]));
    const parts = [...newestByMonth(chain.manifests).values()].flatMap((manifest) => manifest.parts);
    const of = (month: string) =>
      parts.find((part) => part.table === TABLE && part.key.includes(`month=${month}`));
    const [damaged, gone] = [of('2020-01')?.key ?? '', of('2020-02')?.key ?? ''];
    await chmod(join(folder.file('archive'), damaged), 0o644);
    await writeFile(join(folder.file('archive'), damaged), 'no parquet');
    await rm(join(folder.file('archive'), gone));
    const { reader: uncached } = testArchiveReader({ store, key, folder: folder.file('uncached') });
    const fresh = createTestApi(database, { archive: { reader: uncached } });
    for (const [month, name] of [
      ['since=2020-01-01T00:00:00Z&until=2020-02-01T00:00:00Z', damaged],
      ['since=2020-02-01T00:00:00Z&until=2020-03-01T00:00:00Z', gone],
    ] as const) {
      const problem = await problemOf(fresh, `limit=1000&${month}`);
      expect(problem).toMatchObject({ status: 503, type: 'urn:remediation-audit:problem:archive-damaged' });
      expect(problem.detail).toContain(name);
    }
    await fresh.close();
    await uncached.close();
  });
});

test('of a large part only the row groups are read that a question touches', async () => {
  const path = folder.file('large.parquet');
  await using duckdb = await openDuckDb({ folder: folder.path });
  const instant = "timestamptz '2020-05-01 00:00:00+00' + to_seconds(n)";
  const columns = archivedTable(TABLE).columns.map(({ name, type }) => {
    if (name === 'created_at') return `${instant} as created_at`;
    if (name === 'id') return 'uuid() as id';
    return type === 'VARCHAR' ? `md5(n || '${name}') as "${name}"` : `null::${type} as "${name}"`;
  });
  await duckdb.run(
    `copy (select ${columns.join(', ')} from range(12000) as rows (n)) to '${path}' (format parquet, row_group_size 2048)`,
  );
  await duckdb.run("call enable_logging('FileSystem')");
  const readBytes = async (query: Partial<RecordQuery>): Promise<number> => {
    const files = { duckdb, table: TABLE, paths: [path] };
    await duckdb.run('call truncate_duckdb_logs()');
    const page = await selectColdPage(files, { filters: [], order: 'newest', limit: 5, ...query });
    expect(page.rows).toHaveLength(5);
    const [read] = await duckdb.rows(`
      select coalesce(sum(bytes), 0)::varchar as bytes from duckdb_logs_parsed('FileSystem') where op = 'READ'`);
    return Number(read?.['bytes']);
  };
  const { size } = await stat(path);
  expect(
    await readBytes({ since: '2020-05-01T01:00:00.000000Z', until: '2020-05-01T01:00:05.000000Z' }),
  ).toBeLessThan(size / 3);
  expect(await readBytes({})).toBeLessThan(size / 2);
});
