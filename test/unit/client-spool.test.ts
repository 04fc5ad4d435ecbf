import { appendFile, chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { RecordRefusedError, SpoolFullError } from '../../packages/client/src/errors.ts';
import type { PendingQueue, PendingRecord } from '../../packages/client/src/pending-queue.ts';
import { openSpool } from '../../packages/client/src/spool-queue.ts';

let folder: string;
let spool: PendingQueue;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-spool-'));
  spool = await openSpool(folder);
});
afterEach(async () => {
  await spool.close(new Error('the test is over'));
  await rm(folder, { recursive: true, force: true });
});

const record = (json: string, kind: PendingRecord['kind'] = 'ai-analysis'): PendingRecord => ({ kind, json });
const segments = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => /^\d+\.ndjson$/.test(name)).sort();

/** What a crash leaves: everything but the lock's owner. */
async function reopen(): Promise<void> {
  await spool.close(new Error('crashed'));
  spool = await openSpool(folder);
}

async function readAll(): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const batch = await spool.oldest(100);
    if (batch.length === 0) return all;
    all.push(...batch.map(({ json }) => json));
    await spool.stored(batch);
  }
}

test('a record is on disk when the call resolves, and read back to the last digit', async () => {
  await spool.add(record('{"n":9007199254740993,"d":1.10}'));
  const [file] = await segments();
  expect(await readFile(join(folder, file ?? ''), 'utf8')).toBe(
    '{"kind":"ai-analysis","record":{"n":9007199254740993,"d":1.10}}\n',
  );
  await reopen();
  expect(spool.size).toBe(1);
  expect(await readAll()).toEqual(['{"n":9007199254740993,"d":1.10}']);
});

test('thousands of records added at once are all kept, in files of at most a thousand, and sent once each', async () => {
  const texts = Array.from({ length: 3_500 }, (_, index) => `{"index":${index}}`);
  await Promise.all(texts.map((text) => spool.add(record(text))));
  expect(spool.size).toBe(3_500);
  expect((await segments()).length).toBe(4);
  const read = await readAll();
  expect(read).toHaveLength(3_500);
  expect(new Set(read)).toEqual(new Set(texts));
  expect(spool.size).toBe(0);
  expect(await segments()).toEqual([]);
});

test('what the service has of a file is sent again after a crash, what it has whole is not', async () => {
  for (const index of [1, 2, 3]) await spool.add(record(`{"index":${index}}`));
  await spool.stored(await spool.oldest(2));
  await reopen();
  expect(await readAll()).toEqual(['{"index":1}', '{"index":2}', '{"index":3}']);
  await reopen();
  expect(await readAll()).toEqual([]);
});

test('records that come while others are sent wait for their turn', async () => {
  await spool.add(record('{"index":1}'));
  const first = await spool.oldest(10);
  await spool.add(record('{"index":2}'));
  expect(first.map(({ json }) => json)).toEqual(['{"index":1}']);
  await spool.stored(first);
  expect(await readAll()).toEqual(['{"index":2}']);
});

test('half a line, which a crash left, was acknowledged to nobody and is passed over', async () => {
  await spool.add(record('{"index":1}'));
  const [file] = await segments();
  await spool.close(new Error('crashed'));
  await appendFile(join(folder, file ?? ''), '{"kind":"ai-analysis","record":{"ind');
  spool = await openSpool(folder);
  expect(spool.size).toBe(1);
  expect(await readAll()).toEqual(['{"index":1}']);
});

test('a batch holds one kind only, the oldest first', async () => {
  await spool.add(record('{"index":1}', 'ai-analysis'));
  await spool.add(record('{"index":2}', 'workflow-execution'));
  await spool.add(record('{"index":3}', 'ai-analysis'));
  const first = await spool.oldest(10);
  expect(first.map(({ json }) => json)).toEqual(['{"index":1}', '{"index":3}']);
  await spool.stored(first);
  expect((await spool.oldest(10)).map(({ kind }) => kind)).toEqual(['workflow-execution']);
});

