import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import type { ArchiveReader } from '../../src/archive/reader/archive-reader.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { createMonth } from '../../src/database/months/partitions.ts';
import type { ListOrder, Position } from '../../src/database/reading/record-query.ts';
import { LIST_ORDERS } from '../../src/database/reading/record-query.ts';
import { columnsByName, type RecordDefinition } from '../../src/domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { createRecordFinder } from '../../src/query/record-finder.ts';
import { createTestApi } from '../support/api.ts';
import { testArchiveReader } from '../support/archive-reader.ts';
import { insertAwkwardRows } from '../support/archive-rows.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seededRandom } from '../support/random.ts';
import { retentionSteps, runRetention, WITHOUT_LEDGER } from '../support/retention.ts';
import { sizeOf, someOf } from '../support/soak.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const MONTHS = ['2020-01-01', '2020-02-01', '2020-03-01'];
const ARCHIVED = ['2020-01-01', '2020-02-01'];
const ROWS_PER_MONTH = 20;
/** Kinds of which every filter is asked for. */
const ASKED = someOf(RECORD_DEFINITIONS, 3);
/** Values of each column that are asked for, alone and together. */
const VALUES = sizeOf('FILTER_VALUES', { usual: 2, soak: 3 });
/** Questions of each kind, evenly over its columns. */
const QUESTIONS_PER_KIND = 60;
/** Longer values are no filter. */
const MAX_VALUE_LENGTH = 500;

let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let store: ObjectStore;
let reader: ArchiveReader;
let opened: string[];
let api: FastifyInstance;
/** What every question answered while all months were in the database. */
const before = new Map<string, unknown[]>();

interface Body {
  readonly items: { readonly id: string; readonly source: string }[];
  readonly next_cursor: string | null;
  readonly unsearched: unknown;
}

async function get(url: string, from = api): Promise<Body> {
  const answer = await from.inject({ method: 'GET', url });
  expect(answer.statusCode, `${url}: ${answer.body.slice(0, 500)}`).toBe(200);
  return answer.json();
}

const listOf = ({ kind }: RecordDefinition, query: Record<string, string>): string =>
  `/api/v1/audit/${kind}?${new URLSearchParams({ limit: '1000', until: '2020-02-01T00:00:00Z', ...query }).toString()}`;

/** Equality, one of several, prefix and absence of every column that is a filter, with values that there are. */
async function questionsOf(definition: RecordDefinition): Promise<string[]> {
  const urls = [listOf(definition, { order: 'oldest' })];
  for (const { name, type, vocabulary } of definition.columns) {
    if (type === 'jsonb' || type === 'vector') continue;
    urls.push(listOf(definition, { [name]: '' }));
    const values = await valuesOf(definition, name, type);
    const possible = values.filter((value) => vocabulary === undefined || vocabulary.includes(value));
    urls.push(...possible.map((value) => listOf(definition, { [name]: value })));
    urls.push(
      [listOf(definition, {}), ...possible.map((value) => `${name}=${encodeURIComponent(value)}`)].join('&'),
    );
    if (type === 'text')
      urls.push(...values.map((value) => listOf(definition, { [`${name}_prefix`]: value.slice(0, 3) })));
    if (type === 'numeric')
      urls.push(...withZeros(values).map((value) => listOf(definition, { [name]: value })));
  }
  return urls;
}

function withZeros(values: readonly string[]): string[] {
  return values.filter((value) => value.includes('.')).map((value) => `0${value}000`);
}

async function valuesOf({ table }: RecordDefinition, name: string, type: string): Promise<string[]> {
  const { rows } = await database.owner.query<{ value: string }>(
    `select distinct ${name}::text as value from ${table} where ${name} is not null and created_at < '2020-02-01' limit ${VALUES}`,
  );
  return rows
    .map(({ value }) => (type === 'interval' ? durationOf(value) : value))
    .filter((value) => value !== '' && value.length < MAX_VALUE_LENGTH)
    .map((value) => (type === 'timestamptz' ? value.replace(' ', 'T').replace('+00', 'Z') : value))
    .filter((value) => type !== 'numeric' || value.length < 40);
}

