import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { EmbeddingRefusedError, EmbeddingUnavailableError } from '../../src/embedding/embedder.ts';
import { createOfflineEmbedder } from '../../src/embedding/offline-embedder.ts';
import type { OpenAiEmbedderOptions } from '../../src/embedding/openai-embedder.ts';
import { createOpenAiEmbedder } from '../../src/embedding/openai-embedder.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createEmbedder } from '../../src/services/create-embedder.ts';

const cosine = (left: readonly number[], right: readonly number[]): number =>
  left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);

describe('the offline embedder', () => {
  const embedder = createOfflineEmbedder();
  const embed = async (text: string): Promise<number[]> => (await embedder.embed([text]))[0] ?? [];

  test('says in its name what it is', () => {
    expect(embedder.model).toBe('offline-hashing-v1');
    expect(embedder.dimensions).toBe(1536);
  });

  test('gives every text a vector of length one, also the empty text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (text) => {
        const vector = await embed(text);
        expect(vector).toHaveLength(1536);
        expect(cosine(vector, vector)).toBeCloseTo(1, 9);
      }),
      { numRuns: 200 },
    );
  });

  test('gives the same text the same numbers on every machine and in every version', async () => {
    const vector = await embed('OOMKilled: container api of payments/api exceeded its memory limit');
    const nonZero = vector.flatMap((value, index) => (value === 0 ? [] : [`${index}:${value.toFixed(6)}`]));
    expect(nonZero.length).toBeGreaterThan(40);
    expect(nonZero.slice(0, 3)).toEqual(['40:0.095971', '45:-0.191943', '66:0.135724']);
  });

  test('finds reports about one thing nearer to each other than to any other', async () => {
    const reports = {
      memory: [
        'OOMKilled: container api in payments exceeded its memory limit of 512Mi after a leak in the cache',
        'Memory of the api container in payments grew steadily until it exceeded the 512Mi limit and was OOMKilled',
      ],
      disk: [
        'PersistentVolumeClaim data-postgres-0 is 97 % full, writes fail with no space left on device',
        'Postgres writes fail: no space left on device, the persistent volume claim is full',
      ],
      network: [
        'DNS resolution for orders.internal times out, CoreDNS pods are being throttled',
        'CoreDNS is throttled by its CPU limit, so DNS lookups of orders.internal time out',
      ],
      certificate: [
        'TLS handshake fails because the certificate of the ingress expired on Friday',
        'Ingress certificate expired, TLS handshakes are refused by clients',
      ],
    };
    const all = await Promise.all(
      Object.entries(reports).flatMap(([topic, texts]) =>
        texts.map(async (text) => ({ topic, text, vector: await embed(text) })),
      ),
    );
    for (const one of all) {
      const others = all.filter(({ text }) => text !== one.text);
      const nearest = others.reduce((best, other) =>
        cosine(one.vector, other.vector) > cosine(one.vector, best.vector) ? other : best,
      );
      expect(nearest.topic, one.text).toBe(one.topic);
    }
  });

  test('sees through case, punctuation and endings of words', async () => {
    const base = await embed('certificate expired for the ingress gateway');
    expect(cosine(base, await embed('Certificate EXPIRED: for the Ingress gateway!'))).toBeCloseTo(1, 9);
    expect(cosine(base, await embed('certificates expiring for ingress gateways'))).toBeGreaterThan(
      cosine(base, await embed('node pressure evicted seven pods overnight')) + 0.2,
    );
  });
});

