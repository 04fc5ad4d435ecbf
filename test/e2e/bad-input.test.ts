import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';

import { prepareDatabase } from '../../dev/servers/postgres/database.ts';
import { startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { isRoot, ORDINARY_USER, withSmallDisk } from '../support/processes.ts';
import { cacheDir } from '../support/servers.ts';
import { someOf } from '../support/soak.ts';
import type { StartOptions } from '../support/up.ts';
import { FREE_PORTS, startProgram } from '../support/up.ts';

const EXIT = { failure: 1, usage: 2, configuration: 3, schemaTooNew: 4 };

/** Nothing listens there. */
const UNREACHABLE_KUBECONFIG = {
  clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'u', user: {} }],
  contexts: [{ name: 'prod', context: { cluster: 'c', user: 'u' } }],
  'current-context': 'prod',
};

let folder: string;
let dataDir: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-bad-'));
  dataDir = join(folder, 'data');
});
afterEach(async () => {
  // Whatever failed, nothing that was started for it may go on.
  expect(processesMentioning(folder)).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});

function processesMentioning(text: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(commandLine).filter((command) => command.includes(text));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // It ended between the listing and this look at it.
    return '';
  }
}

interface Outcome {
  code: number | null;
  output: string;
}

async function run(args: readonly string[], options?: StartOptions): Promise<Outcome> {
  const program = startProgram(args, options);
  return { code: await program.exited, output: program.output() };
}

const up = (flags: readonly string[], options?: StartOptions): Promise<Outcome> =>
  run(['up', '--data-dir', dataDir, ...FREE_PORTS, ...flags], options);

/** What failed and what to do, in one line; no stack of ours. */
function expectSentence({ output }: Outcome, ...parts: readonly (string | RegExp)[]): void {
  const sentence = output.trim().split('\n').at(-1) ?? '';
  for (const part of parts) expect(sentence).toMatch(part);
  expect(output).not.toMatch(/^\s+at .*\.ts:\d+/m);
}

describe('a wrong command line ends with code 2 and the remedy:', () => {
  const wrong: [string[], string, string][] = [
    [['dance'], 'unknown command dance', '--help'],
    [['rport'], 'did you mean report?', '--help'],
    [['constructor'], 'unknown command constructor', '--help'],
    [['up', '--dance'], "Unknown option '--dance'", '--help'],
    [['up', 'now'], "Unexpected argument 'now'", '--help'],
    [['up', '--api-port', 'many'], '--api-port must be a port', 'not "many"'],
    [['up', '--api-port', '70000'], '--api-port must be a port', '65535'],
    [['up', '--cluster', 'moon'], '--cluster must be sandbox, apiserver, kubeconfig', 'not "moon"'],
    [['up', '--cluster', 'sandbox', '--kubeconfig', 'x'], '--kubeconfig goes with', 'kubeconfig'],
    [['up', '--context', 'prod'], '--context goes with --kubeconfig', 'add that'],
    [['migrate', '--fast'], "Unknown option '--fast'", 'takes no arguments'],
  ];
  test.each(someOf(wrong, 4))('%j', async (args, problem, remedy) => {
    const outcome = await run(args);
    expect(outcome.code).toBe(EXIT.usage);
    expectSentence(outcome, problem, remedy);
  });
});

test('--help and --version answer on standard output with code 0', async () => {
  expect(await run(['--help'])).toMatchObject({
    code: 0,
    output: expect.stringContaining('migrate') as string,
  });
  expect(await run(['up', '--help'])).toMatchObject({
    code: 0,
    output: expect.stringContaining('--data-dir') as string,
  });
  expect(await run(['--version'])).toMatchObject({
    code: 0,
    output: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
  });
});

describe('wrong configuration ends with code 3 and names the variable:', () => {
  const wrong: [string, Record<string, string>, string][] = [
    ['migrate', {}, 'DATABASE_OWNER_URL is not set'],
    ['serve', { DATABASE_READER_URL: 'postgres://host/audit' }, 'DATABASE_URL is not set'],
    ['serve', { DATABASE_URL: 'postgres://host/audit' }, 'DATABASE_READER_URL is not set'],
    [
      'work',
      { DATABASE_URL: 'postgres://host/audit', REMEDIATION_AUDIT_WORKER_METRICS_PORT: 'x' },
      'REMEDIATION_AUDIT_WORKER_METRICS_PORT must be',
    ],
    ['watch', { KUBECONFIG: '/does/not/exist' }, 'cannot read kubeconfig /does/not/exist'],
  ];
  test.each(someOf(wrong, 4))('%s with %o', async (command, env, problem) => {
    const outcome = await run([command], { env });
    expect(outcome.code).toBe(EXIT.configuration);
    expectSentence(outcome, problem);
  });
});

