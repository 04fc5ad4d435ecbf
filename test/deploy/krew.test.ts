import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';

import { type KrewRelease, krewRelease } from '../../scripts/krew/archive.ts';
import { repositoryPath } from '../support/repository.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

/* What krew installs: built, read, unpacked and linked as krew does. krew itself is in krew-install.soak.test.ts. */

const ADDRESS = 'https://audit.example.com/releases/v0.1.0';
const { version, engines } = JSON.parse(readFileSync(repositoryPath('package.json'), 'utf8')) as {
  version: string;
  engines: { node: string };
};

let folder: TestFolder;
let release: KrewRelease;
/** The link in krew's folder of programs. */
let linked: string;

beforeAll(async () => {
  folder = await createTestFolder();
  release = await krewRelease(repositoryPath('.'), ADDRESS);
  writeFileSync(folder.file(release.name), release.archive);
  mkdirSync(folder.file('store'));
  mkdirSync(folder.file('bin'));
  execFileSync('tar', ['-xzf', folder.file(release.name), '-C', folder.file('store')]);
  linked = folder.file('bin/kubectl-remediation');
  symlinkSync(`../store/${platforms()[0]?.bin ?? ''}`, linked);
});
afterAll(() => folder.remove());

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly version: string;
    readonly shortDescription: string;
    readonly description: string;
    readonly caveats: string;
    readonly platforms: readonly Platform[];
  };
}

interface Platform {
  readonly uri: string;
  readonly sha256: string;
  readonly bin: string;
  readonly selector: {
    readonly matchExpressions: readonly { key: string; operator: string; values: readonly string[] }[];
  };
}

const manifest = (): Manifest => parse(release.manifest) as Manifest;
const platforms = (): readonly Platform[] => manifest().spec.platforms;

function runLinked(args: readonly string[], path: string) {
  return spawnSync(linked, args, { encoding: 'utf8', env: { PATH: path, HOME: '/nonexistent' } });
}

const NODE_FIRST = `${dirname(process.execPath)}:/usr/bin:/bin`;

test('the manifest names the archive by its address and hash, for every platform that can start it', () => {
  const [platform, ...others] = platforms();
  expect(others).toEqual([]);
  expect(platform).toEqual({
    selector: { matchExpressions: [{ key: 'os', operator: 'In', values: ['darwin', 'linux'] }] },
    bin: 'kubectl-remediation',
    uri: `${ADDRESS}/kubectl-remediation-v${version}.tar.gz`,
    sha256: createHash('sha256').update(release.archive).digest('hex'),
  });
});

test('the manifest is as krew and its index want it', () => {
  const { apiVersion, kind, metadata, spec } = manifest();
  expect(apiVersion).toBe('krew.googlecontainertools.github.com/v1alpha2');
  expect(kind).toBe('Plugin');
  expect(metadata.name).toMatch(/^[\w-]+$/);
  expect(spec.version).toMatch(/^v\d+\.\d+\.\d+$/);
  expect(spec.shortDescription).not.toMatch(/[\r\n]|\.$/);
  // The index warns above these.
  expect(spec.shortDescription.length).toBeLessThanOrEqual(70);
  const lines = `${spec.description}${spec.caveats}`.split('\n');
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
});

test('unpacked and linked, the program answers', () => {
  expect(runLinked(['--version'], NODE_FIRST)).toMatchObject({
    status: 0,
    stdout: `${version}\n`,
    stderr: '',
  });
  const help = runLinked(['list', '--help'], NODE_FIRST);
  expect(help.stdout).toMatch(/^usage: kubectl remediation list /);
  expect(help.status).toBe(0);
});

test('what it needs only for a cluster is in the archive', () => {
  const kubeconfig = folder.file('kubeconfig');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'here' },
      contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
      clusters: [{ name: 'here', cluster: { server: 'https://127.0.0.1:2' } }],
      users: [{ name: 'me', user: { token: 'secret' } }],
    }),
  );
  const { status, stderr } = runLinked(['list', '--kubeconfig', kubeconfig], NODE_FIRST);
  expect(stderr).toBe(
    'kubectl remediation: cannot reach the cluster of the kubeconfig, https://127.0.0.1:2, to find the API: connect ECONNREFUSED 127.0.0.1:2; check --kubeconfig and --context, or name the API with --server (REMEDIATION_AUDIT_SERVER)\n',
  );
  expect(status).toBe(1);
});

test.each([
  ['none', undefined, 'there is no Node on the PATH'],
  ['an old', 'v20.19.5', 'Node v20.19.5 is too old'],
  ['a nearly new enough', 'v22.18.0', 'Node v22.18.0 is too old'],
])('with %s Node it says what to install, as a wrong configuration', (_case, found, reason) => {
  const path = folder.file(`path-${found ?? 'none'}`);
  mkdirSync(path);
  for (const tool of ['sh', 'dirname', 'readlink'])
    symlinkSync(realpathSync(`/usr/bin/${tool}`), `${path}/${tool}`);
  if (found !== undefined) writeFileSync(`${path}/node`, `#!/bin/sh\necho ${found}\n`, { mode: 0o755 });
  const { status, stdout, stderr } = runLinked(['list'], path);
  expect(stderr).toBe(
    `kubectl remediation: ${reason}: install Node ${engines.node.replace('>=', '')} or newer from https://nodejs.org, or run the plugin from the image of the service, as docs/kubectl-plugin.md shows\n`,
  );
  expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
});

test('the same sources give the same bytes in another folder', async () => {
  const copy = folder.file('copy');
  for (const path of ['src', 'deploy/krew', 'package.json', 'LICENSE'])
    cpSync(repositoryPath(path), `${copy}/${path}`, { recursive: true });
  symlinkSync(realpathSync(repositoryPath('node_modules')), `${copy}/node_modules`);
  const again = await krewRelease(copy, ADDRESS);
  expect(again.archive.equals(release.archive)).toBe(true);
  expect(again.manifest).toBe(release.manifest);
});

test('it has the licence of each package, nothing of the service, and no path of this machine', () => {
  const licences = readFileSync(folder.file('store/third-party-licences.txt'), 'utf8');
  const names = [...licences.matchAll(/^(\S+) \d+\.\d+\.\d+, (?:[\w.-]+|as follows)$/gm)].map(
    ([, name]) => name,
  );
  expect(names).toEqual(expect.arrayContaining(['@kubernetes/client-node', 'undici', 'ws']));
  expect(names.filter((name = '') => /^pg|temporal|fastify|duckdb|pino/.test(name))).toEqual([]);
  for (const file of ['kubectl-remediation', 'lib/plugin/kubectl-remediation.mjs', 'lib/plugin/dist.mjs'])
    expect(readFileSync(folder.file(`store/${file}`), 'utf8')).not.toContain(repositoryPath('.'));
});
