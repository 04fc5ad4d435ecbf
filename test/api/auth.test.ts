import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';

import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import type { Gate } from '../../src/api/auth/gate.ts';
import { createTokenGate, ROLES, TokensFileError } from '../../src/api/auth/token-gate.ts';
import { Problem } from '../../src/api/http/problems.ts';
import type { Route } from '../../src/api/http/route.ts';
import { runToken } from '../../src/cli/token.ts';
import { UsageError } from '../../src/config/settings.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTestApi, isEndless, testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';
import { TOKENS } from '../unit/fixtures/redaction/tokens.ts';

const silent = createLogger('silent', 'test');
const POLL_MS = 10;
/** Of pino. */
const ERROR_LEVEL = 50;
const [FIRST, SECOND, THIRD] = ['first', 'second', 'third'].map((name) => `${name}-${'x'.repeat(32)}`) as [
  string,
  string,
  string,
];

let folder: string;
let tokensFile: string;
let database: TestDatabase;
let gate: Gate;
let api: FastifyInstance;
const tokens = Object.fromEntries(
  Object.keys(ROLES).map((role) => [role, `secret-${role}-${randomBytes(16).toString('hex')}`]),
) as Record<keyof typeof ROLES, string>;
let logged = '';

function entryOf(name: string, role: string, token: string) {
  return { name, role, sha256: createHash('sha256').update(token).digest('hex') };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-auth-'));
  tokensFile = join(folder, 'tokens.json');
  await writeFile(
    tokensFile,
    JSON.stringify(Object.entries(tokens).map(([role, token]) => entryOf(`the-${role}`, role, token))),
  );
  database = await createTestDatabase();
  gate = await createTokenGate(tokensFile, silent, { intervalMs: POLL_MS });
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString('utf8');
      done();
    },
  });
  api = createTestApi(database, { gate, logger: pino({ level: 'debug' }, sink) });
});
afterAll(async () => {
  await api.close();
  await gate.close();
  await database.close();
  await rm(folder, { recursive: true });
});

/** Takes a form and nothing else. */
const SIGN_IN = 'POST /sign-in';
const PUBLIC = [
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
  'GET /openapi.json',
  'GET /docs',
  'GET /assets/page.css',
  'GET /assets/page.js',
  'GET /assets/icon.svg',
  SIGN_IN,
];

