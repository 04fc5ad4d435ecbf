import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';

import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import type { ObjectBody, ObjectStore } from '../../src/archive/store/object-store.ts';
import {
  ObjectConflictError,
  ObjectHeldError,
  ObjectMissingError,
  ObjectStoreError,
  sha256Of,
} from '../../src/archive/store/object-store.ts';
import { createS3Store } from '../../src/archive/store/s3-store.ts';
import { DAY_MS } from '../../src/domain/time.ts';
import { fileNowMs } from '../support/shifted-clock.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

let folder: string;
let s3: Versitygw;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'object-stores-'));
  s3 = await startVersitygw();
  await createBucket('plain');
  await createBucket('locked', { 'x-amz-bucket-object-lock-enabled': 'true' });
});
afterAll(async () => {
  await s3.stop();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => {
  vi.useRealTimers();
});

async function createBucket(name: string, headers: Record<string, string> = {}): Promise<void> {
  expect((await s3.send({ method: 'PUT', path: `/${name}`, headers })).status).toBe(200);
}

function s3Store(given: Partial<Parameters<typeof createS3Store>[0]> = {}): ObjectStore {
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const credentials = { accessKeyId, secretAccessKey };
  return createS3Store({ bucket: 'plain', endpoint, region, pathStyle: true, credentials, ...given });
}

const bytes = (text: string): ObjectBody => ({ source: Buffer.from(text), sha256: sha256Of(text) });

async function file(text: string): Promise<ObjectBody> {
  const path = join(folder, `source-${sha256Of(text).slice(0, 8)}`);
  await writeFile(path, text);
  return { source: path, sha256: sha256Of(text) };
}

async function downloaded(store: ObjectStore, key: string): Promise<string> {
  const path = join(folder, 'downloaded');
  await rm(path, { force: true });
  await store.download(key, path);
  return readFile(path, 'utf8');
}

const STORES: readonly (readonly [string, () => ObjectStore])[] = [
  ['a folder', () => createFolderStore(join(folder, 'archive', 'deep'))],
  ['S3', () => s3Store()],
  ['S3 under a prefix', () => s3Store({ prefix: 'audit/prod' })],
  ['S3 without the checksums of the SDK', () => s3Store({ prefix: 'bare', checksums: 'when_required' })],
];

describe.each(STORES)('%s', (_name, create) => {
  test('gives back the bytes of a file that was put', async () => {
    const store = create();
    const text = 'row\n'.repeat(400_000);
    expect(await store.put('table=a/month=2026-03/part-1.parquet', await file(text))).toBe('stored');
    expect(await downloaded(store, 'table=a/month=2026-03/part-1.parquet')).toBe(text);
  });

  test('gives back bytes that were put from memory', async () => {
    const store = create();
    expect(await store.put('manifests/one.json', bytes('{"a":"ä"}'))).toBe('stored');
    expect((await store.read('manifests/one.json')).toString()).toBe('{"a":"ä"}');
  });

  test('takes the same bytes twice, and says that they were there', async () => {
    const store = create();
    expect(await store.put('twice', bytes('same'))).toBe('stored');
    expect(await store.put('twice', await file('same'))).toBe('present');
  });

  test('never overwrites an object with other bytes', async () => {
    const store = create();
    await store.put('once', bytes('first'));
    await expect(store.put('once', bytes('second'))).rejects.toBeInstanceOf(ObjectConflictError);
    expect((await store.read('once')).toString()).toBe('first');
  });

  test('refuses bytes whose checksum is another, and keeps none of them', async () => {
    const store = create();
    const lie = { source: Buffer.from('rows'), sha256: sha256Of('other rows') };
    await expect(store.put('checked', lie)).rejects.toBeInstanceOf(ObjectStoreError);
    await expect(store.read('checked')).rejects.toBeInstanceOf(ObjectMissingError);
    expect(await store.list('checked')).toEqual([]);
  });

  test('says that an object is missing', async () => {
    const store = create();
    await expect(store.read('nothing')).rejects.toBeInstanceOf(ObjectMissingError);
    await expect(store.download('nothing', join(folder, 'none'))).rejects.toBeInstanceOf(ObjectMissingError);
  });

  test('lists the keys of a prefix in order', async () => {
    const store = create();
    for (const key of ['list/b/2', 'list/a/1', 'list/b/1']) await store.put(key, bytes(key));
    expect(await store.list('list/b')).toEqual(['list/b/1', 'list/b/2']);
    expect(await store.list('list/')).toEqual(['list/a/1', 'list/b/1', 'list/b/2']);
    expect(await store.list('absent/')).toEqual([]);
  });

  test('accepts one of many writers of one name', async () => {
    const store = create();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, writer) => store.put('raced', bytes(`writer ${writer}`))),
    );
    const kept = (await store.read('raced')).toString();
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(kept).toMatch(/^writer \d$/);
  });

  test('refuses a key that would leave its place', async () => {
    const store = create();
    for (const key of ['../outside', 'a/../../b', '/root', 'a//b', '']) {
      await expect(store.put(key, bytes('x')), key).rejects.toThrow(/cannot be the key/);
    }
  });

  test('knows when an object was stored', async () => {
    const store = create();
    const beforeMs = fileNowMs();
    await store.put('dated', bytes('x'));
    const storedAtMs = await store.storedAtMs('dated');
    // S3 has whole seconds.
    expect(storedAtMs).toBeGreaterThan(beforeMs - 1_000);
    expect(storedAtMs).toBeLessThanOrEqual(fileNowMs());
    await expect(store.storedAtMs('never')).rejects.toBeInstanceOf(ObjectMissingError);
  });

  test('removes an object, and minds nothing when it is gone', async () => {
    const store = create();
    await store.put('old/part', bytes('x'));
    await store.remove('old/part');
    await store.remove('old/part');
    await store.remove('never/there');
    expect(await store.list('old/')).toEqual([]);
  });
});

