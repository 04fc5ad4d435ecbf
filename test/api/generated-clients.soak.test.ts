import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { repositoryPath } from '../support/repository.ts';
import { resolveServer } from '../support/servers.ts';

const USERS = fileURLToPath(new URL('./fixtures/generated-clients', import.meta.url));
const COMPILE_MS = 240_000;
const run = promisify(execFile);

let folder: string;
let database: TestDatabase;
/** With tokens, and without. */
let [guarded, open]: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-generated-clients-'));
  database = await createTestDatabase();
  guarded = await writeDescription('guarded.json', true);
  open = await writeDescription('open.json', false);
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

async function writeDescription(name: string, asksWhoCalls: boolean): Promise<string> {
  const api = createTestApi(database, { asksWhoCalls });
  const path = join(folder, name);
  await writeFile(path, (await api.inject({ url: '/openapi.json' })).body);
  await api.close();
  return path;
}

/** A program of npm; what it found fault with is in the error. */
function runPackage(program: string, args: readonly string[]): Promise<{ readonly stdout: string }> {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  return run(process.execPath, [repositoryPath(`node_modules/${program}`), ...args], { cwd: folder, env });
}

test.each([
  ['where callers show a token', () => guarded],
  ['where nobody is asked who is calling', () => open],
])('the recommended rules of redocly find nothing %s', async (_where, path) => {
  const args = ['lint', path() ?? '', '--extends=recommended', '--format=json'];
  const { stdout } = await runPackage('@redocly/cli/bin/cli.js', args);
  const { totals, problems } = JSON.parse(stdout) as { totals: object; problems: unknown[] };
  expect(problems).toEqual([]);
  expect(totals).toEqual({ errors: 0, warnings: 0, ignored: 0 });
});

const TYPESCRIPT_USER = `import type { components, paths } from './types.ts';

type Schemas = components['schemas'];
type Page = paths['/api/v1/remediations']['get']['responses'][200]['content']['application/json'];

export const post: Schemas['KubernetesExecutionPost'] = { execution_id: 'execution-1', success: true };
export const uidOf = (page: Page): string | null | undefined => page.items[0]?.remediation_uid;
export const fieldsOf = (problem: Schemas['Problem']): readonly string[] =>
  problem.type === 'urn:remediation-audit:problem:invalid-record'
    ? (problem.errors ?? []).map(({ pointer }) => pointer)
    : [];
// @ts-expect-error a record without what a post must carry
export const none: Schemas['KubernetesExecutionPost'] = { success: true };
`;

test('openapi-typescript makes types of it that the compiler takes, and that know what is required', async () => {
  await runPackage('openapi-typescript/bin/cli.js', [guarded ?? '', '--output', join(folder, 'types.ts')]);
  await writeFile(join(folder, 'user.ts'), TYPESCRIPT_USER);
  const options = '--noEmit --strict --target es2023 --module nodenext --allowImportingTsExtensions';
  await runPackage('typescript/bin/tsc', [...options.split(' '), join(folder, 'user.ts')]).catch(
    (error: unknown) => {
      throw new Error((error as { stdout: string }).stdout, { cause: error });
    },
  );
});

test(
  'oapi-codegen and ogen make Go clients of it that a program can use',
  async () => {
    const module = join(folder, 'module');
    await cp(USERS, module, { recursive: true });
    const generator = { cwd: module, timeout: 60_000, maxBuffer: 2 ** 26 };
    await mkdir(join(module, 'oapi'));
    const oapi = ['-generate', 'types,client', '-package', 'oapi', '-o', 'oapi/client.go', guarded ?? ''];
    await run(await resolveServer('oapi-codegen'), oapi, generator);
    const ogen = ['-config', 'ogen.yml', '-package', 'ogen', '-target', 'ogen', guarded ?? ''];
    await run(await resolveServer('ogen'), ogen, generator);
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' };
    // Without the path of the folder in what is compiled, the cache of Go knows it the next time.
    await run('go', ['vet', '-trimpath', './...'], { cwd: module, env, timeout: COMPILE_MS });
  },
  COMPILE_MS,
);
