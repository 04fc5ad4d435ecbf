import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { zstdCompressSync } from 'node:zlib';

import type { Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { peakResidentBytes } from '../../bench/process-memory.ts';
import { openCodec } from '../../src/api/routes/codec-routes.ts';
import { createCodecEndpoint } from '../../src/temporal/codec-endpoint.ts';
import { PLAIN_PAYLOADS } from '../../src/temporal/connection.ts';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { repositoryPath } from '../support/repository.ts';
import { until } from '../support/until.ts';

const { Payload: WirePayload } = proto.temporal.api.common.v1;
const MIB = 1024 * 1024;
/** What a request that is refused may take of the memory, whatever is in it. */
const MOST_MEMORY = 16 * MIB;
const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64');

/** As anybody can write it, in the form of Temporal's UI. */
function compressed(plain: Uint8Array) {
  return {
    metadata: { encoding: base64('binary/zstd') },
    data: base64(zstdCompressSync(plain)),
  };
}

/** Some hundred bytes that become so many. */
const bomb = (bytes: number) => compressed(WirePayload.encode({ data: Buffer.alloc(bytes) }).finish());

/** Metadata of so many members, each with a name and no value: 8 bytes here, an object there. */
function manyMembers(count: number): Uint8Array {
  const members = Array.from({ length: count }, (_, index) => index.toString(36).padStart(4, '0'));
  return Buffer.from(members.map((name) => `\n\u0006\n\u0004${name}`).join(''), 'latin1');
}

/** A frame of Zstandard (RFC 8878): its mark, a header with nothing but a window, and the window, 2^(10 + 17) bytes. */
const WIDE_FRAME = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3];

describe('a process that decodes what anybody sends', () => {
  let server: ChildProcess;
  let url: string;

  beforeAll(async () => {
    server = fork(repositoryPath('test/support/codec-process.ts'));
    [url] = (await once(server, 'message')) as [string];
    // What the first answers load and compile is no memory of a request.
    for (let count = 0; count < 50; count += 1) await decode([bomb(60_000), bomb(60_000)]);
  });
  afterAll(() => {
    server.disconnect();
  });

  async function decode(payloads: readonly object[]) {
    const body = JSON.stringify({ payloads });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}/codec/decode`, { method: 'POST', headers, body });
    return { status: answer.status, sent: body.length, text: await answer.text() };
  }

  /** How much more of its memory is resident at any moment of the work than at its beginning. */
  async function growth(work: () => Promise<void>): Promise<number> {
    const pid = server.pid ?? 0;
    // Linux begins its high-water mark anew.
    await writeFile(`/proc/${pid}/clear_refs`, '5');
    const before = await peakResidentBytes(pid);
    await work();
    return (await peakResidentBytes(pid)) - before;
  }

  test('forty bombs in 12 KB are refused within 16 MiB of memory', async () => {
    const grown = await growth(async () => {
      const answer = await decode(Array(40).fill(bomb(4 * MIB - 100)));
      expect(answer.sent).toBeLessThan(12_000);
      expect(answer.status, answer.text.slice(0, 200)).toBe(413);
      expect(JSON.parse(answer.text)).toMatchObject({
        type: 'urn:remediation-audit:problem:payloads-too-large',
        detail: expect.stringContaining('send fewer') as string,
      });
    });
    expect(grown).toBeLessThan(MOST_MEMORY);
  });

  test('hundreds of thousands of members of metadata are refused before they are objects', async () => {
    const grown = await growth(async () => {
      const answer = await decode([compressed(manyMembers(400_000))]);
      expect(answer.status).toBe(422);
      expect(answer.text).toContain('it has more than 64 fields');
    });
    expect(grown).toBeLessThan(MOST_MEMORY);
  });

  test('a window of 128 MiB is refused', async () => {
    const plain = WirePayload.encode({ data: Buffer.from('little') }).finish();
    const data = base64(
      Buffer.concat([Uint8Array.from(WIDE_FRAME), Uint8Array.of((plain.length << 3) | 1, 0, 0), plain]),
    );
    const answer = await decode([{ metadata: { encoding: base64('binary/zstd') }, data }]);
    expect(answer.status, answer.text).toBe(422);
    expect(answer.text).toContain('Frame requires too much memory');
  });

  test('a payload beyond 4 MiB is refused alone', async () => {
    const answer = await decode([bomb(5 * MIB)]);
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('more than 4194304 bytes');
  });

  test('8 MiB are answered, digit for digit, without several copies of them in memory', async () => {
    const plain = Buffer.alloc(4 * MIB - 100);
    const grown = await growth(async () => {
      const answer = await decode([bomb(plain.length), bomb(plain.length)]);
      expect(answer.status).toBe(200);
      const payload = { metadata: {}, data: base64(plain) };
      // Not `toEqual`: a difference of 11 MB would be printed.
      expect(answer.text === JSON.stringify({ payloads: [payload, payload] })).toBe(true);
    });
    expect(grown).toBeLessThan(2 * MOST_MEMORY);
  });

  test('the next request is coded when the answer before it was sent or its connection is closed', async () => {
    const whole = bomb(4 * MIB - 100);
    const slow = request(`${url}/codec/decode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    slow.on('error', () => undefined);
    slow.end(JSON.stringify({ payloads: [whole, whole] }));
    // Its 11 MB are decoded, and nobody reads them: they are more than the buffers of a connection hold.
    const [answer] = (await once(slow, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    const statuses: number[] = [];
    const others = Array.from({ length: 33 }, async () => {
      const { status } = await decode([{ metadata: {}, data: '' }]);
      statuses.push(status);
    });
    await until(() => statuses.length > 0, 'one of them is refused, because 32 wait');
    expect(statuses).toEqual([503]);
    slow.destroy();
    await Promise.all(others);
    expect(statuses.filter((status) => status === 200)).toHaveLength(32);
  });

  test('a hundred payloads are taken, and no more', async () => {
    const payload = { metadata: { encoding: base64('json/plain') }, data: base64('1') };
    const taken = await decode(Array(100).fill(payload));
    expect(taken.status).toBe(200);
    expect(JSON.parse(taken.text)).toEqual({ payloads: Array(100).fill(payload) });
    const refused = await decode(Array(101).fill(payload));
    expect(refused.status).toBe(413);
    expect(refused.text).toContain('there are 101 payloads, of which 100 are taken');
  });
});