const HOLDING: readonly (readonly [string, () => ObjectStore])[] = [
  ['a folder', () => createFolderStore(join(folder, 'holds'))],
  ['S3 with object lock', () => s3Store({ bucket: 'locked', prefix: 'holds' })],
];

describe.each(HOLDING)('%s', (_name, create) => {
  test('keeps an object under a legal hold until the hold is taken away', async () => {
    const store = create();
    await store.put('table=a/held', bytes('rows'));
    for (const held of [true, true]) expect(await store.setLegalHold('table=a/held', held)).toBe(true);
    await expect(store.remove('table=a/held')).rejects.toThrow(/table=a\/held .+ is kept by a legal hold/);
    expect((await store.read('table=a/held')).toString()).toBe('rows');
    expect(await store.list('table=a/')).toEqual(['table=a/held']);
    for (const held of [false, false]) expect(await store.setLegalHold('table=a/held', held)).toBe(true);
    await store.remove('table=a/held');
    expect(await store.list('table=a/')).toEqual([]);
  });

  test('takes an object under a legal hold from its first moment', async () => {
    const store = create();
    await store.put('born', { ...bytes('rows'), held: true });
    await expect(store.remove('born')).rejects.toBeInstanceOf(ObjectHeldError);
  });

  test('holds what was there already when it is put again under a hold', async () => {
    const store = create();
    await store.put('again', bytes('rows'));
    expect(await store.put('again', { ...bytes('rows'), held: true })).toBe('present');
    await expect(store.remove('again')).rejects.toBeInstanceOf(ObjectHeldError);
  });

  test('cannot hold what is not there', async () => {
    await expect(create().setLegalHold('nothing', true)).rejects.toBeInstanceOf(ObjectMissingError);
  });
});

test('a bucket without object lock says that it knows no legal holds, and keeps the object all the same', async () => {
  const store = s3Store({ prefix: 'unheld' });
  await store.put('part', { ...(await file('rows')), held: true });
  expect(await store.setLegalHold('part', true)).toBe(false);
  expect((await store.read('part')).toString()).toBe('rows');
});

test('a folder makes its objects read-only', async () => {
  const path = join(folder, 'read-only');
  await createFolderStore(path).put('object', bytes('x'));
  expect((await stat(join(path, 'object'))).mode & 0o222).toBe(0);
  await chmod(join(path, 'object'), 0o644);
});

test('an object under a lock stays for its days, whoever asks', async () => {
  const store = s3Store({ bucket: 'locked', lock: { mode: 'COMPLIANCE', days: 1 } });
  await store.put('part', bytes('rows'));
  const { headers } = await s3.send({ method: 'HEAD', path: '/locked/part' });
  expect(headers['x-amz-object-lock-mode']).toBe('COMPLIANCE');
  const versionId = String(headers['x-amz-version-id']);
  expect((await s3.send({ method: 'DELETE', path: '/locked/part', query: { versionId } })).status).toBe(403);
  await expect(store.remove('part')).rejects.toThrow(/is kept by a lock until \d{4}-/);
});

test('a legal hold is set and taken away', async () => {
  const store = s3Store({ bucket: 'locked' });
  await store.put('held', bytes('rows'));
  const { headers } = await s3.send({ method: 'HEAD', path: '/locked/held' });
  const versionId = String(headers['x-amz-version-id']);
  const remove = () => s3.send({ method: 'DELETE', path: '/locked/held', query: { versionId } });
  expect(await store.setLegalHold('held', true)).toBe(true);
  expect((await remove()).status).toBe(403);
  expect(await store.setLegalHold('held', false)).toBe(true);
  expect((await remove()).status).toBe(204);
});

test('a store that refuses says which object it was, where, and why', async () => {
  const store = s3Store({ credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: 'wrong' } });
  await expect(store.put('part', bytes('rows'))).rejects.toThrow(/cannot write part at s3:\/\/plain\/: .+/);
});

test('the object store has the clock of the tests', async () => {
  const { headers } = await s3.send({ method: 'GET', path: '/' });
  expect(Math.abs(Date.parse(String(headers['date'])) - Date.now())).toBeLessThan(60_000);
});

// Such a store answers before it has read the object, and closes: who is still writing sees no answer but a reset.
test('a long file reaches a store whose clock is days away, as the first that is sent', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3 * DAY_MS });
  const body = await file('long row\n'.repeat(1_000_000));
  for (const attempt of [1, 2, 3, 4, 5]) {
    const store = s3Store({ prefix: `skewed/${attempt}` });
    expect(await store.put('part', body)).toBe('stored');
    expect(sha256Of(await store.read('part').then(String))).toBe(body.sha256);
  }
});

test.each([
  ['before it answers', ''],
  ['in the middle of an object', 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf of it'],
])('a store that falls silent %s is given up, and named', async (_when, said) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.write(said));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const store = s3Store({ endpoint: `http://127.0.0.1:${port}`, silenceMs: 200 });
  await expect(downloaded(store, 'part')).rejects.toThrow(/cannot read part at s3:\/\/plain\/: .+/);
  server.close();
});