/** Months and years cannot be asked for. */
function durationOf(interval: string): string {
  const [, days = '0', sign = '', hours, minutes = '0', seconds = '0'] =
    /^(?:(-?\d+) days? ?)?(?:([+-]?)(\d+):(\d+):(\d+))?$/.exec(interval) ?? [];
  if (hours === undefined && days === '0') return '';
  const clock = (BigInt(hours ?? 0) * 60n + BigInt(minutes)) * 60n + BigInt(seconds);
  return String((BigInt(days) * 86_400n + (sign === '-' ? -clock : clock)) * 1_000_000_000n);
}

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await createTestFolder();
  key = await readOrCreateSigningKey(folder.file('key.pem'));
  store = createFolderStore(folder.file('archive'));
  const random = seededRandom(20_201);
  for (const month of MONTHS) await createMonth(database.owner, month);
  for (const { table } of RECORD_DEFINITIONS)
    for (const month of MONTHS)
      await insertAwkwardRows(database.owner, table, { month, rows: ROWS_PER_MONTH, random });
  ({ reader, opened } = testArchiveReader({ store, key, folder: folder.path }));
  api = createTestApi(database, { archive: { reader } });
  for (const definition of ASKED)
    for (const url of someOf(await questionsOf(definition), QUESTIONS_PER_KIND))
      before.set(url, withoutSource(await get(url)));
  const setting = { ownerUrl: database.url('audit_owner'), store, key, folder: folder.path };
  const steps = retentionSteps(setting, WITHOUT_LEDGER);
  for (const month of ARCHIVED) await runRetention(steps, month);
});
afterAll(async () => {
  await api.close();
  await reader.close();
  await database.close();
  await folder.remove();
});

const withoutSource = ({ items }: Body): unknown[] => items.map((item) => ({ ...item, source: undefined }));

describe.each(ASKED.map((definition) => definition.kind))('%s:', (kind) => {
  test('every filter gives the same rows after their months went into the archive', async () => {
    const asked = [...before].filter(([url]) => url.startsWith(`/api/v1/audit/${kind}?`));
    expect(asked.length).toBeGreaterThan(50);
    expect(asked.filter(([, items]) => items.length > 0).length).toBeGreaterThan(30);
    for (const [url, items] of asked) {
      const body = await get(url);
      expect(withoutSource(body), url).toEqual(items);
      expect(body.unsearched, url).toBeNull();
    }
  });
});

test('each row says where it was read', async () => {
  const { items } = await get('/api/v1/audit/workflow-execution?limit=1000');
  const sources = items.map(({ source }) => source);
  expect(sources.filter((source) => source === 'database')).toHaveLength(ROWS_PER_MONTH);
  expect(sources.filter((source) => source === 'archive')).toHaveLength(2 * ROWS_PER_MONTH);
});

describe('the archive is touched only as far as a page reaches:', () => {
  const asked: [string, number][] = [
    // Full from the database, to the last row of it.
    [`limit=${ROWS_PER_MONTH}`, 0],
    ['since=2020-03-01T00:00:00Z&limit=1000', 0],
    ['until=2020-01-01T00:00:00Z', 0],
    ['until=2019-01-01T00:00:00Z', 0],
    // Parts of ten rows: the newest month is begun from its newest part.
    [`limit=${ROWS_PER_MONTH + 1}`, 1],
    ['order=oldest&limit=1', 1],
    ['order=oldest&limit=11', 2],
    ['since=2020-02-01T00:00:00Z&until=2020-03-01T00:00:00Z&limit=1000', 2],
    ['limit=1000', 4],
    ['include_archive=false&limit=1000', 0],
  ];
  test.each(asked)('?%s opens %i parts', async (query, count) => {
    opened.length = 0;
    await get(`/api/v1/audit/workflow-execution?${query}`);
    expect(opened).toHaveLength(count);
  });
});

