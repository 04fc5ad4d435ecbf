import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { type RunningApi, startApi } from '../../src/api/http/server.ts';
import { testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const SOURCES = fileURLToPath(new URL('./fixtures/go-client', import.meta.url));
const BUILD_MS = 240_000;
const run = promisify(execFile);

/** One struct, posted by the sources' client and read back into itself. */
interface Answer {
  readonly name: string;
  readonly same: boolean;
  readonly sent: unknown;
  readonly read: unknown;
}

let folder: string;
let database: TestDatabase;
let api: RunningApi;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-go-client-'));
  database = await createTestDatabase();
  api = await startApi(testApiOptions(database));
});
afterAll(async () => {
  await api.stop();
  await database.close();
  await rm(folder, { recursive: true });
});

async function build(): Promise<string> {
  const program = join(folder, 'client');
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOWORK: 'off' };
  await run('go', ['build', '-o', program, '.'], { cwd: SOURCES, env, timeout: BUILD_MS }).catch(
    (error: unknown) => {
      throw new Error('cannot build the Go client of the sources; it needs Go 1.22 or newer on PATH', {
        cause: error,
      });
    },
  );
  return program;
}

test(
  'every struct of the sources is stored through their own Go clients and reads back as it was sent',
  async () => {
    const { stdout } = await run(await build(), [api.url], { timeout: 60_000 });
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Answer);
    expect(answers.map(({ name }) => name)).toEqual([
      '001 whole',
      '001 with three fields, twice',
      '001 failed',
      '002 whole',
      '002 failed',
      '000 whole',
      '000 skipped',
      '004 whole',
    ]);
    for (const { same, sent, read } of answers) if (!same) expect(read).toEqual(sent);
    expect(answers.every(({ same }) => same)).toBe(true);
  },
  BUILD_MS,
);
