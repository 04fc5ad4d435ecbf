import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { repositoryPath } from '../support/repository.ts';

/** Runs in the process itself, before its program: says on standard error which packages it loaded. */
const NAME_PACKAGES = `
  import { registerHooks } from 'node:module';
  const packages = new Set();
  registerHooks({
    load(url, context, next) {
      packages.add(/.*\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1]);
      return next(url, context);
    },
  });
  process.on('exit', () => process.stderr.write(JSON.stringify([...packages])));`;

async function packagesOf(...args: readonly string[]): Promise<readonly string[]> {
  const hook = `data:text/javascript,${encodeURIComponent(NAME_PACKAGES)}`;
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', hook, ...args], {
    cwd: repositoryPath('.'),
  });
  return JSON.parse(stderr) as readonly string[];
}

test('help loads the logger and nothing else of other people', async () => {
  const packages = await packagesOf('src/main.ts', '--help');
  expect(packages).toContain('pino');
  expect(
    packages.filter((name) =>
      /temporalio.(worker|client|proto)|kubernetes|duckdb|aws|fastify|^pg$/.test(name),
    ),
  ).toEqual([]);
});

test('work and serve load the library of Kubernetes only when they ask a cluster', async () => {
  for (const service of ['work', 'serve'])
    expect(await packagesOf(`src/services/${service}-service.ts`), service).not.toContain(
      '@kubernetes/client-node',
    );
});
