import { stat } from 'node:fs/promises';

import { describe, expect, onTestFinished, test } from 'vitest';

import { archivedTable } from '../../src/archive/parquet/archive-schema.ts';
import { openDuckDb } from '../../src/archive/parquet/duckdb.ts';
import type { RecordQuery } from '../../src/database/reading/record-query.ts';
import { selectArchivedPage } from '../../src/query/archive/archive-rows.ts';
import type { MonthsStage, RecordPage } from '../support/archived-months.ts';
import { createMonthsStage, EXECUTIONS, FEBRUARY, JANUARY } from '../support/archived-months.ts';
import { restoreSteps, runRestore } from '../support/restore.ts';
import { exportTables } from '../support/retention.ts';
import { createTestFolder } from '../support/test-folder.ts';

const TABLE = 'workflow_execution_audit';

test('at every step of retention a list has each row exactly once', async () => {
  await using stage = await createMonthsStage();
  const splitId = await stage.recordSplit();
  const ids = await stage.ids();
  for (const [step, move] of movesOf(stage, ids)) {
    await move();
    expect(await stage.ids(), step).toEqual(ids);
    expect(await stage.ids('limit=1000&order=oldest'), step).toEqual(ids.toReversed());
    expect(await stage.ids('limit=1000&remediation_id=split'), step).toEqual([splitId]);
  }
});

/** The steps of a month one after the other; after each its name is true. */
function movesOf(stage: MonthsStage, ids: readonly string[]): [string, () => Promise<unknown>][] {
  const { steps, database } = stage;
  const of = { month: FEBRUARY, run: 'moves' };
  return [
    ['live', () => Promise.resolve()],
    ['frozen', () => steps.freeze(of)],
    ['exported', () => exportTables(steps, of)],
    ['archived, and still attached', () => steps.seal(of)],
    [
      'one table detached, the others not',
      () => database.owner.query('alter table audit_ledger detach partition audit_ledger_2020_02'),
    ],
    ['its detach pending, because of a reader', () => detachWhileRead(stage, ids)],
    ['detached', () => steps.detach(FEBRUARY)],
    ['dropped', () => steps.drop(FEBRUARY)],
    [
      'created again, without rows',
      () => database.writer.query('select audit_create_month($1::date)', [FEBRUARY]),
    ],
  ];
}

async function detachWhileRead(stage: MonthsStage, ids: readonly string[]): Promise<void> {
  const longReader = await stage.database.writer.connect();
  await longReader.query(`begin; select from ${TABLE} limit 1`);
  const detaching = await stage.database.owner.connect();
  await detaching.query("set lock_timeout = '100ms'");
  await expect(
    detaching.query(`alter table ${TABLE} detach partition ${TABLE}_2020_02 concurrently`),
  ).rejects.toThrow(/lock timeout/);
  await detaching.query('reset lock_timeout');
  detaching.release();
  expect(await stage.ids()).toEqual(ids);
  await longReader.query('commit');
  longReader.release();
}

test('pages are complete and without repeats while months move between them', async () => {
  await using stage = await createMonthsStage();
  await stage.archive(FEBRUARY);
  const ids = await stage.ids();
  const seen: string[] = [];
  let cursor: string | null = '';
  const moves = [
    () => stage.archive(JANUARY),
    () => stage.database.writer.query('select audit_create_month($1::date)', [JANUARY]),
    () => stage.archive(JANUARY),
  ];
  while (cursor !== null) {
    const page: RecordPage = await stage.list(`limit=9&cursor=${cursor}`);
    seen.push(...page.items.map(({ id }) => String(id)));
    cursor = page.next_cursor;
    await moves.shift()?.();
  }
  expect(moves).toEqual([]);
  expect(seen).toEqual(ids);
});

