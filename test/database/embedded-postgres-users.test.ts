import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { installedBinaries, type PostgresBinaries } from '../../dev/servers/postgres/binaries.ts';
import {
  type EmbeddedPostgres,
  type PostgresOptions,
  startPostgres,
} from '../../dev/servers/postgres/postgres.ts';
import { BECOME_ORDINARY_USER, isGone, isRoot, ORDINARY_USER, runScript } from '../support/processes.ts';
import { until } from '../support/until.ts';

const installed = installedBinaries();
let folder: string;
let dataDir: string;
let cacheDir: string;
const lines: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'embedded-postgres-users-'));
  chmodSync(folder, 0o755);
  dataDir = join(folder, 'postgres');
  cacheDir = join(folder, 'cache');
  lines.length = 0;
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const start = (options: Partial<PostgresOptions> = {}): Promise<EmbeddedPostgres> =>
  startPostgres({ dataDir, port: 0, cacheDir, report: (line) => lines.push(line), ...options });

/** Our own copy of the binaries, so that where the checkout lies makes no difference. */
function copyBinaries(name: string, mode = 0o755): PostgresBinaries {
  const above = join(folder, name);
  const root = join(above, 'native');
  cpSync(installed.root ?? '', root, { recursive: true, verbatimSymlinks: true });
  chmodSync(above, mode);
  return { initdb: join(root, 'bin', 'initdb'), postgres: join(root, 'bin', 'postgres'), root };
}

async function answerOf(postgres: { superuserUrl(): string }): Promise<unknown> {
  const client = new pg.Client(postgres.superuserUrl());
  await client.connect();
  try {
    return (await client.query<{ answer: number }>('select 42 as answer')).rows[0]?.answer;
  } finally {
    await client.end();
  }
}

const status = (pid: number): string => readFileSync(`/proc/${pid}/status`, 'utf8');
const copies = (): string[] => readdirSync(cacheDir).sort();

test('an ordinary user runs the server as itself', async () => {
  const binaries = copyBinaries('installed');
  mkdirSync(dataDir);
  if (isRoot) chownSync(dataDir, ORDINARY_USER.uid, ORDINARY_USER.gid);
  const script = runScript(`
    const { startPostgres } = await import(source('dev/servers/postgres/postgres.ts'));
    ${BECOME_ORDINARY_USER}
    const postgres = await startPostgres({
      dataDir: ${JSON.stringify(dataDir)}, port: 0, cacheDir: ${JSON.stringify(cacheDir)},
      binaries: ${JSON.stringify(binaries)}, report: () => undefined,
    });
    process.stdout.write('pid ' + postgres.server.pid + ' uid ' + process.getuid() + ' url ' + postgres.superuserUrl() + ' .');`);
  const [, pid, uid, url] = await script.untilSays(/pid (\d+) uid (\d+) url (\S+) /);
  expect(await answerOf({ superuserUrl: () => url ?? '' })).toBe(42);
  expect(statSync(join(dataDir, 'cluster')).uid).toBe(Number(uid));
  expect(status(Number(pid))).toMatch(new RegExp(`^Uid:\\t${uid ?? ''}\\t`, 'm'));
  expect(Number(uid)).not.toBe(0);
  script.kill();
  await until(() => isGone(Number(pid)), 'PostgreSQL is gone');
});

test('library links that an install without scripts left out are made good in a copy', async () => {
  const binaries = copyBinaries('installed');
  const libraries = join(binaries.root ?? '', 'lib');
  for (const name of readdirSync(libraries))
    if (/^libicu.*\.so\.60$/.test(name)) rmSync(join(libraries, name));
  await using postgres = await start({ binaries });
  expect(await answerOf(postgres)).toBe(42);
  expect(copies()).toHaveLength(1);
});

test('binaries that cannot run at all are reported with the reason and the remedy', async () => {
  const binaries = copyBinaries('installed');
  rmSync(join(binaries.root ?? '', 'lib', 'libicuuc.so.60.2'));
  await expect(start({ binaries })).rejects.toThrow(
    /cannot run PostgreSQL as .*, neither at .* nor copied to .*libicuuc.*; remove that copy, run npm ci again/,
  );
});