test('pages of any size hold every row once and in order, in both directions', async () => {
  for (const order of ['newest', 'oldest']) {
    const whole = await get(`/api/v1/audit/ai-analysis?limit=1000&order=${order}`);
    for (const limit of [1, 7, 20, 21, 44]) {
      const seen: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const page: Body = await get(
          `/api/v1/audit/ai-analysis?limit=${limit}&order=${order}&cursor=${cursor}`,
        );
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.next_cursor;
      }
      expect(seen).toEqual(whole.items.map(({ id }) => id));
    }
  }
});

test('CSV and NDJSON have the same rows, and say where each was read', async () => {
  const { items } = await get('/api/v1/audit/remediation?limit=1000');
  const csv = await api.inject({
    url: '/api/v1/audit/remediation?limit=1000',
    headers: { accept: 'text/csv' },
  });
  expect(csv.body.split('\r\n', 1)[0]).toMatch(/,source$/);
  expect(csv.body.match(/,archive\r\n/g)).toHaveLength(2 * ROWS_PER_MONTH);
  const lines = await api.inject({
    url: '/api/v1/audit/remediation?limit=1000',
    headers: { accept: 'application/x-ndjson' },
  });
  const rows = lines.body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(rows).toEqual(items);
});

describe('a process without an archive', () => {
  test('says which months it did not search, and which setting is missing', async () => {
    const missing = 'REMEDIATION_AUDIT_ARCHIVE_URL is not set for this process';
    const alone = createTestApi(database, { archive: { missing } });
    const answer = await alone.inject({ url: '/api/v1/audit/remediation?limit=1000' });
    expect(answer.json<Body>().items).toHaveLength(ROWS_PER_MONTH);
    expect(answer.json<Body>().unsearched).toEqual({ months: ['2020-01', '2020-02'], reason: missing });
    expect(answer.headers).toMatchObject({
      'unsearched-months': '2020-01, 2020-02',
      'unsearched-reason': missing,
    });
    const window = 'since=2020-02-01T00:00:00Z&until=2020-03-01T00:00:00Z';
    const month = await alone.inject({ url: `/api/v1/audit/remediation?${window}` });
    expect(month.json<Body>().unsearched).toEqual({ months: ['2020-02'], reason: missing });
    const recent = await alone.inject({ url: '/api/v1/audit/remediation?limit=5' });
    expect(recent.json<Body>().unsearched).toBeNull();
    expect(recent.headers).not.toHaveProperty('unsearched-months');
    await alone.close();
  });

  test('says so too when the caller leaves the archive out', async () => {
    const { items, unsearched } = await get('/api/v1/audit/remediation?limit=1000&include_archive=false');
    expect(items).toHaveLength(ROWS_PER_MONTH);
    expect(unsearched).toEqual({
      months: ['2020-01', '2020-02'],
      reason: 'the archive was left out by include_archive=false',
    });
  });
});

test('pages that look at a part of the database list all of it and of the archive, each record once', async () => {
  await database.owner.query('analyze');
  const finder = createRecordFinder(database.reader, { reader });
  const column = columnsByName(workflowExecutionAudit).get('cluster');
  if (column === undefined) throw new TypeError('there is no column cluster');
  const pagesOf = async (order: ListOrder, mostLookedAt?: number): Promise<unknown[][]> => {
    const pages: unknown[][] = [];
    let after: Position | undefined;
    do {
      const page = await finder.selectPage(
        workflowExecutionAudit,
        { filters: [{ column, is: 'prefix', value: '' }], order, limit: 30, after },
        { signal: new AbortController().signal, includeArchive: true, mostLookedAt },
      );
      pages.push(page.rows.map(({ row, source }) => [source, row['created_at'], row['id']]));
      after = page.next;
    } while (after !== undefined);
    return pages;
  };
  for (const order of LIST_ORDERS) {
    const whole = await pagesOf(order);
    expect(whole.flat()).toHaveLength(MONTHS.length * ROWS_PER_MONTH);
    const parts = await pagesOf(order, ROWS_PER_MONTH / 4);
    expect(parts.length).toBeGreaterThan(whole.length);
    expect(parts.flat()).toEqual(whole.flat());
  }
});