test('a refused record is kept beside the spool with its reason, and waits no more', async () => {
  await spool.add(record('{"index":1}'));
  const [refused] = await spool.oldest(1);
  const error = new RecordRefusedError('ai-analysis', 422, {
    detail: 'the record is not valid',
    fields: [{ pointer: '/crd_name', detail: 'is required' }],
  });
  await spool.refused(refused ?? record(''), error);
  expect(spool.size).toBe(0);
  const kept = await readFile(join(folder, 'refused.ndjson'), 'utf8');
  expect(JSON.parse(kept)).toEqual({
    kind: 'ai-analysis',
    reason: error.message,
    record: { index: 1 },
  });
  await reopen();
  expect(spool.size).toBe(0);
});

test('what waits is readable for its user alone, also what an earlier version wrote', async () => {
  const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
  const inner = join(folder, 'a', 'spool');
  const other = await openSpool(inner);
  await other.add(record('{"password":"hunter2"}'));
  const [first] = await other.oldest(1);
  await other.refused(
    first ?? record(''),
    new RecordRefusedError('ai-analysis', 422, { detail: 'no', fields: [] }),
  );
  await other.add(record('{"index":2}'));
  expect(await modeOf(inner)).toBe(0o700);
  const names = (await readdir(inner)).sort();
  expect(names).toEqual([expect.stringMatching(/^\d+\.ndjson$/), 'lock', 'refused.ndjson']);
  for (const name of names) expect(await modeOf(join(inner, name)), name).toBe(0o600);

  await other.close(new Error('restarted'));
  for (const name of ['refused.ndjson', names[0] ?? '']) await chmod(join(inner, name), 0o644);
  await (await openSpool(inner)).close(new Error('done'));
  for (const name of ['refused.ndjson', names[0] ?? ''])
    expect(await modeOf(join(inner, name)), name).toBe(0o600);
});

test('a spool takes no more bytes than it may, and takes records again when the service has some', async () => {
  await spool.close(new Error('restarted'));
  spool = await openSpool(folder, 100_000);
  const large = record(JSON.stringify({ text: 'x'.repeat(9_000) }));
  const full = async (): Promise<number> => {
    for (let added = 0; ; added += 1)
      try {
        await spool.add(large);
      } catch (error: unknown) {
        expect(error).toBeInstanceOf(SpoolFullError);
        expect(String(error)).toMatch(/spool .* may have 100000; .* or raise maxSpoolBytes/);
        return added;
      }
  };
  expect(await full()).toBe(11);
  // Also after a restart.
  await spool.close(new Error('crashed'));
  spool = await openSpool(folder, 100_000);
  expect(await full()).toBe(0);
  // What is refused stays on the disk until somebody takes it away.
  const error = new RecordRefusedError('ai-analysis', 422, { detail: 'no', fields: [] });
  for (const refused of await spool.oldest(6)) await spool.refused(refused, error);
  await spool.stored(await spool.oldest(5));
  expect(spool.size).toBe(0);
  expect(await full()).toBe(5);
  await rm(join(folder, 'refused.ndjson'));
  expect(await full()).toBe(6);
});

test('a second client in the same folder gets an error that asks for another folder', async () => {
  await expect(openSpool(folder)).rejects.toThrow(/is used by another client of this process/);
  await spool.close(new Error('done'));
  // The parent of this process is certainly alive.
  await writeFile(join(folder, 'lock'), String(process.ppid));
  await expect(openSpool(folder)).rejects.toThrow(
    new RegExp(`is used by process ${process.ppid}; give each process a folder of its own`),
  );
  await rm(join(folder, 'lock'));
  spool = await openSpool(folder);
});

test('the lock of a process that is gone is taken over', async () => {
  await spool.close(new Error('done'));
  await writeFile(join(folder, 'lock'), '4194303');
  spool = await openSpool(folder);
  expect(await readFile(join(folder, 'lock'), 'utf8')).toBe(String(process.pid));
});