describe('the embedder that asks an endpoint', () => {
  interface QueryOptions {
    path: string | undefined;
    authorization: string | undefined;
    body: { model: string; input: string[]; dimensions?: number; encoding_format: string };
  }
  type Answer = (asked: QueryOptions, response: ServerResponse) => void;

  let server: Server;
  let asked: QueryOptions[];
  let answers: Answer[];
  let pauses: number[];
  /** Never issued; in two parts so that no scanner takes it for one that was. */
  const key = `sk-testTESTtest0123456789abcdef`;

  const vectorFor = (text: string): number[] => [text.length, 1, 0];
  const answerWell: Answer = ({ body }, response) => {
    const data = body.input.map((text, index) => ({
      object: 'embedding',
      index,
      embedding: vectorFor(text),
    }));
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ object: 'list', model: body.model, data: data.reverse() }));
  };
  const answerWith =
    (status: number, body: string, headers: Record<string, string> = {}): Answer =>
    (_asked, response) => {
      response.writeHead(status, headers).end(body);
    };

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one: QueryOptions = {
      path: request.url,
      authorization: request.headers.authorization,
      body: JSON.parse(Buffer.concat(chunks).toString()) as QueryOptions['body'],
    };
    asked.push(one);
    (answers.shift() ?? answerWell)(one, response);
  }

  beforeEach(async () => {
    [asked, answers, pauses] = [[], [], []];
    server = createServer((request, response) => void receive(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const baseUrl = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const create = (options: Partial<OpenAiEmbedderOptions> = {}) =>
    createOpenAiEmbedder({
      baseUrl: baseUrl(),
      model: 'text-embedding-3-small',
      apiKey: key,
      redactor: createRedactor(),
      dimensions: 3,
      timeoutMs: 5_000,
      pause: (delayMs) => Promise.resolve(pauses.push(delayMs)),
      ...options,
    });
  const failure = (embedding: Promise<unknown>): Promise<EmbeddingUnavailableError | EmbeddingRefusedError> =>
    embedding.then(
      () => Promise.reject(new Error('nothing failed')),
      (error: unknown) => error as EmbeddingUnavailableError,
    );

  test('speaks the protocol and puts the vectors in the order of the texts', async () => {
    const embedder = create({ baseUrl: `${baseUrl()}/` });
    expect(await embedder.embed(['a', 'bb', 'ccc'])).toEqual([
      vectorFor('a'),
      vectorFor('bb'),
      vectorFor('ccc'),
    ]);
    expect(asked).toEqual([
      {
        path: '/v1/embeddings',
        authorization: `Bearer ${key}`,
        body: { model: 'text-embedding-3-small', input: ['a', 'bb', 'ccc'], encoding_format: 'float' },
      },
    ]);
    expect([embedder.model, embedder.dimensions]).toEqual(['text-embedding-3-small', 3]);
  });

  test('sends no more texts at once than a batch holds, and nothing for no texts', async () => {
    const texts = ['a', 'bb', 'ccc', 'dddd', 'eeeee'];
    expect(await create({ batchSize: 2 }).embed(texts)).toEqual(texts.map(vectorFor));
    expect(asked.map(({ body }) => body.input.length)).toEqual([2, 2, 1]);
    expect(await create().embed([])).toEqual([]);
    expect(asked).toHaveLength(3);
  });

  test('sends what an endpoint can read: no empty text, none too long, no half character', async () => {
    await create({ maxTextLength: 3, apiKey: undefined, requestDimensions: true }).embed([
      '',
      'abcdef',
      'ab\u{1f600}',
    ]);
    expect(asked[0]?.body.input).toEqual([' ', 'abc', 'ab\ufffd']);
    expect(asked[0]?.body.dimensions).toBe(3);
    expect(asked[0]?.authorization).toBeUndefined();
  });

  test('sends texts without secrets, by the rules of the installation too', async () => {
    const redactor = createRedactor({ patterns: [{ kind: 'badge', pattern: 'BADGE-\\d{4}' }] });
    const config = { url: baseUrl(), model: 'text-embedding-3-small', apiKey: key, timeoutMs: 5_000 };
    answers = [answerWith(400, 'cannot read BADGE-1234')];
    const refused = await failure(
      createEmbedder(config, redactor).embed(['BADGE-1234 fails with password=tin-roof-19']),
    );
    expect(asked[0]?.body.input).toEqual(['[REDACTED:badge] fails with password=[REDACTED:password]']);
    expect(refused.message).toContain('cannot read [REDACTED:badge]');
  });

  test('redacts a text before it is cut', async () => {
    await create({ maxTextLength: 16 }).embed([`see ghp_${'a1'.repeat(18)}`]);
    expect(asked[0]?.body.input).toEqual(['see [REDACTED:gi']);
  });

  test.each([429, 408, 500, 502, 503, 529])(
    'asks again after HTTP %i, and doubles its pauses',
    async (status) => {
      answers = [answerWith(status, 'later'), answerWith(status, 'later'), answerWith(status, 'later')];
      expect(await create({ firstDelayMs: 100 }).embed(['a'])).toEqual([vectorFor('a')]);
      expect(asked).toHaveLength(4);
      pauses.forEach((pause, index) => {
        expect(pause).toBeGreaterThanOrEqual(50 * 2 ** index);
        expect(pause).toBeLessThanOrEqual(100 * 2 ** index);
      });
    },
  );

  test('waits as long as the endpoint asks for, in seconds or until a date, but not for ever', async () => {
    answers = [
      answerWith(429, '', { 'retry-after': '7' }),
      answerWith(503, '', { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }),
      answerWith(503, '', { 'retry-after': 'soon' }),
    ];
    await create({ firstDelayMs: 100, maxDelayMs: 20_000 }).embed(['a']);
    expect(pauses.slice(0, 2)).toEqual([7_000, 20_000]);
    expect(pauses[2]).toBeLessThanOrEqual(400);
  });

  test('gives up after its attempts with operation, place and remedy', async () => {
    answers = Array.from({ length: 9 }, () => answerWith(503, '{"error":{"message":"overloaded"}}'));
    const error = await failure(create({ attempts: 3 }).embed(['a', 'b']));
    expect(asked).toHaveLength(3);
    expect(error).toBeInstanceOf(EmbeddingUnavailableError);
    expect(error.status).toBe(503);
    expect(error.message).toBe(
      `cannot embed 2 texts with text-embedding-3-small at ${baseUrl()}: {"error":{"message":"overloaded"}} (HTTP 503); the endpoint is in trouble, look at its logs`,
    );
  });

  test.each([
    [401, 'check the API key'],
    [403, 'check the API key'],
    [404, 'check the base URL and the name of the model'],
    [400, 'check the model and its limits'],
  ])('does not ask again after HTTP %i: %s', async (status, remedy) => {
    answers = [answerWith(status, 'no')];
    const error = await failure(create().embed(['a']));
    expect(error).toBeInstanceOf(EmbeddingRefusedError);
    expect(error.message).toContain(remedy);
    expect(asked).toHaveLength(1);
  });

  test('never says its key, not even when the endpoint repeats it', async () => {
    answers = [answerWith(401, `Incorrect API key provided: ${key}. password=hunter2-x`)];
    const error = await failure(create().embed(['a']));
    expect(error.message).toContain('Incorrect API key provided');
    expect(error.message).not.toContain(key);
    expect(error.message).not.toContain('hunter2-x');
    const plain = await failure(
      create({ apiKey: 'plainkey', baseUrl: 'http://127.0.0.1:1/v1', attempts: 1 }).embed(['a']),
    );
    expect(JSON.stringify([plain.message, plain.stack, plain.cause])).not.toContain('plainkey');
  });

  test('cuts a long explanation and says when there is none', async () => {
    answers = [answerWith(400, 'x y '.repeat(1_000)), answerWith(400, '')];
    expect((await failure(create().embed(['a']))).message.length).toBeLessThan(600);
    expect((await failure(create().embed(['a']))).message).toContain('no explanation (HTTP 400)');
  });

  test.each<[string, string, string]>([
    ['vectors of another length', '{"data":[{"index":0,"embedding":[1,2]}]}', '2 dimensions and not 3'],
    ['fewer vectors than texts', '{"data":[]}', '0 vectors for 1 texts'],
    ['no vectors', '{"object":"list"}', 'no list of vectors'],
    ['two vectors for one text', '{"data":[{"index":5,"embedding":[1,2,3]}]}', 'no vector for text 0'],
    ['no numbers', '{"data":[{"index":0,"embedding":["a",2,3]}]}', 'not a list of numbers'],
    ['vectors as base64', '{"data":[{"index":0,"embedding":"AACAPw=="}]}', 'not a list of numbers'],
    ['no JSON', '<html>hello</html>', 'is not JSON; check that the base URL'],
  ])('refuses an answer with %s', async (_what, body, reason) => {
    answers = [answerWith(200, body)];
    const error = await failure(create().embed(['a']));
    expect(error).toBeInstanceOf(EmbeddingRefusedError);
    expect(error.message).toContain(reason);
  });

  test('takes a silent endpoint for one that is away, and asks again', async () => {
    const silent: Answer = () => undefined;
    answers = [silent, answerWell];
    expect(await create({ timeoutMs: 200 }).embed(['a'])).toEqual([vectorFor('a')]);
    answers = [silent];
    const error = await failure(create({ timeoutMs: 200, attempts: 1 }).embed(['a']));
    expect(error).toBeInstanceOf(EmbeddingUnavailableError);
    expect(error.message).toContain('no answer within 200 ms');
  });

  test('asks again when the connection breaks in the middle of an answer', async () => {
    const breaking: Answer = (_asked, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"data":');
      setImmediate(() => response.destroy());
    };
    const refusing: Answer = (_asked, response) => void response.destroy();
    answers = [breaking, refusing, answerWell];
    expect(await create().embed(['a'])).toEqual([vectorFor('a')]);
    expect(asked).toHaveLength(3);
  });

  test('does not follow a redirect with its key', async () => {
    answers = [answerWith(302, '', { location: 'http://127.0.0.1:1/elsewhere' })];
    const error = await failure(create({ attempts: 1 }).embed(['a']));
    expect(error).toBeInstanceOf(EmbeddingUnavailableError);
    expect(asked).toHaveLength(1);
  });

  test('says that an endpoint which is not there is not there', async () => {
    const error = await failure(create({ baseUrl: 'http://127.0.0.1:1/v1', attempts: 2 }).embed(['a']));
    expect(error).toBeInstanceOf(EmbeddingUnavailableError);
    expect(error.message).toContain('see that the endpoint is up and can be reached from here');
    expect(pauses).toHaveLength(1);
  });

  test('refuses a base URL that is none when it is created', () => {
    expect(() => create({ baseUrl: 'ftp://models' })).toThrow('must be an http or https URL');
    expect(() => create({ baseUrl: 'models' })).toThrow();
  });
});
