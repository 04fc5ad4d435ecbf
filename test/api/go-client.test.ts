import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { GENERATIONS } from '../../dev/simulator/generations.ts';
import { branchesOf } from '../../dev/simulator/stories.ts';
import { type RunningApi, startApi } from '../../src/api/http/server.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { writeGoModule } from '../sources/go-module.ts';
import { testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { observationsOf } from '../support/simulated-states.ts';

const SEED = 20_261_130;
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
let program: string;
let database: TestDatabase;
let api: RunningApi;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-go-client-'));
  database = await createTestDatabase();
  api = await startApi(testApiOptions(database));
  program = await build();
}, BUILD_MS);
afterAll(async () => {
  await api.stop();
  await database.close();
  await rm(folder, { recursive: true });
});

async function build(): Promise<string> {
  const module = join(folder, 'module');
  writeGoModule(module);
  const built = join(folder, 'client');
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOWORK: 'off' };
  await run('go', ['build', '-o', built, '.'], { cwd: module, env, timeout: BUILD_MS }).catch(
    (error: unknown) => {
      throw new Error('cannot build the Go client of the sources; it needs Go 1.22 or newer on PATH', {
        cause: error,
      });
    },
  );
  return built;
}

test('every struct of the sources is stored through their own Go clients and reads back as it was sent', async () => {
  const { stdout } = await run(program, [api.url], { timeout: 60_000 });
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
    '003 whole',
    '003 failed',
    '001 batch: 4 stored, 1 wait',
  ]);
  for (const { same, sent, read } of answers) if (!same) expect(read).toEqual(sent);
  expect(answers.every(({ same }) => same)).toBe(true);
});

test('every record of every story is read into the Go structs of the sources', async () => {
  const store = createRecordStore(database.writer);
  const stories = GENERATIONS.flatMap((generation) =>
    branchesOf(generation).map((branch) => observationsOf(branch, generation, SEED).observations),
  );
  for (const observations of stories) await store.record(observations);
  const { stdout } = await run(program, [api.url, 'decode'], { timeout: 60_000 });
  const { rows } = await database.owner.query<{ counts: string }>(
    `select json_build_object(
       '000 workflow-execution', (select count(*) from workflow_execution_audit),
       '001 kubernetes-execution', (select count(*) from kubernetes_execution_audit),
       '002 signal-processing', (select count(*) from signal_processing_audit),
       '003 ai-analysis', (select count(*) from ai_analysis_audit),
       '004 workflow-execution', (select count(*) from workflow_execution_audit))::text as counts`,
  );
  const stored = JSON.parse(rows[0]?.counts ?? '{}') as Readonly<Record<string, number>>;
  expect(JSON.parse(stdout)).toEqual(stored);
  for (const count of Object.values(stored)) expect(count).toBeGreaterThan(20);
});
