import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

import { someOf } from '../support/soak.ts';
import { until } from '../support/until.ts';
import { startProgram } from '../support/up.ts';

const EXIT = { failure: 1, configuration: 3 };
/** Nothing listens there: it is reserved. */
const NOBODY = '127.0.0.1:1';

const { endpoints } = inject('sharedUp');
let folder: string;
let taken: Server;
let takenPort: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-cannot-serve-'));
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  takenPort = String((taken.address() as AddressInfo).port);
});
afterAll(async () => {
  taken.close();
  await rm(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Fails when the process goes on: that it ends is what these tests are about. */
async function ended(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  const program = startProgram(args, { env });
  try {
    const isOver = (): boolean => program.child.exitCode !== null || program.child.signalCode !== null;
    await until(isOver, `${args.join(' ')} has ended; it said ${program.output()}`);
    return { code: await program.exited, output: program.output() };
  } finally {
    program.child.kill('SIGKILL');
  }
}

const reachable = (): Record<string, string> => ({
  DATABASE_URL: endpoints.postgres,
  DATABASE_READER_URL: endpoints.postgres,
  TEMPORAL_ADDRESS: endpoints.temporal,
  KUBECONFIG: endpoints.kubeconfig,
  REMEDIATION_AUDIT_API_PORT: '0',
  REMEDIATION_AUDIT_WORKER_METRICS_PORT: '0',
  REMEDIATION_AUDIT_WATCHER_METRICS_PORT: '0',
});

describe('a port that another process has ends', () => {
  const cases: [string, string, Record<string, string>][] = [
    ['serve', 'REMEDIATION_AUDIT_API_PORT', {}],
    ['serve', 'REMEDIATION_AUDIT_API_PORT', { DATABASE_READER_URL: `postgres://a:b@${NOBODY}/x` }],
    ['work', 'REMEDIATION_AUDIT_WORKER_METRICS_PORT', {}],
    ['watch', 'REMEDIATION_AUDIT_WATCHER_METRICS_PORT', {}],
  ];
  test.each(cases)('%s, and its variable is named (%s, %o)', async (command, variable, env) => {
    const { code, output } = await ended([command], { ...reachable(), [variable]: takenPort, ...env });
    expect(code).toBe(EXIT.failure);
    expect(output).toContain(`port ${takenPort} (EADDRINUSE)`);
    expect(output).toContain(`choose another port with ${variable}`);
    expect(output).not.toMatch(/Cannot use a pool|still open after/);
  });
});

test('an address that this machine does not have ends serve, and its variable is named', async () => {
  const env = {
    ...reachable(),
    REMEDIATION_AUDIT_API_HOST: '192.0.2.1',
    REMEDIATION_AUDIT_API_ALLOW_INSECURE_BIND: 'true',
  };
  const { code, output } = await ended(['serve'], env);
  expect(code).toBe(EXIT.failure);
  expect(output).toContain('choose another address with REMEDIATION_AUDIT_API_HOST');
});

describe('Temporal that cannot be reached ends', () => {
  test.each(['work', 'watch'])('%s with a sentence', async (command) => {
    const { code, output } = await ended([command], { ...reachable(), TEMPORAL_ADDRESS: NOBODY });
    expect(code).toBe(EXIT.failure);
    expect(output).toContain(`cannot reach Temporal at ${NOBODY}`);
  });
});

test('a database that cannot be reached ends migrate, which says for what it was needed', async () => {
  const { code, output } = await ended(['migrate'], { DATABASE_OWNER_URL: `postgres://a:b@${NOBODY}/x` });
  expect(code).toBe(EXIT.failure);
  expect(output).toContain('cannot reach PostgreSQL for `migrate`: connect ECONNREFUSED 127.0.0.1:1');
});

describe('wrong configuration ends with code 3 and names all of it at once:', () => {
  const cases: [string, Record<string, string>, string[]][] = [
    [
      'serve',
      {
        DATABASE_URL: 'notaurl',
        DATABASE_READER_URL: 'postgres://a:b@host/x',
        TEMPORAL_ADDRESS: 'http://temporal:7233',
        REMEDIATION_AUDIT_API_HOST: '0.0.0.0',
        REMEDIATION_AUDIT_HOTDAYS: '3',
      },
      [
        'DATABASE_URL must be a URL',
        'TEMPORAL_ADDRESS must be host:port',
        'REMEDIATION_AUDIT_API_HOST is 0.0.0.0',
        'REMEDIATION_AUDIT_HOTDAYS is not',
      ],
    ],
    [
      'serve',
      {
        REMEDIATION_AUDIT_API_AUTH_MODE: 'token',
        REMEDIATION_AUDIT_API_TOKENS_FILE: '/does/not/exist',
        REMEDIATION_AUDIT_API_TLS_CERT_PATH: '/does/not/exist',
        REMEDIATION_AUDIT_API_TLS_KEY_PATH: '/does/not/exist',
        REMEDIATION_AUDIT_ARCHIVE_URL: 's3://archive',
      },
      [
        'DATABASE_URL is not set',
        'DATABASE_READER_URL is not set',
        'REMEDIATION_AUDIT_API_TOKENS_FILE cannot be used',
        'REMEDIATION_AUDIT_API_TLS_CERT_PATH and REMEDIATION_AUDIT_API_TLS_KEY_PATH cannot be used',
        'REMEDIATION_AUDIT_ARCHIVE_TRUSTED_KEYS_FILE is not set',
      ],
    ],
    [
      'work',
      {
        DATABASE_OWNER_URL: 'postgres://a:b@host/x',
        REMEDIATION_AUDIT_ARCHIVE_URL: 'file:///archive',
        REMEDIATION_AUDIT_WORKER_BUILD_ID: '7',
      },
      [
        'DATABASE_URL is not set',
        'REMEDIATION_AUDIT_ARCHIVE_KEY_FILE is not set',
        'REMEDIATION_AUDIT_WORKER_DEPLOYMENT must be set too',
      ],
    ],
    [
      'watch',
      { REMEDIATION_AUDIT_STRICT_KINDS: 'Pod', REMEDIATION_AUDIT_CLUSTERS: 'prod', TEMPORAL_TLS: 'yes' },
      [
        'KUBECONFIG is not set',
        'REMEDIATION_AUDIT_STRICT_KINDS has Pod',
        'REMEDIATION_AUDIT_CLUSTERS has prod',
        'TEMPORAL_TLS must be',
      ],
    ],
    [
      'watch',
      { KUBECONFIG: '/does/not/exist' },
      ['KUBECONFIG cannot be used: cannot read kubeconfig /does/not/exist'],
    ],
  ];
  test.each(someOf(cases, 3))('%s with %o', async (command, env, problems) => {
    const { code, output } = await ended([command], env);
    expect(code).toBe(EXIT.configuration);
    // A sentence, and so a line, for each; and not a word of a process that had begun to work.
    const lines = output.trim().split('\n');
    for (const problem of problems) expect(lines.filter((line) => line.includes(problem))).toHaveLength(1);
    expect(lines).toHaveLength(problems.length === 1 ? 1 : problems.length + 1);
  });
});

test('files that are right are taken: serve with tokens and an archive key that `work` has not made yet', async () => {
  const tokens = join(folder, 'tokens.json');
  const sha256 = createHash('sha256').update('secret').digest('hex');
  await writeFile(tokens, JSON.stringify([{ name: 'reader', role: 'reader', sha256 }]));
  const program = startProgram(['serve'], {
    env: {
      ...reachable(),
      REMEDIATION_AUDIT_API_AUTH_MODE: 'token',
      REMEDIATION_AUDIT_API_TOKENS_FILE: tokens,
      REMEDIATION_AUDIT_ARCHIVE_URL: 'file:///tmp/remediation-audit-no-archive',
      REMEDIATION_AUDIT_ARCHIVE_KEY_FILE: join(folder, 'not-made-yet.pem'),
    },
  });
  try {
    await until(() => program.output().includes('"msg":"started"'), 'serve has started');
  } finally {
    program.child.kill('SIGTERM');
  }
  expect(await program.exited).toBe(0);
});
