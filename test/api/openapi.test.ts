import { createHash } from 'node:crypto';

import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { PROBLEMS } from '../../src/api/http/problems.ts';
import { startApi } from '../../src/api/http/server.ts';
import { POSTABLE_DEFINITIONS } from '../../src/api/routes/post-routes.ts';
import { extractComponents } from '../../src/api/schemas/openapi.ts';
import { named, schemaName } from '../../src/domain/named-schema.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { REPORTS } from '../../src/query/reports/reports.ts';
import { createTestApi, isEndless, testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createValidator, type Judge, resolveSchema } from '../support/json-schema.ts';
import { chooseSeed } from '../support/random.ts';
import { inspectRecords } from '../support/record-checks.ts';
import { sizeOf } from '../support/soak.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly explode?: boolean;
  readonly schema: Record<string, unknown>;
}

interface Operation {
  operationId: string;
  parameters: Parameter[];
  requestBody?: { content: Record<string, { schema: Record<string, unknown>; example?: unknown }> };
  responses: Record<string, { content: Record<string, { schema: object }> }>;
  security: unknown[];
}

interface Description {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Record<string, unknown>> };
}

interface Described {
  readonly path: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly operation: Operation;
}

let database: TestDatabase;
let api: FastifyInstance;
let operations: Described[];
let schemas: Description['components']['schemas'];
let judgeOf: (schema: object) => Judge;
let resolve: (schema: Record<string, unknown>) => Record<string, unknown>;

beforeAll(async () => {
  database = await createTestDatabase();
  api = createTestApi(database);
  const description = (await api.inject({ url: '/openapi.json' })).json<Description>();
  expect(description.openapi).toBe('3.1.0');
  const validator = createValidator({ strict: false, validateFormats: false });
  const judges = new Map<object, Judge>();
  schemas = description.components.schemas;
  resolve = (schema) => resolveSchema(description, schema);
  judgeOf = (schema) => {
    const judge = judges.get(schema) ?? validator.compile({ ...schema, components: description.components });
    judges.set(schema, judge);
    return judge;
  };
  operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase() as Described['method'],
      operation,
    })),
  );
});
afterAll(async () => {
  await api.close();
  await database.close();
});

