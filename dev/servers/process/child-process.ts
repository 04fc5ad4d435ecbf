import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

import { guardedCommand, type ProcessIdentity, watchOver } from './parent-death.ts';

export type { ProcessIdentity } from './parent-death.ts';

export interface ServerSpec {
  /** What messages call it, for example `PostgreSQL`. */
  name: string;
  command: string;
  args: readonly string[];
  /** The whole environment of the server. Default: ours. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  identity?: ProcessIdentity;
  /** What asks it to end in order, also when we die. Default SIGTERM. */
  stopSignal?: 'SIGTERM' | 'SIGINT';
  /** How long it may take to end in order before SIGKILL. Default 10 s. */
  stopDeadlineMs?: number;
  /** Called with what it writes, as it comes. */
  onOutput?: (text: string, stream: 'stdout' | 'stderr') => void;
}

export interface ServerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface RunningServer extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Settles when the process is gone, for whatever reason. Never rejects. */
  readonly exited: Promise<ServerExit>;
  /** The end of what it wrote to stdout and stderr. */
  recentOutput(): string;
  signal(signal: NodeJS.Signals): void;
  /** Asks it to end, waits, and kills it after the deadline. May be called more than once. */
  stop(): Promise<ServerExit>;
}

const DEFAULT_STOP_DEADLINE_MS = 10_000;
const OUTPUT_LIMIT_CHARACTERS = 64 * 1_024;
/** A surviving grandchild may hold our end of the output open, so the last words are waited for only this long. */
const LAST_WORDS_MS = 250;
const PROBE_INTERVAL_MS = 50;

/**
 * Starts a server that ends when we end, even when we are killed. Call it from the main thread: the kernel ties the
 * server's life to the thread that started it.
 */
export function startServer(spec: ServerSpec): RunningServer {
  const stopSignal = spec.stopSignal ?? 'SIGTERM';
  const stopDeadlineMs = spec.stopDeadlineMs ?? DEFAULT_STOP_DEADLINE_MS;
  const guarded = guardedCommand({ ...spec, stopSignal });
  const child = spawn(guarded.command, guarded.args, {
    ...(spec.env === undefined ? {} : { env: spec.env }),
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    ...guarded.spawnOptions,
    // A session of its own: Ctrl-C in a terminal reaches us alone, and we end the servers in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', guarded.waitsForGo ? 'pipe' : 'ignore'],
  });
  const recentOutput = keepRecentOutput(child, spec.onOutput);
  const exited = untilGone(child);
  const pid = child.pid;
  if (pid === undefined) throw new ServerNotSpawned(spec);
  if (guarded.waitsForGo) watchOver(child, { pid, stopSignal, stopDeadlineMs });

  const signal = (name: NodeJS.Signals): void => {
    child.kill(name);
  };
  let stopping: Promise<ServerExit> | undefined;
  const stop = (): Promise<ServerExit> =>
    (stopping ??= endInOrder({ exited, signal, stopSignal, stopDeadlineMs }));
  return {
    name: spec.name,
    pid,
    exited,
    recentOutput,
    signal,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

export class ServerNotSpawned extends Error {
  constructor(spec: ServerSpec) {
    const where = spec.cwd === undefined ? '' : ` in ${spec.cwd}`;
    super(
      `cannot start ${spec.name}${where}: the operating system refused a new process; ` +
        'check that the folder exists and that the limits on processes and open files are not reached',
    );
    this.name = 'ServerNotSpawned';
  }
}

export class ServerNotReady extends Error {
  readonly output: string;
  constructor(message: string, output: string, cause?: unknown) {
    super(
      output === '' ? message : `${message}; its last output:\n${output}`,
      cause === undefined ? {} : { cause },
    );
    this.name = 'ServerNotReady';
    this.output = output;
  }
}

/**
 * Waits until the probe says yes. A probe that throws says "not yet". Rejects with the server's recent output when it
 * exits or the deadline passes; the server is left for the caller to stop.
 */
export async function untilReady(
  server: RunningServer,
  probe: () => Promise<boolean>,
  options: { deadlineMs: number; what: string },
): Promise<void> {
  const over = new AbortController();
  let lastError: unknown;
  const poll = async (): Promise<'ready'> => {
    for (;;) {
      over.signal.throwIfAborted();
      const ready = await probe().catch((error: unknown) => {
        lastError = error;
        return false;
      });
      if (ready) return 'ready';
      await delay(PROBE_INTERVAL_MS, undefined, { signal: over.signal });
    }
  };
  const polling = poll();
  // Whoever loses the race below rejects with the abort; nobody waits for it any more.
  polling.catch(() => undefined);
  const late = delay(options.deadlineMs, 'late' as const, { signal: over.signal });
  late.catch(() => undefined);
  try {
    const outcome = await Promise.race([polling, late, server.exited]);
    if (outcome === 'ready') return;
    const what = outcome === 'late' ? describeLate(options.deadlineMs, lastError) : describeEnd(outcome);
    throw new ServerNotReady(
      `${options.what}: ${server.name} ${what}`,
      server.recentOutput().trim(),
      lastError,
    );
  } finally {
    over.abort();
  }
}

function describeLate(deadlineMs: number, lastError: unknown): string {
  const attempt = lastError instanceof Error ? ` (the last attempt: ${lastError.message})` : '';
  return `did not answer within ${deadlineMs / 1_000} s${attempt}`;
}

function describeEnd(exit: ServerExit): string {
  return `ended before it answered (${describeExit(exit)})`;
}

export function describeExit(exit: ServerExit): string {
  return exit.signal === null ? `exit code ${String(exit.code)}` : `signal ${exit.signal}`;
}

function keepRecentOutput(child: ChildProcess, onOutput: ServerSpec['onOutput']): () => string {
  let recent = '';
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      recent = (recent + text).slice(-OUTPUT_LIMIT_CHARACTERS);
      onOutput?.(text, name);
    });
  }
  return () => recent;
}

function untilGone(child: ChildProcess): Promise<ServerExit> {
  return new Promise((resolve) => {
    child.once('error', () => {
      // Only a process that never came to be ends here; startServer has seen that it has no pid and has thrown.
      resolve({ code: null, signal: null });
    });
    child.once('exit', (code, signal) => {
      const settle = (): void => {
        resolve({ code, signal });
      };
      setTimeout(settle, LAST_WORDS_MS).unref();
      child.once('close', settle);
    });
  });
}

interface Ending {
  exited: Promise<ServerExit>;
  signal: (name: NodeJS.Signals) => void;
  stopSignal: NodeJS.Signals;
  stopDeadlineMs: number;
}

async function endInOrder({ exited, signal, stopSignal, stopDeadlineMs }: Ending): Promise<ServerExit> {
  signal(stopSignal);
  const patience = setTimeout(() => {
    signal('SIGKILL');
  }, stopDeadlineMs);
  try {
    return await exited;
  } finally {
    clearTimeout(patience);
  }
}
