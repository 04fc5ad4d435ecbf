import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { until } from './until.ts';

/** A user that owns nothing: `nobody` on every Linux. */
export const ORDINARY_USER = { uid: 65_534, gid: 65_534 };
export const isRoot = process.geteuid?.() === 0;

/** For the environment of a process that is given nothing else of ours: half of what a command takes is to compile it. */
export const COMPILE_CACHE: Readonly<Record<string, string>> = {
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
};

export interface Script {
  /** The process itself. */
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything it wrote, to stdout and stderr alike. */
  output(): string;
  /** The first match of a pattern in its output. Fails when it ends, or the deadline passes, without one. */
  untilSays(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
  /** Its exit code; null when it was killed. */
  readonly exited: Promise<number | null>;
  kill(): void;
}

export interface ScriptOptions {
  /** A program, with arguments, that runs the script: for example `unshare` with a mount. */
  wrapper?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** A process of its own that runs a module. `source('src/main.ts')` inside it is the address of a file of the repository. */
export function runScript(body: string, { wrapper = [], env }: ScriptOptions = {}): Script {
  const sources = new URL('../../', import.meta.url).href;
  for (const [, path = ''] of body.matchAll(/\bsource\('([^']+)'\)/g))
    if (!existsSync(new URL(path, sources))) throw new Error(`source('${path}'): there is no such file`);
  const program = `const source = (path) => new URL(path, ${JSON.stringify(sources)}).href;\n${body}`;
  const [command = process.execPath, ...args] = [
    ...wrapper,
    ...[process.execPath, '--input-type=module', '--eval', program],
  ];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(env === undefined ? {} : { env }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  let ended = false;
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      ended = true;
      resolve(code);
    });
  });
  return {
    child,
    pid: child.pid ?? 0,
    output: () => output,
    exited,
    kill: () => {
      child.kill('SIGKILL');
    },
    untilSays: async (pattern, deadlineMs = 110_000) => {
      const found = (): RegExpExecArray | null => pattern.exec(output);
      await until(() => ended || found() !== null, `the script says ${String(pattern)}`, deadlineMs);
      const match = found();
      if (match === null) throw new Error(`the script ended without saying ${String(pattern)}:\n${output}`);
      return match;
    },
  };
}

/** Lines for a script that, once its modules are loaded, goes on as an ordinary user for good. */
export const BECOME_ORDINARY_USER = isRoot
  ? `process.setgroups([]); process.setgid(${ORDINARY_USER.gid}); process.setuid(${ORDINARY_USER.uid});`
  : '';

/** A wrapper that mounts a small file system for the script alone. It needs no right an ordinary user lacks. */
export function withSmallDisk(folder: string, size: string): string[] {
  const namespace = isRoot ? ['--mount'] : ['--map-current-user', '--keep-caps', '--mount'];
  const mount = 'mount -t tmpfs -o mode=755,size="$2" tmpfs "$1" && shift 2 && exec "$@"';
  return ['unshare', ...namespace, '/bin/sh', '-c', mount, 'mount-small-disk', folder, size];
}

/** True for a process that has ended and only waits to be noticed by a parent that may never look. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error: unknown) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // Gone in between, or a system without /proc.
    return process.platform === 'linux';
  }
}

export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url));