function call(route: Pick<Route, 'method' | 'path'>, authorization?: string) {
  const isPost = route.method === 'POST';
  return api.inject({
    method: route.method,
    url: route.path.replaceAll(/:\w+/g, 'x'),
    headers: {
      ...(isPost ? { 'content-type': 'application/json' } : {}),
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(isPost ? { payload: '{}' } : {}),
  });
}

test('no route lets a stranger in unless it is one of the public ones', async () => {
  const { routes } = testApiOptions(database);
  expect(routes.length).toBeGreaterThan(40);
  for (const route of routes) {
    const name = `${route.method} ${route.path}`;
    const answer = await call(route);
    if (name === SIGN_IN) expect(answer.statusCode, name).toBe(415);
    else if (PUBLIC.includes(name)) expect(answer.statusCode, name).toBeLessThan(400);
    else expect(answer.statusCode, name).toBe(401);
    expect(route.access === 'public', name).toBe(PUBLIC.includes(name));
  }
  // What the server itself knows beyond our table must not be there either.
  const printed = api.printRoutes({ commonPrefix: false, method: 'POST' });
  expect(printed).not.toContain('null');
});

test('a caller without a token gets the remedy in the answer', async () => {
  const answer = await api.inject({ url: '/api/v1/holds' });
  expect(answer.headers['www-authenticate']).toBe('Bearer realm="remediation-audit"');
  expect(answer.json()).toMatchObject({ type: 'urn:remediation-audit:problem:unauthenticated', status: 401 });
});

test.each(['Bearer wrong', 'Bearer', 'Basic dXNlcjpwYXNz', 'Bearer a b', `Bearer ${'x'.repeat(2_000)}`])(
  'a header that proves nothing lets nobody in: %s',
  async (authorization) => {
    const answer = await api.inject({ url: '/api/v1/holds', headers: { authorization } });
    expect(answer.statusCode).toBe(401);
  },
);

test('each role may do what it is for, and nothing else', async () => {
  const { routes } = testApiOptions(database);
  for (const [role, token] of Object.entries(tokens)) {
    const verbs: readonly string[] = ROLES[role as keyof typeof ROLES];
    for (const route of routes.filter((one) => one.access !== 'public' && !isEndless(one))) {
      const { statusCode } = await call(route, `Bearer ${token}`);
      const name = `${role}: ${route.method} ${route.path}`;
      expect(statusCode, name).not.toBe(401);
      expect(statusCode === 403, name).toBe(!verbs.includes(route.access));
    }
  }
});

test('who posted stands in the ledger, and who read in the trace', async () => {
  const posted = await api.inject({
    method: 'POST',
    url: '/api/v1/audit/kubernetes-execution',
    headers: { authorization: `Bearer ${tokens.writer}`, 'content-type': 'application/json' },
    payload: '{"execution_id":"by-writer"}',
  });
  expect(posted.statusCode).toBe(201);
  const read = await api.inject({
    url: '/api/v1/audit/kubernetes-execution',
    headers: { authorization: `bearer ${tokens.reader}` },
  });
  const ledger = await database.owner.query('select actor from audit_ledger');
  expect(ledger.rows).toEqual([{ actor: 'the-writer' }]);
  const traces = await database.owner.query('select caller from audit_access where request_id = $1', [
    read.headers['x-request-id'],
  ]);
  expect(traces.rows).toEqual([{ caller: 'the-reader' }]);
});

test('a secret in the query of a read is not in its trace', async () => {
  const { github = '' } = TOKENS;
  const read = await api.inject({
    url: `/api/v1/audit/kubernetes-execution?execution_id=${github}&limit=5`,
    headers: { authorization: `bearer ${tokens.reader}` },
  });
  expect(read.statusCode).toBe(200);
  const traces = await database.owner.query('select filter from audit_access where request_id = $1', [
    read.headers['x-request-id'],
  ]);
  expect(traces.rows).toEqual([{ filter: '{"limit": "5", "execution_id": "[REDACTED:github-token]"}' }]);
});

test('decisions are counted', async () => {
  const { body } = await api.inject({ url: '/metrics' });
  for (const result of ['admitted', 'unauthenticated', 'forbidden']) {
    expect(body).toMatch(new RegExp(`remediation_audit_api_admissions_total\\{result="${result}"\\} [1-9]`));
  }
});

test('no token is ever logged', () => {
  expect(logged).toContain('a request was refused');
  for (const token of Object.values(tokens)) expect(logged).not.toContain(token);
});

/** Whether the gate lets a token in; otherwise the problem. */
function judge(tokenGate: Gate, token: string): true | Problem {
  try {
    void tokenGate.admit(`Bearer ${token}`, 'list', '127.0.0.1');
    return true;
  } catch (error: unknown) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

test('a file that was deleted revokes its tokens after a while, with an alarm, until it is there again', async () => {
  const own = join(folder, 'deleted.json');
  const text = JSON.stringify([entryOf('first', 'reader', FIRST)]);
  await writeFile(own, text);
  const usable: boolean[] = [];
  const lines: { level: number; msg: string }[] = [];
  const deleted = await createTokenGate(
    own,
    pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line) as (typeof lines)[0]) }),
    { intervalMs: POLL_MS, graceMs: 100, onUsable: (value) => usable.push(value) },
  );
  expect(judge(deleted, FIRST)).toBe(true);
  await rm(own);
  await until(() => judge(deleted, FIRST) !== true, 'the token is refused');
  expect(judge(deleted, FIRST)).toMatchObject({ type: 'authority-unavailable', status: 503 });
  expect(usable.at(-1)).toBe(false);
  const alarms = lines.filter(({ level }) => level >= ERROR_LEVEL);
  expect(alarms.map(({ msg }) => msg)).toEqual([
    'the tokens file cannot be read: every request is refused until it is there again',
  ]);
  await writeFile(own, text);
  await until(() => judge(deleted, FIRST) === true, 'the token is taken again');
  expect(usable.at(-1)).toBe(true);
  await deleted.close();
});

