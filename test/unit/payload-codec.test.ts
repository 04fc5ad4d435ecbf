import { createCipheriv, randomBytes } from 'node:crypto';

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

describe('what is encrypted belongs to one workflow', () => {
  const at = (workflowId: string, namespace = 'default') =>
    ({ type: 'workflow', namespace, workflowId }) as const;
  const refused: string[] = [];
  const options = { compressAboveBytes: 0, onRefused: (reason: string) => refused.push(reason) };
  const codec = createPayloadCodec({ ...options, keys: [NEW] });

  test.each([
    ['another workflow', at('w2')],
    ['another namespace', at('w1', 'other')],
    ['an activity of another workflow', { ...at('w2'), type: 'activity', isLocal: false } as const],
  ])('and is refused in %s', async (_where, context) => {
    const encoded = await codec.encode([payload], at('w1'));
    refused.length = 0;
    await expect(codec.decode(encoded, context)).rejects.toThrow(
      /was encrypted for workflow w1 of namespace/,
    );
    expect(refused).toEqual(['elsewhere']);
    expect((await codec.decode(encoded, at('w1'))).map(valueOf)).toEqual([{ text: SECRET }]);
  });

  test('and cannot be renamed', async () => {
    const [encoded] = await codec.encode([payload], at('w1'));
    const metadata = { ...encoded?.metadata, 'encryption-workflow-id': Buffer.from('w2') };
    await expect(codec.decode([{ ...encoded, metadata }], at('w2'))).rejects.toThrow(/authenticate/);
  });

  test('and what was encrypted for none belongs to none', async () => {
    await expect(codec.decode(await codec.encode([payload]), at('w1'))).rejects.toThrow(/unnamed workflow/);
  });

  test('which for a run of a schedule is the schedule', async () => {
    const encoded = await codec.encode([payload], at('audit-retention'));
    const run = at('audit-retention-2026-11-29T02:30:00Z');
    expect((await codec.decode(encoded, run)).map(valueOf)).toEqual([{ text: SECRET }]);
  });

  test('with an old key as with the newest', async () => {
    const old = await createPayloadCodec({ ...options, keys: [OLD] }).encode([payload], at('w1'));
    const rotated = createPayloadCodec({ ...options, keys: [NEW, OLD] });
    expect((await rotated.decode(old, at('w1'))).map(valueOf)).toEqual([{ text: SECRET }]);
    await expect(rotated.decode(old, at('w2'))).rejects.toThrow(/was encrypted for workflow w1/);
  });

  test('and what is not encrypted is refused where that is required, compressed or not', async () => {
    const strict = createPayloadCodec({ ...options, keys: [NEW], requireEncryption: true });
    const plain = createPayloadCodec({ compressAboveBytes: 1_000, keys: [] });
    refused.length = 0;
    await expect(strict.decode([payload], at('w1'))).rejects.toThrow(/of workflow w1 .* is not encrypted/);
    await expect(strict.decode(await plain.encode([long]), at('w1'))).rejects.toThrow(/is not encrypted/);
    expect(refused).toEqual(['plain', 'plain']);
    expect((await codec.decode([payload], at('w1'))).map(valueOf)).toEqual([{ text: SECRET }]);
  });

  test('and a shorter proof of it is none', async () => {
    const [encoded] = await codec.encode([payload], at('w1'));
    // An empty text leaves the tag alone; GCM by itself takes four of its bytes for all of it.
    const iv = Buffer.alloc(12, 1);
    const cipher = createCipheriv('aes-256-gcm', Buffer.from(NEW.secret, 'base64'), iv);
    cipher.setAAD(Buffer.from(JSON.stringify([NEW.id, 'default', 'w1'])));
    cipher.final();
    const data = Buffer.concat([iv, cipher.getAuthTag().subarray(0, 4)]);
    await expect(codec.decode([{ ...encoded, data }], at('w1'))).rejects.toThrow(/authentication tag/);
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
  const read = ({ text, release }: CodedPayloads): unknown => {
    const whole = [...text].join('');
    // As the route does once the answer was sent: the next request waits for it.
    release();
    return JSON.parse(whole);
  };
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
    const encoded = read(await endpoint.encode(body, signal, { namespace: 'default', workflowId: 'w1' }));
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