if (isRoot) {
  test('root runs the server as another user, without any capability when the data can be reached', async () => {
    await using postgres = await start({ binaries: copyBinaries('installed') });
    expect(await answerOf(postgres)).toBe(42);
    expect(status(postgres.server.pid)).not.toMatch(/^Uid:\t0\t/m);
    expect(status(postgres.server.pid)).toMatch(/^CapEff:\t0+$/m);
    expect(statSync(join(dataDir, 'cluster')).uid).not.toBe(0);
  });

  test('root starts it with binaries and data below folders of mode 700', async () => {
    const binaries = copyBinaries('home', 0o700);
    const home = join(folder, 'other-home');
    mkdirSync(home, { mode: 0o700 });
    dataDir = join(home, 'data', 'postgres');
    const first = await start({ binaries });
    expect(await answerOf(first)).toBe(42);
    expect(status(first.server.pid)).not.toMatch(/^Uid:\t0\t/m);
    await first.stop();
    expect(copies()).toEqual([expect.stringMatching(/^postgres-[0-9a-f]{16}$/)]);
    lines.length = 0;
    await using second = await start({ binaries });
    expect(await answerOf(second)).toBe(42);
    expect(lines).toEqual([]);
  });

  test('a killed parent leaves no server that reaches its data by capability', async () => {
    const home = join(folder, 'home');
    mkdirSync(home, { mode: 0o700 });
    const script = runScript(`
      const { startPostgres } = await import(source('dev/servers/postgres/postgres.ts'));
      const postgres = await startPostgres({
        dataDir: ${JSON.stringify(join(home, 'postgres'))}, port: 0, cacheDir: ${JSON.stringify(cacheDir)},
        report: () => undefined,
      });
      process.stdout.write('pid ' + postgres.server.pid + '.');`);
    const pid = Number((await script.untilSays(/pid (\d+)\./))[1]);
    expect(status(pid)).toMatch(/^CapEff:\t0+2$/m);
    script.kill();
    await until(() => isGone(pid), 'PostgreSQL is gone');
  });

  test('two that start at once copy the binaries side by side and share one copy', async () => {
    const binaries = copyBinaries('home', 0o700);
    const both = await Promise.all([
      start({ binaries, dataDir: join(folder, 'one') }),
      start({ binaries, dataDir: join(folder, 'two') }),
    ]);
    expect(await Promise.all(both.map(answerOf))).toEqual([42, 42]);
    await Promise.all(both.map((postgres) => postgres.stop()));
    expect(copies()).toHaveLength(1);
  });

  test('a cache folder others may write to, or below a closed home, is not used', async () => {
    const binaries = copyBinaries('home', 0o700);
    const shared = join(folder, 'shared');
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    mkdirSync(cacheDir);
    chmodSync(cacheDir, 0o777);
    for (const unusable of [cacheDir, join(closed, 'cache')]) {
      const postgres = await start({ binaries, cacheDir: unusable, sharedCacheDirs: [shared] });
      expect(await answerOf(postgres)).toBe(42);
      await postgres.stop();
      expect(readdirSync(unusable)).toEqual([]);
    }
    expect(readdirSync(shared)).toHaveLength(1);
    await expect(start({ binaries, cacheDir, sharedCacheDirs: [] })).rejects.toThrow(
      /cannot copy PostgreSQL to a folder that user \d+ may enter; tried .*; give one with REMEDIATION_AUDIT_CACHE_DIR/,
    );
  });

  test('root goes on with the data of an ordinary user, as that user', async () => {
    const owner = 4_242;
    await (await start()).stop();
    for (const name of ['', ...readdirSync(join(dataDir, 'cluster'), { recursive: true })]) {
      chownSync(join(dataDir, 'cluster', String(name)), owner, owner);
    }
    await using postgres = await start();
    expect(status(postgres.server.pid)).toMatch(/^Uid:\t4242\t/m);
  });

  test('an ordinary user gets the error that the data belong to somebody else', async () => {
    await (await start()).stop();
    const script = runScript(`
      const { startPostgres } = await import(source('dev/servers/postgres/postgres.ts'));
      ${BECOME_ORDINARY_USER}
      const options = { dataDir: ${JSON.stringify(dataDir)}, port: 0, cacheDir: ${JSON.stringify(cacheDir)} };
      const said = await startPostgres({ ...options, report: () => undefined }).catch((error) => error.message);
      process.stdout.write(String(said));`);
    await script.exited;
    expect(script.output()).toMatch(
      /^cannot use the database in \S+: it belongs to user \d+, and this is user 65534; start as that user or as root, or choose another --data-dir$/,
    );
  });
}
