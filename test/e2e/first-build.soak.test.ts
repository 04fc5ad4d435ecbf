import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { CATALOGUE, type ServerDefinition } from '../../dev/servers/find/catalogue.ts';
import {
  type BinaryResolver,
  createBinaryResolver,
  ObtainingStopped,
} from '../../dev/servers/find/resolver.ts';
import { runScript } from '../support/processes.ts';

const BUILD_TIMEOUT_MS = 300_000;
let folder: string;
let lines: string[];
const goCache = process.env['GOCACHE'];

/** Built from its own folder by the same steps as Temporal; with nothing cached, Go's own library takes its while. */
const tiny: ServerDefinition = {
  ...CATALOGUE.promtool,
  version: '1.2.3',
  command: 'tiny-tool-of-a-test',
  entryPath: 'tiny',
  identify: { args: [], expect: /^tiny 1\.2\.3$/ },
  sources: [
    {
      ...{ kind: 'go', folder: 'tiny', package: '.', goVersion: '1.24', minutes: 1 },
      ldflags: '-s -w -X main.version=1.2.3',
    },
  ],
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'first-build-'));
  lines = [];
  // Modules stay where they are; only what was compiled is forgotten.
  process.env['GOCACHE'] = join(folder, 'go-cache');
  await mkdir(join(folder, 'tools/tiny'), { recursive: true });
  await writeFile(join(folder, 'tools/tiny/go.mod'), 'module local/tiny\n\ngo 1.24\n');
  // With as few packages of Go's own library as can write a line: all of them are compiled anew each time.
  const source =
    'package main\n\nimport "syscall"\n\nvar version string\n\nfunc main() { syscall.Write(1, []byte("tiny "+version+"\\n")) }\n';
  await writeFile(join(folder, 'tools/tiny/main.go'), source);
});

afterEach(async () => {
  if (goCache === undefined) delete process.env['GOCACHE'];
  else process.env['GOCACHE'] = goCache;
  await rm(folder, { recursive: true, force: true });
});

function resolverFor(signal: AbortSignal): BinaryResolver {
  return createBinaryResolver({
    cacheDir: join(folder, 'cache'),
    explicitPaths: {},
    searchPath: process.env['PATH'] ?? '',
    toolsDir: join(folder, 'tools'),
    catalogue: { ...CATALOGUE, promtool: tiny },
    report: (line) => lines.push(line),
    signal,
  });
}

/** The compiler works in a folder below ours, which its arguments name. */
async function processesAtWork(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands.filter((command) => command.includes(join(folder, 'cache')));
}

/** Our environment without the variables that would name a finished server. */
function definedEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('REMEDIATION_AUDIT_'));
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']));
}

const packagesToCompile = (text: string): number[] =>
  [...text.matchAll(/step 2 of 2: compiling (\d+) packages/g)].map(([, count]) => Number(count));

/** Until a few packages are compiled, and the compiler works on others. */
async function untilCompiling(): Promise<void> {
  const compiled = async (): Promise<number> => {
    const names = await readdir(join(folder, 'go-cache'), { recursive: true });
    return names.filter((name) => name.endsWith('-d')).length;
  };
  const before = await compiled();
  const patience = { timeout: BUILD_TIMEOUT_MS, interval: 20 };
  await expect.poll(compiled, patience).toBeGreaterThan(before + 3);
  await expect.poll(processesAtWork, patience).not.toEqual([]);
}

test(
  'a build that is given up ends its compilers and leaves no half file; the next one goes on where it was',
  async () => {
    const stop = new AbortController();
    const first = resolverFor(stop.signal)
      .resolve('promtool')
      .catch((error: unknown) => error);
    const isCompiling = (): boolean => packagesToCompile(lines.join('\n')).length > 0;
    await expect.poll(isCompiling, { timeout: BUILD_TIMEOUT_MS, interval: 20 }).toBe(true);
    await untilCompiling();
    stop.abort('SIGINT');
    expect(await first).toBeInstanceOf(ObtainingStopped);
    await expect.poll(processesAtWork, { timeout: 10_000 }).toEqual([]);
    expect(await readdir(join(folder, 'cache/promtool'))).toEqual([]);

    const program = await resolverFor(new AbortController().signal).resolve('promtool');
    expect(execFileSync(program, { encoding: 'utf8' })).toBe('tiny 1.2.3\n');
    const [before = 0, after = 0] = packagesToCompile(lines.join('\n'));
    expect(after).toBeLessThan(before);
    expect(await readdir(join(program, '..'))).toEqual(['tiny']);
  },
  BUILD_TIMEOUT_MS,
);

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

test.each(SIGNALS)(
  '%s during the first build of a start ends everything with exit code %i',
  async (signal, code) => {
    // Of the two forms of the name, ours is for the download of the server, a site that refuses at once. Go may fetch.
    const go = execFileSync('/bin/sh', ['-c', 'command -v go'], { encoding: 'utf8' }).trim();
    await mkdir(join(folder, 'bin'));
    await writeFile(join(folder, 'bin/go'), `#!/bin/sh\nunset https_proxy no_proxy\nexec ${go} "$@"\n`, {
      mode: 0o755,
    });
    const flags = ['--api-port', '--temporal-port', '--temporal-ui-port', '--postgres-port'];
    const args = ['up', '--data-dir', join(folder, 'data'), ...flags.flatMap((flag) => [flag, '0'])];
    const start = runScript(
      `process.argv.push('main.ts', ...${JSON.stringify(args)}); await import(source('dev/main.ts'));`,
      {
        env: {
          ...definedEnvironment(),
          PATH: [join(folder, 'bin'), process.env['PATH'] ?? ''].join(delimiter),
          REMEDIATION_AUDIT_CACHE_DIR: join(folder, 'cache'),
          https_proxy: 'http://127.0.0.1:1',
          no_proxy: '',
        },
      },
    );
    await start.untilSays(/temporal \S+: step 2 of 2/, BUILD_TIMEOUT_MS);
    await untilCompiling();
    start.child.kill(signal);
    expect(await start.exited, start.output()).toBe(code);
    expect(start.output()).toMatch(/stopped while preparing temporal/);
    await expect.poll(processesAtWork, { timeout: 10_000 }).toEqual([]);
    expect(await readdir(join(folder, 'cache/temporal'))).toEqual([]);
  },
  BUILD_TIMEOUT_MS,
);
