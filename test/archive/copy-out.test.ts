import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';

import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { copyOut } from '../../src/archive/parquet/copy-out.ts';
import type { RowBatch } from '../../src/archive/parquet/row-batch.ts';
import { rowsOfText, startOf } from '../../src/archive/parquet/row-batch.ts';
import type { PartLimit, RowsDigest } from '../../src/archive/parquet/row-hasher.ts';
import { ROW_HASH_BYTES, RowHasher } from '../../src/archive/parquet/row-hasher.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { until } from '../support/until.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** Several batches, which are used again. */
const ROWS = 12_000;
/** Quotes, line feeds and rows of every width, so that no row looks like its end. */
const AWKWARD = `
  copy (select n, case n % 4 when 0 then null when 1 then E'",\\n"\\n' when 2 then E'"\\n' else '' end,
      repeat(E'wide "\\n', (n % 7) * (n % 11)), case n when 500 then repeat('x', 3000000) end, E'a\\n'
    from generate_series(1, ${ROWS}) as n order by n)
  to stdout with (format csv, force_quote *)`;

async function withClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: database.url('audit_owner') });
  // Some of the tests break the connection.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function rowsIn(batch: RowBatch): Buffer[] {
  return batch.ends.map((end, row) => Buffer.from(batch.bytes.subarray(startOf(batch, row), end)));
}

async function gather(batches: AsyncIterable<RowBatch>): Promise<Buffer[]> {
  const rows: Buffer[] = [];
  for await (const batch of batches) rows.push(...rowsIn(batch));
  return rows;
}

async function textOf(client: pg.Client, statement: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of client.query(copyTo(statement)) as AsyncIterable<Buffer>)
    chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test('rows come as the server writes them, each with its own end', () =>
  withClient(async (client) => {
    const rows = await gather(copyOut(client, AWKWARD));
    expect(rows).toHaveLength(ROWS);
    rows.forEach((row, index) => {
      expect(row.subarray(0, row.indexOf(','))).toEqual(Buffer.from(`"${index + 1}"`));
    });
    expect(Buffer.concat(rows).equals(await textOf(client, AWKWARD))).toBe(true);
  }));

test('rows are found in text however it is cut into pieces', () =>
  withClient(async (client) => {
    const expected = await gather(copyOut(client, AWKWARD));
    const text = Buffer.concat(expected);
    const random = seededRandom(chooseSeed());
    function* pieces(most: number): Generator<Buffer> {
      for (let at = 0; at < text.length;) {
        const length = 1 + random.below(most);
        yield text.subarray(at, at + length);
        at += length;
      }
    }
    for (const most of [40_000, 1_000_000]) {
      const found = await gather(rowsOfText(Readable.from(pieces(most))));
      expect(found.length).toBe(expected.length);
      expect(found.every((row, index) => expected[index]?.equals(row) === true)).toBe(true);
    }
    const [first = text] = expected;
    await expect(gather(rowsOfText(Readable.from([first.subarray(0, -1)])))).rejects.toThrow(
      'ends within a row',
    );
  }));

const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest();

test('a hasher hashes each row and all of them, and ends a part at the row that reaches its limit', () =>
  withClient(async (client) => {
    const rows = await gather(copyOut(client, AWKWARD));
    const bytes = Buffer.concat(rows.slice(0, 300)).length;
    for (const limit of [
      { rows: 250, bytes },
      // The first part reaches its bytes to the last one.
      { rows: 301, bytes },
    ]) {
      const { found, hashes } = await hashInParts(copyOut(client, AWKWARD), limit);
      expect(found).toEqual(
        divide(rows, limit).map((part) => ({
          rows: part.length,
          digest: sha256(Buffer.concat(part)).toString('hex'),
        })),
      );
      expect(found[0]?.rows).toBe(Math.min(300, limit.rows));
      expect(hashes).toEqual(Buffer.concat(rows.map((row) => sha256(row).subarray(0, ROW_HASH_BYTES))));
    }
  }));

async function hashInParts(
  batches: AsyncIterable<RowBatch>,
  limit: PartLimit,
): Promise<{ found: RowsDigest[]; hashes: Buffer }> {
  const hashes: Buffer[] = [];
  const hasher = new RowHasher((rowHashes) => hashes.push(rowHashes));
  const found: RowsDigest[] = [];
  for await (const batch of batches)
    for (let row = 0; row < batch.ends.length;) {
      row = hasher.update(batch, row, limit);
      if (hasher.isFull(limit)) found.push(hasher.finish());
    }
  if (hasher.rows > 0) found.push(hasher.finish());
  return { found, hashes: Buffer.concat(hashes) };
}

/** Row by row, as slowly as it is said. */
function divide(rows: readonly Buffer[], limit: PartLimit): Buffer[][] {
  const parts: Buffer[][] = [[]];
  for (const row of rows) {
    const last = parts.at(-1) ?? [];
    last.push(row);
    if (last.length === limit.rows || Buffer.concat(last).length >= limit.bytes) parts.push([]);
  }
  return parts.filter((part) => part.length > 0);
}

test('a statement that fails midway rejects, and the connection is of use afterwards', () =>
  withClient(async (client) => {
    const failing = `copy (select 100 / (2000 - n), repeat('x', 500) from generate_series(1, 3000) as n) to stdout with (format csv)`;
    await expect(gather(copyOut(client, failing))).rejects.toThrow('division by zero');
    await expect(gather(copyOut(client, 'copy nowhere to stdout'))).rejects.toThrow('does not exist');
    expect((await client.query<{ one: number }>('select 1 as one')).rows).toEqual([{ one: 1 }]);
  }));

const ENDLESS = `copy (select generate_series(1, 100000000), repeat('x', 500)) to stdout with (format csv)`;

test('a server that ends the connection midway rejects', () =>
  withClient(async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const reading = (async () => {
      for await (const batch of copyOut(client, ENDLESS))
        if (startOf(batch, 1) > 0)
          await database.owner.query('select pg_terminate_backend($1::integer)', [rows[0]?.pid]);
    })();
    await expect(reading).rejects.toThrow(/terminat/);
  }));

test('the server waits while nobody takes a batch, and a COPY that is left early ends with its connection', () =>
  withClient(async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    for await (const batch of copyOut(client, ENDLESS)) {
      expect(batch.ends.length).toBeGreaterThan(0);
      let before = 0;
      await until(async () => {
        const isStill = stream.bytesRead === before;
        before = stream.bytesRead;
        const { rows: waits } = await database.owner.query<{ event: string | null }>(
          'select wait_event as event from pg_stat_activity where pid = $1::integer',
          [rows[0]?.pid],
        );
        return waits[0]?.event === 'ClientWrite' && isStill;
      }, 'the server waits for us');
      break;
    }
  }));
