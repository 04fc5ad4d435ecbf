import { randomBytes } from 'node:crypto';

import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { describe, expect, test } from 'vitest';

import { parsePayloadKeys } from '../../src/domain/payload-keys.ts';
import {
  CodecBodyError,
  type CodedPayloads,
  createCodecEndpoint,
} from '../../src/temporal/codec-endpoint.ts';
import { createPayloadCodec, UnknownPayloadKeyError } from '../../src/temporal/payload-codec.ts';

const newKey = (id: string) => ({ id, secret: randomBytes(32).toString('base64') });
const OLD = newKey('2026-10');
const NEW = newKey('2026-11');
const SECRET = 'what only we may read';
const payload = defaultPayloadConverter.toPayload({ text: SECRET });
const long = defaultPayloadConverter.toPayload({ text: SECRET.repeat(100) });

function bytesOf({ data }: Payload): Buffer {
  return Buffer.from(data ?? []);
}

function encodingOf({ metadata }: Payload): string {
  return Buffer.from(metadata?.['encoding'] ?? []).toString();
}

async function sealed(codec: ReturnType<typeof createPayloadCodec>, plain: Payload): Promise<Payload> {
  const [result] = await codec.encode([plain]);
  if (result === undefined) throw new Error('the codec swallowed a payload');
  return result;
}

const valueOf = (plain: Payload | undefined): unknown =>
  plain === undefined ? undefined : defaultPayloadConverter.fromPayload(plain);

describe('the payload codec', () => {
  test('passes small payloads through as they are, so that the UI shows them', async () => {
    const codec = createPayloadCodec({ compressAboveBytes: 1_000, keys: [] });
    expect(await sealed(codec, payload)).toEqual(payload);
    expect(await codec.decode([payload])).toEqual([payload]);
  });

  test('compresses large ones, and leaves alone what does not shrink', async () => {
    const codec = createPayloadCodec({ compressAboveBytes: 1_000, keys: [] });
    const small = await sealed(codec, long);
    expect(encodingOf(small)).toBe('binary/zstd');
    expect(bytesOf(small).length).toBeLessThan(200);
    expect((await codec.decode([small])).map(valueOf)).toEqual([{ text: SECRET.repeat(100) }]);
    const noise = defaultPayloadConverter.toPayload(randomBytes(2_000));
    expect(await sealed(codec, noise)).toEqual(noise);
  });

  test('never compresses at 0', async () => {
    const codec = createPayloadCodec({ compressAboveBytes: 0, keys: [] });
    expect(await sealed(codec, long)).toEqual(long);
  });

  test('encrypts with the first key and names it, differently each time', async () => {
    const codec = createPayloadCodec({ compressAboveBytes: 0, keys: [NEW, OLD] });
    const first = await sealed(codec, payload);
    const second = await sealed(codec, payload);
    expect(encodingOf(first)).toBe('binary/encrypted');
    expect(Buffer.from(first.metadata?.['encryption-key-id'] ?? []).toString()).toBe('2026-11');
    expect(bytesOf(first).includes(SECRET)).toBe(false);
    expect(bytesOf(first).equals(bytesOf(second))).toBe(false);
    expect((await codec.decode([first, second])).map(valueOf)).toEqual([{ text: SECRET }, { text: SECRET }]);
  });

  test('compresses before it encrypts', async () => {
    const codec = createPayloadCodec({ compressAboveBytes: 1_000, keys: [NEW] });
    const small = await sealed(codec, long);
    expect(bytesOf(small).length).toBeLessThan(250);
    expect((await codec.decode([small])).map(valueOf)).toEqual([{ text: SECRET.repeat(100) }]);
  });

  test('reads what an older key encrypted, as long as that key is there', async () => {
    const old = await sealed(createPayloadCodec({ compressAboveBytes: 0, keys: [OLD] }), payload);
    const rotated = createPayloadCodec({ compressAboveBytes: 0, keys: [NEW, OLD] });
    expect((await rotated.decode([old])).map(valueOf)).toEqual([{ text: SECRET }]);
    const forgetful = createPayloadCodec({ compressAboveBytes: 0, keys: [NEW] });
    await expect(forgetful.decode([old])).rejects.toThrow(UnknownPayloadKeyError);
    await expect(forgetful.decode([old])).rejects.toThrow(/key 2026-10 is not in/);
  });

  test('refuses what was changed on the way, be it a bit, or the name of the key', async () => {
    const twin = { ...NEW, id: 'twin' };
    const codec = createPayloadCodec({ compressAboveBytes: 0, keys: [NEW, twin] });
    const good = await sealed(codec, payload);
    const data = bytesOf(good);
    data.writeUInt8(data.readUInt8(data.length - 1) ^ 1, data.length - 1);
    await expect(codec.decode([{ ...good, data }])).rejects.toThrow(/authenticate/);
    const renamed = { ...good.metadata, 'encryption-key-id': Buffer.from('twin') };
    await expect(codec.decode([{ ...good, metadata: renamed }])).rejects.toThrow(/authenticate/);
  });
});

describe('the file of keys', () => {
  test('has one a line, the first one first, and room for remarks', () => {
    const text = `# encrypts since November\n${NEW.id} ${NEW.secret}\n\n  ${OLD.id}\t${OLD.secret}\n`;
    expect(parsePayloadKeys(text)).toEqual([NEW, OLD]);
  });

  test.each([
    ['a secret alone', NEW.secret, 'line 1 is not `name base64`'],
    ['a short secret', 'k1 c2hvcnQ=', 'line 1 is not 32 bytes as base64'],
    ['a name twice', `k1 ${NEW.secret}\nk1 ${OLD.secret}`, 'line 2 repeats the name k1'],
    ['a third word', `k1 ${NEW.secret} more`, 'line 1 is not `name base64`'],
  ])('is refused for %s, without showing the secret', (_what, text, complaint) => {
    expect(() => parsePayloadKeys(text)).toThrow(complaint);
  });
});

describe('the codec endpoint', () => {
  const { signal } = new AbortController();
  const read = ({ text }: CodedPayloads): unknown => JSON.parse([...text].join(''));
  const endpoint = createCodecEndpoint(createPayloadCodec({ compressAboveBytes: 0, keys: [NEW] }));
  const body = {
    payloads: [
      {
        metadata: { encoding: Buffer.from('json/plain').toString('base64') },
        data: Buffer.from('"x"').toString('base64'),
      },
    ],
  };

  test('gives back by decode what encode was given, in the form of Temporal’s UI', async () => {
    const encoded = read(await endpoint.encode(body, signal));
    expect(encoded).not.toEqual(body);
    expect(read(await endpoint.decode(encoded, signal))).toEqual(body);
  });

  test.each([
    null,
    [],
    { payloads: {} },
    { payloads: [1] },
    { payloads: [{ metadata: 1 }] },
    { payloads: [{ data: 'ü' }] },
  ])('refuses %j', async (strange) => {
    await expect(endpoint.decode(strange, signal)).rejects.toThrow(CodecBodyError);
  });
});
