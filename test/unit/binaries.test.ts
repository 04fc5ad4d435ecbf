import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { sealEntry } from '../../dev/servers/find/cache-seal.ts';
import { CATALOGUE, type ServerDefinition } from '../../dev/servers/find/catalogue.ts';
import {
  type BinaryResolverOptions,
  createBinaryResolver,
  ServerUnavailable,
} from '../../dev/servers/find/resolver.ts';

/** A program that says its version, in the place of a real one. */
const program = (version: string): string => `#!/bin/sh\necho "tool ${version}"\n`;

/** A `go` that writes the program instead of compiling it, so that nothing here needs a Go toolchain. */
const standInGo = (folder: string, body = ''): string => `#!/bin/sh
if [ "$1" = version ]; then echo "go version go1.99 stand-in"; exit 0; fi
if [ "$1" = list ]; then echo local/tool; exit 0; fi
echo "$CGO_ENABLED $GOPROXY $*" >> "${folder}/builds"
echo $$ > "${folder}/go.pid"
${body}
while [ "$1" != -o ]; do shift; done
printf '%s\\n' '#!/bin/sh' 'echo "tool 1.2.3"' > "$2"
chmod 755 "$2"
`;

const goSource = {
  kind: 'go',
  folder: 'tool',
  package: 'local/tool',
  ldflags: '-s',
  goVersion: '1.25',
  minutes: 1,
} as const;

const tool: ServerDefinition = {
  title: 'a tool for this test',
  version: '1.2.3',
  pathVariable: 'REMEDIATION_AUDIT_PROMTOOL_PATH',
  command: 'tool',
  entryPath: 'tool',
  identify: { args: ['--version'], expect: /^tool 1\.2\.3$/ },
  sources: [
    {
      kind: 'download',
      baseUrl: 'http://127.0.0.1:1',
      file: ({ os }) => (os === 'linux' ? 'tool.tar.gz' : undefined),
      checksums: () => 'sums.txt',
      member: () => 'release/tool',
      sizeMb: 1,
    },
    goSource,
  ],
};

const ENTRY = '1.2.3-linux-x64';
const WAIT = { timeout: 10_000, interval: 20 };

let folder: string;
let lines: string[];
let site: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binaries-test-'));
  lines = [];
  for (const name of ['bin', 'tools/tool', 'cache']) await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, 'tools/tool/go.mod'), 'module local/tool\n');
});

afterEach(async () => {
  site?.closeAllConnections();
  site?.close();
  site = undefined;
  await rm(folder, { recursive: true, force: true });
});

function resolverWith(
  options: Partial<BinaryResolverOptions> = {},
  definition: Partial<ServerDefinition> = {},
): { resolve: () => Promise<string> } {
  const resolver = createBinaryResolver({
    cacheDir: join(folder, 'cache'),
    explicitPaths: {},
    searchPath: join(folder, 'bin'),
    toolsDir: join(folder, 'tools'),
    platform: { os: 'linux', arch: 'x64' },
    report: (line) => lines.push(line),
    catalogue: { ...CATALOGUE, promtool: { ...tool, ...definition } },
    ...options,
  });
  return { resolve: () => resolver.resolve('promtool') };
}

async function install(path: string, content: string): Promise<string> {
  const target = join(folder, path);
  await mkdir(join(target, '..'), { recursive: true });
  await writeFile(target, content);
  await chmod(target, 0o755);
  return target;
}

/** A program in the cache as it is after it was built. */
async function installCached(version: string): Promise<string> {
  const entry = cached(`${version}-linux-x64`);
  const path = await install(`cache/promtool/${version}-linux-x64/tool`, program(version));
  await sealEntry(entry, entry);
  return path;
}

const cached = (path = ''): string => join(folder, 'cache/promtool', path);

async function failureOf(resolving: Promise<string>): Promise<string> {
  const error: unknown = await resolving.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ServerUnavailable);
  return (error as ServerUnavailable).message;
}