test('other work goes on while a payload is decompressed', async () => {
  const data = Buffer.from(bomb(3 * MIB).data, 'base64');
  let turns = 0;
  const count = (): void => {
    turns += 1;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  const codec = createPayloadCodec(PLAIN_PAYLOADS);
  const [plain] = await codec.decode([{ metadata: { encoding: Buffer.from('binary/zstd') }, data }]);
  clearImmediate(next);
  expect(plain?.data?.length).toBe(3 * MIB);
  expect(turns).toBeGreaterThan(0);
});

describe('in the service', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.close());

  test('payloads are decoded one request at a time, and beyond 32 that wait the answer is 503', async () => {
    let running = 0;
    let most = 0;
    const { promise: opened, resolve: open } = Promise.withResolvers<undefined>();
    const decodeWithin = async (payloads: readonly Payload[]): Promise<Payload[]> => {
      running += 1;
      most = Math.max(most, running);
      await opened;
      running -= 1;
      return [...payloads];
    };
    const codec = { ...createPayloadCodec(PLAIN_PAYLOADS), decodeWithin };
    const api = createTestApi(database, { codec: { endpoint: createCodecEndpoint(codec), origins: [] } });
    const statuses: number[] = [];
    const sent = Array.from({ length: 34 }, async () => {
      const answer = await api.inject({ method: 'POST', url: '/codec/decode', payload: { payloads: [] } });
      statuses.push(answer.statusCode);
      return answer;
    });
    await until(() => statuses.length === 1, 'one of them is refused');
    expect(statuses).toEqual([503]);
    open(undefined);
    const answers = await Promise.all(sent);
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(33);
    const refused = answers.find(({ statusCode }) => statusCode === 503);
    expect(refused?.headers['retry-after']).toBe('1');
    expect(refused?.json()).toMatchObject({ type: 'urn:remediation-audit:problem:codec-busy' });
    expect(most).toBe(1);
    await api.close();
  });

  test.each([
    ['nothing is compressed or encrypted: there is no such address', PLAIN_PAYLOADS, 404],
    ['large payloads are compressed', { compressAboveBytes: 16_384, keys: [] }, 200],
    [
      'payloads are encrypted',
      { compressAboveBytes: 0, keys: [{ id: 'k1', secret: randomBytes(32).toString('base64') }] },
      200,
    ],
  ])('%s', async (_name, payloads, status) => {
    const api = createTestApi(database, { codec: openCodec(payloads, []) });
    for (const url of ['/codec/decode', '/codec/encode']) {
      const headers = { 'x-namespace': 'default', 'x-workflow-id': 'w1' };
      const answer = await api.inject({ method: 'POST', url, headers, payload: { payloads: [] } });
      expect(answer.statusCode, url).toBe(status);
    }
    await api.close();
  });
});