test('a file that is gone for a moment, while it is replaced, revokes nothing', async () => {
  const own = join(folder, 'replaced.json');
  await writeFile(own, JSON.stringify([entryOf('first', 'reader', FIRST)]));
  const usable: boolean[] = [];
  const replaced = await createTokenGate(own, silent, {
    intervalMs: POLL_MS,
    onUsable: (value) => usable.push(value),
  });
  await rm(own);
  await until(() => usable.at(-1) === false, 'the file is missed');
  expect(judge(replaced, FIRST)).toBe(true);
  await replaced.close();
});

test('a token that is too short or expired is refused with the remedy', async () => {
  const own = join(folder, 'expiring.json');
  const short = 'x'.repeat(31);
  await writeFile(
    own,
    JSON.stringify([
      entryOf('short', 'reader', short),
      { ...entryOf('expired', 'reader', FIRST), expires: '2020-01-01T00:00:00Z' },
      { ...entryOf('valid', 'reader', SECOND), expires: '2999-01-01T00:00:00+01:00' },
    ]),
  );
  const expiring = await createTokenGate(own, silent);
  expect(judge(expiring, short)).toMatchObject({
    status: 401,
    message: 'a token has at least 32 characters; make one with `remediation-audit token`',
  });
  expect(judge(expiring, FIRST)).toMatchObject({
    status: 401,
    message: 'this token has expired; make one with `remediation-audit token`',
  });
  expect(judge(expiring, SECOND)).toBe(true);
  await expiring.close();
});

test('`remediation-audit token` makes a token of 256 bits that its entry lets in', async () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await runToken(['a reader', '--role', 'reader', '--days', '30']);
  await runToken(['a reader', '--role', 'reader']);
  const [lines = '', others = ''] = write.mock.calls.map(([text]) => String(text));
  write.mockRestore();
  const { token = '', entry = '' } =
    /^token {2}(?<token>\S+)\nentry {2}(?<entry>.*)\n$/.exec(lines)?.groups ?? {};
  expect(Buffer.from(token, 'base64url')).toHaveLength(32);
  expect(others).not.toContain(token);

  const { expires } = JSON.parse(entry) as { expires: string };
  expect(Math.round((Date.parse(expires) - Date.now()) / 86_400_000)).toBe(30);
  const own = join(folder, 'made.json');
  await writeFile(own, `[${entry}]`);
  const made = await createTokenGate(own, silent);
  expect(judge(made, token)).toBe(true);
  await made.close();
});

test.each([
  ['no name', ['--role', 'reader']],
  ['an unknown role', ['n', '--role', 'constructor']],
  ['no role', ['n']],
  ['no days', ['n', '--role', 'reader', '--days', '0']],
])('`remediation-audit token` with %s is refused', (_what, args) => {
  expect(() => runToken(args)).toThrow(UsageError);
});

test('a changed file holds from then on; one that cannot be used changes nothing', async () => {
  const own = join(folder, 'own.json');
  await writeFile(own, JSON.stringify([entryOf('first', 'reader', FIRST)]));
  const changing = await createTokenGate(own, silent, { intervalMs: POLL_MS });
  const knows = (token: string): boolean => judge(changing, token) === true;
  expect(knows(FIRST)).toBe(true);
  await writeFile(own, JSON.stringify([entryOf('second', 'reader', SECOND)]));
  await until(() => knows(SECOND), 'the new token is known');
  expect(knows(FIRST)).toBe(false);
  await writeFile(own, '[{"name":');
  await writeFile(own, JSON.stringify([entryOf('third', 'reader', THIRD)]));
  await until(() => knows(THIRD), 'a file that works again is used');
  await changing.close();
});

test.each([
  ['no JSON', '[{"name":"secret-in-file'],
  ['no array', '{}'],
  ['no name', '[{"role":"reader"}]'],
  ['an unknown role', '[{"name":"n","role":"constructor"}]'],
  ['no time as expires', `[{"name":"n","role":"reader","sha256":"${'0'.repeat(64)}","expires":"soon"}]`],
  ['a token instead of its hash', '[{"name":"n","role":"reader","sha256":"secret-in-file"}]'],
])('a tokens file with %s is refused without showing it', async (_name, text) => {
  const broken = join(folder, 'broken.json');
  await writeFile(broken, text);
  const error = await createTokenGate(broken, silent).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TokensFileError);
  expect(String(error)).not.toContain('secret-in-file');
});