describe('up with an unusable kubeconfig says so and starts nothing:', () => {
  test('a file that is not there', async () => {
    const outcome = await up(['--kubeconfig', '/does/not/exist']);
    expect(outcome.code).toBe(EXIT.configuration);
    expectSentence(outcome, 'cannot read kubeconfig /does/not/exist', '--kubeconfig');
    expect(outcome.output).not.toContain('Creating the database');
  });

  test('a file that is no kubeconfig', async () => {
    const file = join(folder, 'kubeconfig');
    await writeFile(file, '{{{');
    expectSentence(await up(['--kubeconfig', file]), `cannot read kubeconfig ${file}`);
  });

  test('a context it does not have', async () => {
    const file = join(folder, 'kubeconfig');
    await writeFile(file, JSON.stringify(UNREACHABLE_KUBECONFIG));
    expectSentence(
      await up(['--kubeconfig', file, '--context', 'test']),
      'has no context test',
      'it has prod',
    );
  });

  test.each([[['--cluster', 'kubeconfig']], [['--kubeconfig']]])(
    'none at all although %j asks for one',
    async (flags) => {
      const outcome = await up(flags, { env: { HOME: folder } });
      expect(outcome.code).toBe(EXIT.configuration);
      expectSentence(outcome, 'needs a kubeconfig', '--kubeconfig FILE or KUBECONFIG');
    },
  );

  test('one whose cluster does not answer', async () => {
    const file = join(folder, 'kubeconfig');
    await writeFile(file, JSON.stringify(UNREACHABLE_KUBECONFIG));
    // The usual one, without its name.
    const outcome = await up(['--kubeconfig'], { env: { KUBECONFIG: file } });
    expect(outcome.code).toBe(EXIT.failure);
    expectSentence(
      outcome,
      'cannot reach the cluster at https://127.0.0.1:1 of context prod: connect ECONNREFUSED',
      '--context',
    );
    expect(outcome.output).not.toContain('Creating the database');
  });
});

test('a taken port is named with its flag', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const outcome = await up(['--temporal-ui-port', String(port)]);
  taken.close();
  expect(outcome.code).toBe(EXIT.failure);
  expectSentence(outcome, `port ${port} for the Temporal UI`, '--temporal-ui-port');
});

test('without Go and without downloads the missing server is named with what to install', async () => {
  const outcome = await up([], {
    // A network of its own with nothing but loopback, and a PATH without a Go toolchain.
    wrapper: [
      'unshare',
      ...(isRoot ? [] : ['--map-root-user']),
      '--net',
      '/bin/sh',
      '-c',
      'ip link set lo up && exec "$@"',
      'offline',
    ],
    env: {
      REMEDIATION_AUDIT_CACHE_DIR: join(folder, 'cache'),
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: folder,
    },
  });
  expect(outcome.code).toBe(EXIT.failure);
  expectSentence(outcome, 'install Go', 'REMEDIATION_AUDIT_TEMPORAL_PATH');
  expect(outcome.output).toContain('temporal');
});

test('a full disk is named', async () => {
  await mkdir(dataDir);
  const outcome = await up([], { wrapper: withSmallDisk(dataDir, '24m') });
  expect(outcome.code).toBe(EXIT.failure);
  expectSentence(outcome, dataDir, /disk|space|full/i);
});

test('a data directory that cannot be written to is named', async () => {
  await mkdir(dataDir);
  await chmod(folder, 0o755);
  await chmod(dataDir, 0o555);
  const wrapper = isRoot
    ? [
        'setpriv',
        `--reuid=${ORDINARY_USER.uid}`,
        `--regid=${ORDINARY_USER.gid}`,
        '--clear-groups',
        '--inh-caps=-all',
      ]
    : [];
  const outcome = await up([], { wrapper, env: { REMEDIATION_AUDIT_CACHE_DIR: join(folder, 'cache') } });
  expect(outcome.code).toBe(EXIT.failure);
  expectSentence(outcome, dataDir, '--data-dir');
});

test('a second one on the data directory of one that runs names the first', async () => {
  const first = inject('sharedUp');
  const outcome = await run(['up', '--data-dir', first.dataDir, ...FREE_PORTS, '--no-simulator']);
  expect(outcome.code).toBe(EXIT.failure);
  expectSentence(outcome, `in use by process ${first.pid}`, '--data-dir');
});

test('a database that a newer program migrated is refused with code 4, and nothing stays behind', async () => {
  const postgres = await startPostgres({
    ...{ dataDir: join(dataDir, 'postgres'), port: 0, cacheDir, report: () => undefined },
    settings: { fsync: 'off' },
  });
  const { ownerUrl } = await prepareDatabase(postgres, 1, createLogger('silent', 'test'));
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  await owner.query(`insert into schema_migration (version, name, sha256) values (9999, '9999_future', '')`);
  await owner.end();
  await postgres.stop();

  const outcome = await up(['--no-simulator']);
  expect(outcome.code).toBe(EXIT.schemaTooNew);
  expectSentence(outcome, 'schema version 9999', 'start the newer program');
});

test('a file in place of the data directory is named', async () => {
  await mkdir(dirname(dataDir), { recursive: true });
  await writeFile(dataDir, '');
  expectSentence(await up([]), dataDir, '--data-dir');
});