/** A publisher's site with one release and a checksum file. */
async function publish(version = '1.2.3', sum?: string): Promise<string> {
  await install('site/release/tool', program(version));
  execFileSync('tar', ['-czf', 'tool.tar.gz', 'release'], { cwd: join(folder, 'site') });
  const archive = await readFile(join(folder, 'site/tool.tar.gz'));
  const digest = sum ?? createHash('sha256').update(archive).digest('hex');
  const files: Record<string, Buffer | string> = {
    '/tool.tar.gz': archive,
    '/sums.txt': `${'0'.repeat(64)}  other.tar.gz\n${digest}  tool.tar.gz\n`,
  };
  site = createServer((request, response) => {
    const content = files[request.url ?? ''];
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  const listening = site;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

test('an explicit path comes before PATH and the cache', async () => {
  await install('bin/tool', program('1.2.3'));
  await installCached('1.2.3');
  const own = await install('own/tool', program('1.2.3'));
  expect(await resolverWith({ explicitPaths: { promtool: own } }).resolve()).toBe(own);
});

test('an empty explicit path is none', async () => {
  const installed = await install('bin/tool', program('1.2.3'));
  expect(await resolverWith({ explicitPaths: { promtool: '' } }).resolve()).toBe(installed);
});

test('an explicit path that does not exist is an error, not a reason to look elsewhere', async () => {
  await install('bin/tool', program('1.2.3'));
  const message = await failureOf(
    resolverWith({ explicitPaths: { promtool: join(folder, 'gone') } }).resolve(),
  );
  expect(message).toContain(`REMEDIATION_AUDIT_PROMTOOL_PATH=${join(folder, 'gone')}`);
  expect(message).toContain('does not exist');
  expect(message).toContain('unset REMEDIATION_AUDIT_PROMTOOL_PATH');
});

test('an explicit path of another version is refused with what it says about itself', async () => {
  const own = await install('own/tool', program('1.2.4'));
  const message = await failureOf(resolverWith({ explicitPaths: { promtool: own } }).resolve());
  expect(message).toContain('says "tool 1.2.4"');
});

test('the pinned version on PATH comes before the cache', async () => {
  const installed = await install('bin/tool', program('1.2.3'));
  await installCached('1.2.3');
  expect(await resolverWith().resolve()).toBe(installed);
});

test('another version on PATH is passed over for the cache', async () => {
  await install('bin/tool', program('1.2.2'));
  const kept = await installCached('1.2.3');
  expect(await resolverWith().resolve()).toBe(kept);
});

const PUBLISHED = 'http://127.0.0.1:1/tool.tar.gz';

/** What the repository says of the release file. */
async function pin(sha256: string): Promise<void> {
  await writeFile(join(folder, 'tools/downloads.sha256'), `# pins\n${sha256}  ${PUBLISHED}\n`);
}

test('a download that the repository has no hash of is not even tried', async () => {
  const baseUrl = await publish();
  let requests = 0;
  site?.on('request', () => (requests += 1));
  const message = await failureOf(resolverWith({ downloadBaseUrls: { promtool: baseUrl } }).resolve());
  expect(message).toContain(`not tried: downloads.sha256 has no SHA-256 of ${PUBLISHED}`);
  expect(message).toContain('set REMEDIATION_AUDIT_UNPINNED_DOWNLOADS=true to believe the publisher');
  expect(requests).toBe(0);
});

test('a pinned download is taken for its pin, whatever the checksum file beside it says', async () => {
  const baseUrl = await publish('1.2.3', 'f'.repeat(64));
  const archive = await readFile(join(folder, 'site/tool.tar.gz'));
  await pin(createHash('sha256').update(archive).digest('hex'));
  expect(await resolverWith({ downloadBaseUrls: { promtool: baseUrl } }).resolve()).toBe(
    cached(`${ENTRY}/tool`),
  );
});

test('a download that is not what was pinned is refused, though its publisher vouches for it', async () => {
  const baseUrl = await publish();
  await pin('e'.repeat(64));
  const options = { allowUnpinned: true, downloadBaseUrls: { promtool: baseUrl } };
  const message = await failureOf(resolverWith(options).resolve());
  expect(message).toMatch(
    /refused http:.*tool\.tar\.gz: its SHA-256 is [0-9a-f]{64}, but downloads\.sha256 says e{64}/,
  );
  expect(await readdir(cached())).toEqual([]);
});

test('a cache entry with a program that was exchanged is refused and made anew', async () => {
  await installCached('1.2.3');
  await install('bin/go', standInGo(folder));
  await install(`cache/promtool/${ENTRY}/tool`, program('1.2.3 of a stranger'));
  expect(await resolverWith().resolve()).toBe(cached(`${ENTRY}/tool`));
  expect(lines.join('\n')).toContain(`promtool 1.2.3: ${cached(ENTRY)} is refused: `);
  expect(await readFile(cached(`${ENTRY}/tool`), 'utf8')).not.toContain('stranger');
  await rm(join(folder, 'bin/go'));
  expect(await resolverWith().resolve()).toBe(cached(`${ENTRY}/tool`));
});

test('an unpinned download that is allowed and matches its checksum is unpacked and kept', async () => {
  const baseUrl = await publish();
  const { resolve } = resolverWith({ allowUnpinned: true, downloadBaseUrls: { promtool: baseUrl } });
  expect(await resolve()).toBe(cached(`${ENTRY}/tool`));
  expect(await readdir(cached(ENTRY))).toEqual(['tool']);
  expect(lines.join('\n')).toMatch(/downloading about 1 MB from 127\.0\.0\.1/);

  site?.closeAllConnections();
  site?.close();
  expect(await resolverWith().resolve()).toBe(cached(`${ENTRY}/tool`));
});

test('a download with a wrong checksum is refused and leaves nothing', async () => {
  const baseUrl = await publish('1.2.3', 'f'.repeat(64));
  const options = { allowUnpinned: true, downloadBaseUrls: { promtool: baseUrl } };
  const message = await failureOf(resolverWith(options).resolve());
  expect(message).toMatch(/refused http:.*tool\.tar\.gz: its SHA-256 is [0-9a-f]{64}.*says f{64}/);
  expect(await readdir(cached())).toEqual([]);
});

test('a download that turns out to be another version is refused', async () => {
  const baseUrl = await publish('1.2.4');
  const options = { allowUnpinned: true, downloadBaseUrls: { promtool: baseUrl } };
  const message = await failureOf(resolverWith(options).resolve());
  expect(message).toContain('what came is not promtool 1.2.3');
  expect(await readdir(cached())).toEqual([]);
});

test('where the download is closed the program is built', async () => {
  await install('bin/go', standInGo(folder));
  expect(await resolverWith().resolve()).toBe(cached(`${ENTRY}/tool`));
  const [line = ''] = (await readFile(join(folder, 'builds'), 'utf8')).split('\n');
  expect(line).toMatch(
    /^0 .*build -mod=readonly -trimpath -buildvcs=false -gcflags=all=-dwarf=false -ldflags -s -v -o .* local\/tool$/,
  );
  expect(lines.join('\n')).toContain('building from source with go1.99 stand-in; once, about 1 min');
});

test('offline nothing is asked of the network', async () => {
  await install('bin/go', standInGo(folder));
  const baseUrl = await publish();
  await resolverWith({ offline: true, downloadBaseUrls: { promtool: baseUrl } }).resolve();
  expect(await readFile(join(folder, 'builds'), 'utf8')).toMatch(/^0 off build/);
});

test('raising the pin obtains the new version beside the old one', async () => {
  await installCached('1.2.2');
  await install('bin/go', standInGo(folder));
  expect(await resolverWith().resolve()).toBe(cached(`${ENTRY}/tool`));
});

test('when nothing works the error lists what was tried, why it failed, and the remedy', async () => {
  await install('bin/tool', program('1.2.2'));
  const message = await failureOf(resolverWith().resolve());
  expect(message.split('\n')).toEqual([
    'cannot provide promtool 1.2.3 (a tool for this test). Tried:',
    '  - REMEDIATION_AUDIT_PROMTOOL_PATH: not set',
    expect.stringMatching(/^ {2}- PATH: .*bin\/tool is not used: .* says "tool 1\.2\.2"$/),
    expect.stringMatching(/^ {2}- cache: .* does not exist$/),
    '  - download: not tried: downloads.sha256 has no SHA-256 of http://127.0.0.1:1/tool.tar.gz',
    '  - build from source: the command go is not on PATH',
    "To go on, set REMEDIATION_AUDIT_UNPINNED_DOWNLOADS=true to believe the publisher's own checksum, or install Go 1.25 or newer, or set REMEDIATION_AUDIT_PROMTOOL_PATH to a promtool 1.2.3 of your own.",
  ]);
});

test('a failed build shows the end of its output and leaves nothing', async () => {
  await install('bin/go', standInGo(folder, 'echo "tool.go:1: syntax error" >&2; exit 2'));
  const message = await failureOf(resolverWith().resolve());
  expect(message).toContain('go build ended with exit code 2: tool.go:1: syntax error');
  expect(await readdir(cached())).toEqual([]);
});

test('a failure is forgotten, so the next call tries again', async () => {
  const { resolve } = resolverWith();
  await failureOf(resolve());
  await install('bin/go', standInGo(folder));
  expect(await resolve()).toBe(cached(`${ENTRY}/tool`));
});

/** A process of its own that resolves the tool by building it. */
function resolveInProcess(): { output: Promise<string>; kill: () => void } {
  const module = (path: string): string =>
    JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../dev/servers/find', path)).href);
  const options = {
    cacheDir: join(folder, 'cache'),
    explicitPaths: {},
    searchPath: join(folder, 'bin'),
    toolsDir: join(folder, 'tools'),
    platform: { os: 'linux', arch: 'x64' },
  };
  const definition = { ...tool, sources: [goSource], identify: undefined };
  const script = `
    import { appendFileSync } from 'node:fs';
    import { createBinaryResolver } from ${module('resolver.ts')};
    import { CATALOGUE } from ${module('catalogue.ts')};
    const identify = { args: ['--version'], expect: /^tool 1/ };
    const promtool = { ...${JSON.stringify(definition)}, identify };
    const options = ${JSON.stringify(options)};
    const catalogue = { ...CATALOGUE, promtool };
    const report = (line) => appendFileSync(${JSON.stringify(join(folder, 'reports'))}, line + '\\n');
    const resolver = createBinaryResolver({ ...options, catalogue, report });
    process.stdout.write(await resolver.resolve('promtool'));`;
  const child = spawn(process.execPath, ['--input-type=module', '--no-warnings', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = new Promise<string>((resolve) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.once('close', () => {
      resolve(text);
    });
  });
  return { output, kill: () => child.kill('SIGKILL') };
}

test('processes that want the same server at the same time build it once', async () => {
  await install('bin/go', standInGo(folder, `while [ ! -e "${folder}/go-on" ]; do sleep 0.02; done`));
  const processes = [resolveInProcess(), resolveInProcess(), resolveInProcess()];
  const waiting = async (): Promise<number> => {
    const reports = await readFile(join(folder, 'reports'), 'utf8').catch(() => '');
    return reports.match(/waiting for process \d+, which is preparing promtool 1\.2\.3$/gm)?.length ?? 0;
  };
  await expect.poll(waiting, WAIT).toBe(processes.length - 1);
  await writeFile(join(folder, 'go-on'), '');
  const outputs = await Promise.all(processes.map(({ output }) => output));
  expect(outputs).toEqual(processes.map(() => cached(`${ENTRY}/tool`)));
  expect((await readFile(join(folder, 'builds'), 'utf8')).trim().split('\n')).toHaveLength(1);
});

test('a killed build ends its compiler, and the next one takes over and leaves only its own result', async () => {
  // Half of the program is written when the kill comes.
  const half = 'out=$(echo "$*" | sed "s/.* -o //; s/ .*//"); echo half > "$out"; exec sleep 60';
  await install('bin/go', standInGo(folder, half));
  const killed = resolveInProcess();
  const isWritten = async (): Promise<boolean> => {
    const names = await readdir(cached()).catch(() => []);
    return names.some((name) => existsSync(cached(`${name}/tool`)));
  };
  await expect.poll(isWritten, WAIT).toBe(true);
  const compiler = Number(await readFile(join(folder, 'go.pid'), 'utf8'));
  killed.kill();
  await killed.output;
  expect(existsSync(cached(ENTRY))).toBe(false);
  await expect.poll(() => isAlive(compiler), WAIT).toBe(false);

  await install('bin/go', standInGo(folder));
  expect(await resolverWith().resolve()).toBe(cached(`${ENTRY}/tool`));
  expect(await readdir(cached())).toEqual([ENTRY, `${ENTRY}.sha256`]);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
