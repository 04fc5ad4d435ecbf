import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Endpoints } from '../../dev/up/endpoints.ts';
import { repositoryPath } from './repository.ts';
import { until } from './until.ts';

/** A first start on a busy machine, with the Temporal server already built. */
const READY_DEADLINE_MS = 120_000;

export interface RunningProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  output(): string;
  readonly exited: Promise<number | null>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A program, with arguments, that runs ours. */
  readonly wrapper?: readonly string[];
  /** Of Node. Default none. */
  readonly flags?: readonly string[];
}

/** `remediation-audit …` as a user starts it, from the source tree. */
export function startProgram(
  args: readonly string[],
  { env = {}, wrapper = [], flags = [] }: StartOptions = {},
): RunningProgram {
  const [command = '', ...rest] = [
    ...wrapper,
    process.execPath,
    ...flags,
    repositoryPath('dev/main.ts'),
    ...args,
  ];
  // A developer's own kubeconfig must not decide what a test watches.
  const inherited = { ...process.env, KUBECONFIG: '' };
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...inherited, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
  });
  return { child, pid: child.pid ?? 0, output: () => output, exited };
}

export interface RunningUp extends RunningProgram {
  readonly endpoints: Endpoints;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number | null>;
}

/** Flags of `up` that take whatever ports are free. */
export const FREE_PORTS = ['--api-port', '--temporal-port', '--temporal-ui-port', '--postgres-port'].flatMap(
  (flag) => [flag, '0'],
);

/** A request to the API of `up`, with its token. */
export function callApi({ api, token }: Endpoints, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${token}`);
  return fetch(api + path, { ...init, headers });
}

/** `up` on free ports, once it says that it is ready. */
export async function startUp(
  dataDir: string,
  flags: readonly string[] = [],
  options: StartOptions = {},
): Promise<RunningUp> {
  const file = join(dataDir, 'endpoints.json');
  // A run that was killed could not remove its own.
  rmSync(file, { force: true });
  const program = startProgram(['up', '--data-dir', dataDir, ...FREE_PORTS, ...flags], options);
  const isEnded = (): boolean => program.child.exitCode !== null || program.child.signalCode !== null;
  // The file comes before the text, and the text takes its time through the pipe.
  const isReady = (): boolean => existsSync(file) && program.output().includes('Ctrl-C ends everything');
  await until(() => isReady() || isEnded(), 'up is ready', READY_DEADLINE_MS);
  if (isEnded()) throw new Error(`up ended before it was ready:\n${program.output()}`);
  return {
    ...program,
    endpoints: JSON.parse(readFileSync(file, 'utf8')) as Endpoints,
    stop: () => {
      program.child.kill('SIGTERM');
      return program.exited;
    },
  };
}
