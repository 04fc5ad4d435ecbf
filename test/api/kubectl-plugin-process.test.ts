import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createTokenGate } from '../../src/api/auth/token-gate.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { PLUGIN, recordStories, runPlugin } from '../support/kubectl-plugin.ts';
import { COMPILE_CACHE } from '../support/processes.ts';
import { startOnTerminal } from '../support/terminal.ts';

let database: TestDatabase;
let api: FastifyInstance;
let server: string;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  api = createTestApi(database);
  server = await api.listen({ port: 0, host: '127.0.0.1' });
  folder = mkdtempSync(join(tmpdir(), 'remediation-audit-plugin-'));
  await recordStories(database, [['approval-granted', 20]]);
});
afterAll(async () => {
  await api.close();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runPlugin(args, { REMEDIATION_AUDIT_SERVER: server, ...env });

/** Answers a page, or leads elsewhere. */
async function otherProgram(elsewhere?: string): Promise<{ address: string } & AsyncDisposable> {
  const program = createServer((_request, response) => {
    response.writeHead(elsewhere === undefined ? 200 : 302, { location: elsewhere ?? '' });
    response.end('<html>Welcome</html>');
  });
  await once(program.listen(0, '127.0.0.1'), 'listening');
  const { port } = program.address() as AddressInfo;
  const close = async () => {
    program.closeAllConnections();
    await once(program.close(), 'close');
  };
  return { address: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

describe('exit codes', () => {
  test.each([
    [['list', '--since', 'yesterday'], /--since takes an instant such as/],
    [['list', 'something'], /list takes no arguments/],
    [['list', '--target', 'a/b/c/d'], /--target takes NAME, KIND\/NAME or NAMESPACE\/KIND\/NAME/],
    [['list', '--open', '--verdict', 'open'], /mutually exclusive/],
    [['list', '-A', '-n', 'payments'], /mutually exclusive/],
    [['list', '--frobnicate'], /Unknown option '--frobnicate'/],
    [['show'], /show needs one remediation, as NAME, NAMESPACE\/NAME or CLUSTER\/NAMESPACE\/NAME/],
    [['shwo', 'x'], /unknown command shwo; did you mean show\?/],
    [['-A', 'list'], /the command comes first/],
    [['report', 'no-such-report'], /unknown report no-such-report; there are recent-failures, /],
    [['similar'], /similar takes one of a remediation, --fingerprint, and --text/],
    [['completion', 'tcsh'], /completion takes one of bash, zsh, fish/],
  ])('2 for a wrong command line: %j', async (args, message) => {
    const { code, stdout, stderr } = await ask(args);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, '']);
  });

  test.each([
    ['ftp://audit.example.com', /must be a URL such as https:/],
    [
      'http://audit.example.com',
      /your token would be sent to it in the clear: use https, or --insecure-http/,
    ],
    ['http://127.0.0.1.example.com', /in the clear/],
    ['https://dana:secret@audit.example.com', /must have no user and password/],
  ])('3 for a server that is none: %s', async (url, message) => {
    const { code, stderr } = await runPlugin(['list', '--server', url]);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('secret');
    expect(code).toBe(3);
  });

  test('3 without server and kubeconfig, with the remedy', async () => {
    const { code, stderr } = await runPlugin(['list']);
    expect(stderr).toMatch(
      /name the API with --server \(REMEDIATION_AUDIT_SERVER\), or a kubeconfig with --kubeconfig/,
    );
    expect(code).toBe(3);
  });

  test('3 for files that cannot be read', async () => {
    for (const [flag, message] of [
      ['--token-file', /cannot read the token file \/none: ENOENT.*name a readable one with --token-file/],
      [
        '--kubeconfig',
        /cannot read kubeconfig: ENOENT.*name a readable file with --kubeconfig or KUBECONFIG/,
      ],
    ] as const) {
      const { code, stderr } = await ask(['list', flag, '/none']);
      expect(stderr).toMatch(message);
      expect(code).toBe(3);
    }
  });

  test('1 for a service that is away, with the remedy', async () => {
    const { code, stderr } = await runPlugin(['list', '--server', 'http://127.0.0.1:1']);
    expect(stderr).toMatch(
      /cannot reach http:\/\/127.0.0.1:1: .*ECONNREFUSED.*; check --server \(REMEDIATION_AUDIT_SERVER\)/,
    );
    expect(code).toBe(1);
  });

  test('1 for what is something else than the service', async () => {
    await using page = await otherProgram();
    const { code, stderr } = await runPlugin(['list', '--server', page.address]);
    expect(stderr).toMatch(
      /with something else than JSON; check that --server .* is the address of remediation-audit/,
    );
    expect(code).toBe(1);
  });

  test('1 for a redirect, which is not followed: it could carry the token to a stranger', async () => {
    await using page = await otherProgram(`${server}/api/v1/remediations`);
    const { code, stderr } = await runPlugin(['list', '--server', page.address]);
    expect(stderr).toMatch(/answered \/api\/v1\/remediations with status 302; check that --server/);
    expect(code).toBe(1);
  });

  test('1 for a remediation that nobody knows, which says where to look', async () => {
    const { code, stderr } = await ask(['show', 'nobody', '-n', 'payments']);
    expect(stderr).toMatch(
      /no remediation nobody of a target in namespace payments is recorded; .*list.*-A searches all/,
    );
    expect(code).toBe(1);
  });

  test('3 for a cluster that nobody ever watched', async () => {
    const { code, stdout, stderr } = await ask(['list', '-n', 'nothing-here']);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(
      /no remediation of a target in namespace nothing-here matches; -A searches all namespaces\n.*no watcher ever reported any cluster/,
    );
    expect((await ask(['gaps'])).code).toBe(3);
  });

  test('0 for an empty list of what is watched, with since when', async () => {
    await database.owner.query(
      `insert into watched_cluster (cluster, identity, first_watched_at) values ('watched', 'uid', '2026-08-01T00:00:00Z')`,
    );
    try {
      const empty = ['list', '-n', 'nothing-here', '--cluster', 'watched'];
      const { code, stderr } = await ask(empty);
      expect(stderr).toMatch(/cluster watched is watched since 2026-08-01T00:00:00Z; its record is unknown/);
      expect(code).toBe(0);
      const before = await ask([
        ...empty,
        '--since',
        '2026-06-01T00:00:00Z',
        '--until',
        '2026-07-01T00:00:00Z',
      ]);
      expect(before.stderr).toMatch(/nobody watched in the time that was asked about/);
      expect(before.code).toBe(3);
      expect((await ask(['gaps', '--cluster', 'watched'])).code).toBe(0);
    } finally {
      await database.owner.query(`delete from watched_cluster`);
    }
  });
});

describe('a token', () => {
  let guarded: FastifyInstance;
  let address: string;
  const token = 'a-token-of-thirty-two-characters-at-least';

  const tokenGate = () => {
    const sha256 = createHash('sha256').update(token).digest('hex');
    writeFileSync(join(folder, 'tokens.json'), JSON.stringify([{ name: 'dana', role: 'reader', sha256 }]));
    return createTokenGate(join(folder, 'tokens.json'), createLogger('silent', 'test'));
  };

  beforeAll(async () => {
    guarded = createTestApi(database, { authMode: 'token', gate: await tokenGate() });
    address = await guarded.listen({ port: 0, host: '127.0.0.1' });
    writeFileSync(join(folder, 'token'), `${token}\n`);
    writeFileSync(join(folder, 'wrong'), 'another-token-of-thirty-two-characters');
    writeFileSync(join(folder, 'two'), 'one two');
  });
  afterAll(() => guarded.close());

  test('of a file lets in, by flag and by variable', async () => {
    const file = join(folder, 'token');
    expect((await runPlugin(['list', '--server', address, '--token-file', file])).code).toBe(0);
    const env = { REMEDIATION_AUDIT_SERVER: address, REMEDIATION_AUDIT_TOKEN_FILE: file };
    expect((await runPlugin(['list'], env)).code).toBe(0);
  });

  test('that is wrong is an error with the remedy, without the token', async () => {
    const { code, stderr } = await runPlugin([
      'list',
      '--server',
      address,
      '--token-file',
      join(folder, 'wrong'),
    ]);
    expect(stderr).toMatch(/does not accept the token of file \S+: .*kubectl create token/);
    expect(stderr).not.toContain('another-token');
    expect(code).toBe(1);
  });

  test('file with more than a token is refused', async () => {
    const { code, stderr } = await runPlugin([
      'list',
      '--server',
      address,
      '--token-file',
      join(folder, 'two'),
    ]);
    expect(stderr).toMatch(/must hold one token and nothing else/);
    expect(code).toBe(3);
  });
});

describe('a terminal', () => {
  const onTerminal = async (args: string, env: Readonly<Record<string, string>> = {}): Promise<string> => {
    const terminal = startOnTerminal([PLUGIN, ...args.split(' ').filter((word) => word !== '')], {
      REMEDIATION_AUDIT_SERVER: server,
      ...env,
    });
    expect(await terminal.closed, terminal.output()).toBe(0);
    return terminal.output();
  };

  test('gets colours and its width', async () => {
    const shown = await onTerminal('list --cluster G3');
    expect(shown).toContain('\u001b[32mCompleted\u001b[0m');
    for (const line of shown.replaceAll(/\r\u001b\[K|\u001b\[\d+m/g, '').split('\n'))
      expect(widthOf(line)).toBeLessThanOrEqual(90);
  });

  test.each([
    ['NO_COLOR', '', { NO_COLOR: '1' }],
    ['--color never', '--color never', {}],
    ['TERM=dumb', '', { TERM: 'dumb' }],
  ])('gets no colours with %s', async (_name, flags, env) => {
    // On a slow machine there is a line about waiting, which goes away.
    expect(await onTerminal(`list --cluster G3 ${flags}`, env)).not.toMatch(/\u001b\[\d+m/);
  });

  test('that is none gets colours only with --color always', async () => {
    expect((await ask(['list', '--cluster', 'G3'])).stdout).not.toContain('\u001b');
    expect((await ask(['list', '--cluster', 'G3', '--color', 'always'])).stdout).toContain(
      '\u001b[32mCompleted',
    );
  });
});

test('a reader that goes away ends it quietly', async () => {
  const child = spawn(
    'bash',
    ['-c', `set -o pipefail; ${process.execPath} ${PLUGIN} list -o json | head -1`],
    {
      env: {
        ...COMPILE_CACHE,
        PATH: process.env['PATH'],
        HOME: '/nonexistent',
        REMEDIATION_AUDIT_SERVER: server,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let [printed, complained] = ['', ''];
  child.stdout.on('data', (chunk) => (printed += String(chunk)));
  child.stderr.on('data', (chunk) => (complained += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  expect([code, printed, complained]).toEqual([0, '{\n', '']);
});