test('the description has every route, each under an id of its own', () => {
  // The page is for people: what it shows, programs ask of the routes that are described.
  const routes = testApiOptions(database).routes.filter(({ describe: { tag } }) => tag !== 'page');
  expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(
    routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`).sort(),
  );
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('records, posts, pages, problems and rows of reports are schemas with a name', () => {
  const names = Object.keys(schemas);
  const kinds = RECORD_DEFINITIONS.map(({ kind }) => schemaName(kind));
  const wanted = [
    ...kinds.flatMap((kind) => [`${kind}Record`, `${kind}Page`]),
    ...POSTABLE_DEFINITIONS.map(({ kind }) => `${schemaName(kind)}Post`),
    ...Object.keys(PROBLEMS).map((type) => `${schemaName(type)}Problem`),
    ...REPORTS.flatMap(({ name }) => [`${schemaName(name)}Report`, `${schemaName(name)}Row`]),
  ];
  expect(wanted.filter((name) => !names.includes(name))).toEqual([]);
});

test('a schema with a name stands in the description once', () => {
  const texts = operations.map(({ operation }) => JSON.stringify(operation));
  const written = Object.entries(schemas).filter(([, schema]) => {
    const text = JSON.stringify(schema);
    return text.length > 200 && texts.some((operation) => operation.includes(text));
  });
  expect(written.map(([name]) => name)).toEqual([]);
});

test('two schemas that differ cannot have one name', () => {
  const schema = (type: string) => ({ schema: named('Twice', { type }) });
  expect(() => extractComponents([schema('string'), schema('integer')])).toThrow('two schemas named Twice');
  expect(extractComponents([schema('string'), schema('string')])).toEqual({
    document: Array(2).fill({ schema: { $ref: '#/components/schemas/Twice' } }),
    schemas: { Twice: { type: 'string' } },
  });
});

test('routes that ask who is calling say so', () => {
  const open = operations.filter(({ operation }) => operation.security.length === 0);
  expect(open.map(({ path }) => path).sort()).toEqual([
    '/docs',
    '/healthz',
    '/metrics',
    '/openapi.json',
    '/readyz',
  ]);
});

test('where nobody is asked who is calling, the description asks for no token', async () => {
  const open = createTestApi(database, { asksWhoCalls: false });
  const answer = await open.inject({ url: '/openapi.json' });
  const methods = Object.values(answer.json<Description>().paths).flatMap((path) => Object.values(path));
  expect(methods.filter(({ security }) => security.length > 0)).toEqual([]);
  expect(answer.body).not.toContain('"securitySchemes"');
  expect(answer.body).not.toContain('"401"');
  await open.close();
});

test('it names the refusals of foreign hosts and pages there alone, on every route but the probes', async () => {
  const open = createTestApi(database, { asksWhoCalls: false });
  const { paths } = (await open.inject({ url: '/openapi.json' })).json<Description>();
  const guarded = Object.entries(paths)
    .filter(([, methods]) => Object.values(methods).every(({ responses }) => '421' in responses))
    .map(([path]) => path);
  expect(Object.keys(paths).filter((path) => !guarded.includes(path))).toEqual([
    '/healthz',
    '/readyz',
    '/metrics',
  ]);
  expect(operations.filter(({ operation }) => '421' in operation.responses)).toEqual([]);
  await open.close();
});

test.each([
  [{ from_time: '' }, '/from_time', 'must be an RFC 3339 time'],
  [{ to_time: 'soon' }, '/to_time', 'must be an RFC 3339 time'],
  [{ namespace: '' }, '/namespace', 'must be text of 1 to 512 characters'],
])('a hold on %j is refused, as its schema says', async (scope, pointer, detail) => {
  const body = { reason: 'a case', namespace: 'payments', ...scope };
  const answer = await api.inject({ method: 'POST', url: '/api/v1/holds', payload: body });
  expect(answer.statusCode).toBe(422);
  expect(answer.json()).toMatchObject({ errors: [{ pointer, detail }] });
});

test.each([
  ['POST', '/api/v1/retention/approvals', 422],
  ['GET', '/api/v1/archives/0000-01/restore', 400],
] as const)('the year 0 is no fault of the database: %s %s', async (method, url, status) => {
  const answer = await api.inject({
    method,
    url,
    ...(method === 'POST' ? { payload: { month: '0000-01' } } : {}),
  });
  expect(answer.statusCode).toBe(status);
});

test('a list with all its filters at their longest fits into a request', async () => {
  const { operation } = operations.find(({ path }) => path === '/api/v1/remediations') ?? {};
  const longest = (operation?.parameters ?? [])
    .map(({ name, schema }) => ({ name, schema: (schema['items'] ?? schema) as Record<string, unknown> }))
    .filter(({ schema }) => schema['maxLength'] !== undefined)
    .map(({ name, schema }) => [name, 'x'.repeat(Number(schema['maxLength']))]);
  expect(longest.length).toBeGreaterThan(40);
  const running = await startApi(testApiOptions(database));
  const query = new URLSearchParams(longest as [string, string][]);
  expect((await fetch(`${running.url}/api/v1/remediations?${query.toString()}`)).status).toBe(200);
  await running.stop();
});

test('the page to try it takes nothing from elsewhere, and its policy lets its own script run', async () => {
  const { body, headers } = await api.inject({ url: '/docs' });
  expect(body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  const [, script = ''] = /<script>([\s\S]*)<\/script>/.exec(body) ?? [];
  const hash = createHash('sha256').update(script).digest('base64');
  expect(headers['content-security-policy']).toContain(`script-src 'sha256-${hash}'`);
});

const seed = chooseSeed();

/** Text of a URL: what people type, and what they should not. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1',
    'true',
    'null',
    '9'.repeat(30),
    '2026-11-21T10:00:00Z',
    '0001-01-01T00:00:00Z',
  ),
  fc.constantFrom(
    '1e999',
    '00000000-0000-0000-0000-000000000000',
    '\u0000',
    '%',
    "' or 1=1 --",
    '../..',
    '7d',
  ),
  fc.uuid(),
);

const anyJson = fc.oneof(
  fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }),
  fc.constantFrom(0, -0, 1e308, -1, 2 ** 53, '', null, '2026-11-21T10:00:00Z', 'PT5S', [], {}),
);

/** The example with a few fields changed, fields of the schema with any value in them, or anything at all. */
function bodyOf(given: Record<string, unknown>, example: unknown): fc.Arbitrary<unknown> {
  const schema = resolve(given);
  const items = schema['items'] as Record<string, unknown> | undefined;
  if (items !== undefined) {
    const [one] = (example ?? []) as unknown[];
    return fc.array(bodyOf(items, one), { maxLength: 5 });
  }
  const names = Object.keys(schema['properties'] ?? {});
  if (names.length === 0) return anyJson;
  const fields = (maxKeys: number) =>
    fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), anyJson, { maxKeys });
  return fc.oneof(
    { weight: 4, arbitrary: fields(2).map((changed) => ({ ...(example as object), ...changed })) },
    { weight: 4, arbitrary: fields(12) },
    { weight: 1, arbitrary: anyJson },
  );
}

interface Request {
  readonly path: Record<string, string>;
  readonly query: Record<string, string>;
  readonly body: unknown;
}

function requestOf({ parameters, requestBody }: Operation): fc.Arbitrary<Request> {
  const names = (place: string) =>
    parameters
      .filter((parameter) => parameter.in === place)
      // Parameters that are described together come one by one.
      .flatMap(({ name, explode, schema }) =>
        explode === true ? Object.keys(schema['properties'] as object) : [name],
      );
  const pathValue = anyText.filter((text) => text !== '' && text.isWellFormed() && !/^\.+$/.test(text));
  const queryNames = names('query');
  const { schema, example } = requestBody?.content['application/json'] ?? {};
  return fc.record({
    path: fc.record(Object.fromEntries(names('path').map((name) => [name, pathValue]))),
    query:
      queryNames.length === 0
        ? fc.constant({})
        : fc.dictionary(
            fc.constantFrom(...queryNames),
            anyText.filter((text) => text.isWellFormed()),
            { maxKeys: 3 },
          ),
    body: schema === undefined ? fc.constant(undefined) : bodyOf(schema, example),
  });
}

/** Whether the body is one that the description does not allow. */
function isOutsideOfSchema({ requestBody }: Operation, { body }: Request): boolean {
  const schema = requestBody?.content['application/json']?.schema;
  if (schema === undefined) return false;
  const text = JSON.stringify(body);
  // Of a record it says in words that the empty text is taken as null.
  const withoutEmptyText: unknown = JSON.parse(text, (_key, value: unknown) => (value === '' ? null : value));
  return [JSON.parse(text), withoutEmptyText].every((value) => !judgeOf(schema)(value));
}

async function send({ path, method }: Described, request: Request) {
  const url = Object.entries(request.path).reduce(
    (target, [name, value]) => target.replace(`{${name}}`, encodeURIComponent(value)),
    path,
  );
  return api.inject({
    method,
    url: `${url}?${new URLSearchParams(request.query).toString()}`,
    ...(request.body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, payload: JSON.stringify(request.body) }),
  });
}

describe('whatever is asked, an answer is one that the description names, and never a mistake of ours:', () => {
  const RUNS = sizeOf('ANSWERS', { usual: 4, soak: 25 });
  test('for every route', async () => {
    for (const described of operations) {
      const { path, method, operation } = described;
      if (isEndless(described)) continue;
      await fc.assert(
        fc.asyncProperty(requestOf(operation), async (request) => {
          const answer = await send(described, request);
          const name = `${method} ${path} ${JSON.stringify(request)}: ${answer.body}`;
          expect(answer.statusCode, name).not.toBe(500);
          expect(Object.keys(operation.responses), name).toContain(String(answer.statusCode));
          const [mediaType = ''] = String(answer.headers['content-type']).split(';');
          const content = operation.responses[String(answer.statusCode)]?.content ?? {};
          expect(Object.keys(content), name).toContain(mediaType);
          if (mediaType.endsWith('json')) {
            expect(judgeOf(content[mediaType]?.schema ?? {})(answer.json()), name).toBe(true);
          }
          if (mediaType === 'application/problem+json')
            expect(answer.json<{ status: number }>().status, name).toBe(answer.statusCode);
          // A batch of which one record is refused is answered with 207.
          const refuses = answer.statusCode === 207 || answer.statusCode >= 400;
          if (isOutsideOfSchema(operation, request)) expect(refuses, name).toBe(true);
        }),
        { numRuns: RUNS, seed },
      );
    }
  });

  test('for raw bytes as bodies', async () => {
    const posts = operations.filter(
      ({ method, operation }) => method === 'POST' && operation.requestBody !== undefined,
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...posts),
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('application/json', 'application/x-ndjson', 'text/plain', ''),
        async ({ path }, bytes, contentType) => {
          const answer = await api.inject({
            method: 'POST',
            url: path,
            headers: contentType === '' ? {} : { 'content-type': contentType },
            payload: Buffer.from(bytes),
          });
          // Lines of a batch are refused one by one.
          if (answer.statusCode === 207) expect(answer.body).not.toMatch(/"status":(?:201|500)/);
          else expect(Math.floor(answer.statusCode / 100), answer.body).toBe(4);
        },
      ),
      { numRuns: 200, seed },
    );
  });

  test('and no record was half stored by any of it', async () => {
    const { contradictions, entries } = await inspectRecords(database.owner);
    // Values are compared as text, and jsonb writes 1e300 with all its zeros.
    expect(contradictions.filter((line) => !/: \w+ is /.test(line))).toEqual([]);
    expect(entries.length).toBeGreaterThan(0);
  });
});