describe('a record of which a part came after its month was archived', () => {
  const combined = {
    created_at: '2020-02-03T04:05:06.700000Z',
    started_at: '2020-02-03T04:05:07.120000Z',
    phase: 'Running',
    workflow_id: 'late',
    revision: 2,
    source_version: 7,
  };

  async function createSplit() {
    const stage = await createMonthsStage();
    const splitId = await stage.recordSplit();
    const ids = await stage.ids();
    await stage.archive(FEBRUARY);
    await stage.recordLatePart();
    return { stage, splitId, ids, [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose]() };
  }

  test('is one row, folded of what is in the database and in the archive', async () => {
    await using split = await createSplit();
    const { stage, ids } = split;
    expect(await stage.ids()).toEqual(ids);
    expect((await stage.list('remediation_id=split')).items).toEqual([
      expect.objectContaining({ ...combined, source: 'both' }),
    ]);
  });

  test('is found by what it is, and not by what its parts are', async () => {
    await using split = await createSplit();
    const { stage, splitId } = split;
    for (const found of ['workflow_id=late&phase=Running', 'phase=Running&workflow_id=late&order=oldest'])
      expect(await stage.ids(found)).toEqual([splitId]);
    for (const none of ['workflow_id=late&phase=Pending', 'remediation_id=split&workflow_id='])
      expect(await stage.ids(none)).toEqual([]);
  });

  test('is found by its id, and its history has every observation once', async () => {
    await using split = await createSplit();
    const { stage, splitId } = split;
    const one = await stage.api.inject({ url: `${EXECUTIONS}/${splitId}` });
    expect(one.json()).toMatchObject({ ...combined, source: 'both' });
    expect(await versionsOf(stage, splitId)).toEqual([3, 7]);
    const first = await stage.api.inject({ url: `${EXECUTIONS}/${splitId}/history?limit=1` });
    expect(first.json<RecordPage>().items).toHaveLength(1);
    const cursor = first.json<RecordPage>().next_cursor ?? '';
    const next = await stage.api.inject({ url: `${EXECUTIONS}/${splitId}/history?limit=1&cursor=${cursor}` });
    expect(next.json<RecordPage>()).toMatchObject({ items: [{ source_version: 7 }], next_cursor: null });
  });

  test('stays one row when its month is archived again, in a further part', async () => {
    await using split = await createSplit();
    const { stage, splitId, ids } = split;
    await stage.archive(FEBRUARY);
    expect(await stage.ids()).toEqual(ids);
    expect((await stage.list('remediation_id=split')).items).toEqual([
      expect.objectContaining({ ...combined, source: 'archive' }),
    ]);
    expect(await stage.ids('workflow_id=late&phase=Pending')).toEqual([]);
    const one = await stage.api.inject({ url: `${EXECUTIONS}/${splitId}` });
    expect(one.json()).toMatchObject({ ...combined, source: 'archive' });
    expect(await versionsOf(stage, splitId)).toEqual([3, 7]);
  });
});

async function versionsOf(stage: MonthsStage, id: string): Promise<unknown[]> {
  const history = await stage.api.inject({ url: `${EXECUTIONS}/${id}/history` });
  return history.json<RecordPage>().items.map(({ source_version: version }) => version);
}

test('a month that is restored between two pages is answered by the database alone', async () => {
  await using stage = await createMonthsStage();
  await stage.archive(JANUARY);
  await stage.archive(FEBRUARY);
  const ids = await stage.ids();
  const first = await stage.list('limit=15');
  await runRestore(restoreSteps(stage.setting), { month: JANUARY, days: 7, by: 'somebody' });
  const rest = await stage.list(`limit=1000&cursor=${first.next_cursor ?? ''}`);
  expect([...first.items, ...rest.items].map(({ id }) => id)).toEqual(ids);
  const january = rest.items.filter(({ created_at: at }) => String(at).startsWith('2020-01'));
  expect(new Set(january.map(({ source }) => source))).toEqual(new Set(['database']));
  expect(january.length).toBeGreaterThan(20);
  stage.opened.length = 0;
  await stage.list('limit=1000&until=2020-02-01T00:00:00Z');
  expect(stage.opened).toEqual([]);
  await stage.database.owner.query(
    `update audit_partition set restored_until = now() - interval '1 day' where state = 'restored'`,
  );
  await stage.archive(JANUARY);
  expect(await stage.ids()).toEqual(ids);
});

describe('one record of an archived month', () => {
  test('is found by its id in the parts of its moment alone', async () => {
    await using stage = await createMonthsStage();
    await stage.archive(JANUARY);
    await stage.archive(FEBRUARY);
    const oldest = (await stage.ids()).at(-1) ?? '';
    stage.opened.length = 0;
    const answer = await stage.api.inject({ url: `${EXECUTIONS}/${oldest}` });
    expect(answer.json()).toMatchObject({ id: oldest, source: 'archive' });
    expect(stage.opened).toEqual([TABLE]);
  });

  test('is found by the id that its client posted it with', async () => {
    await using stage = await createMonthsStage();
    const id = '9b2fd0c6-6f0f-4a8a-a8b5-1b33e9d8a001';
    const posted = await stage.api.inject({
      method: 'POST',
      url: EXECUTIONS,
      headers: { 'content-type': 'application/json' },
      payload: { id, remediation_id: 'posted', created_at: '2020-01-05T00:00:00Z', phase: 'Running' },
    });
    expect(posted.statusCode, posted.body).toBe(201);
    await stage.archive(JANUARY);
    const answer = await stage.api.inject({ url: `${EXECUTIONS}/${id}` });
    expect(answer.json()).toMatchObject({ remediation_id: 'posted', source: 'archive' });
  });

  test('is not there when no month has it', async () => {
    await using stage = await createMonthsStage();
    await stage.archive(JANUARY);
    const answer = await stage.api.inject({ url: `${EXECUTIONS}/00000000-0000-4000-8000-000000000000` });
    expect(answer.statusCode).toBe(404);
  });
});

test('of a large part only the row groups are read that a question touches', async () => {
  const folder = await createTestFolder();
  onTestFinished(() => folder.remove());
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
    const page = await selectArchivedPage(files, { filters: [], order: 'newest', limit: 5, ...query });
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
