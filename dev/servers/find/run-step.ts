import { execFile } from 'node:child_process';

import { SECOND_MS } from '../../../src/domain/time.ts';
import { describeExit, type RunningServer, type ServerExit, startServer } from '../process/child-process.ts';

export interface Step {
  /** What messages call it, for example `go build`. */
  name: string;
  command: string;
  args: readonly string[];
  cwd?: string;
  deadlineMs: number;
  /** Ends the step and all it started, at once. */
  signal?: AbortSignal | undefined;
  /** Called with each line of its output; true keeps the line out of the message of a failure. */
  isProgress?: (line: string) => boolean;
}

const ERROR_TAIL_LINES = 12;
const PROBE_DEADLINE_MS = 20_000;
/** How long a step that is given up may take to clear its working folder away. */
const GIVE_UP_MS = 500;

/** Runs a long step to its end. Rejects with the end of its output; the step ends when we are killed. */
export async function runStep(step: Step): Promise<void> {
  const { deadlineMs, signal, isProgress, ...spec } = step;
  signal?.throwIfAborted();
  const errors = new LineReader(isProgress ?? (() => false));
  // Asked with SIGINT the Go command clears its working folder away.
  await using process = startServer({ ...spec, stopSignal: 'SIGINT', onOutput: errors.add });
  const outcome = await untilOver(process, deadlineMs, signal);
  if (outcome === undefined) await endFamily(process);
  signal?.throwIfAborted();
  if (outcome === undefined) throw new Error(`${step.name} did not end within ${deadlineMs / SECOND_MS} s`);
  if (outcome.code !== 0)
    throw new Error(`${step.name} ended with ${describeExit(outcome)}: ${errors.tail()}`);
}

/** How the process ended; undefined when the deadline or the signal came first. */
async function untilOver(
  { exited }: RunningServer,
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<ServerExit | undefined> {
  const over = Promise.withResolvers<undefined>();
  const giveUp = (): void => {
    over.resolve(undefined);
  };
  const timer = setTimeout(giveUp, deadlineMs);
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([exited, over.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}

/** Ends a step and the processes it started: it leads a process group of its own. */
async function endFamily({ pid, exited }: RunningServer): Promise<void> {
  signalGroup(pid, 'SIGINT');
  const patience = setTimeout(() => {
    signalGroup(pid, 'SIGKILL');
  }, GIVE_UP_MS);
  await exited;
  clearTimeout(patience);
  // Whoever did not listen to the first signal has no leader any more to wait for.
  signalGroup(pid, 'SIGKILL');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error: unknown) {
    // Nobody is left in the group.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Splits output into lines and keeps the last ones that are no progress. */
class LineReader {
  readonly #isProgress: (line: string) => boolean;
  readonly #rests = { stdout: '', stderr: '' };
  #kept: string[] = [];

  constructor(isProgress: (line: string) => boolean) {
    this.#isProgress = isProgress;
  }

  readonly add = (text: string, stream: 'stdout' | 'stderr'): void => {
    const lines = (this.#rests[stream] + text).split('\n');
    this.#rests[stream] = lines.pop() ?? '';
    const kept = lines.filter((line) => line.trim() !== '' && !this.#isProgress(line));
    this.#kept = [...this.#kept, ...kept].slice(-ERROR_TAIL_LINES);
  };

  tail(): string {
    const unfinished = Object.values(this.#rests).filter((rest) => rest.trim() !== '');
    return [...this.#kept, ...unfinished].slice(-ERROR_TAIL_LINES).join('\n').trim();
  }
}

/** What a program prints about itself, on both of its outputs. Rejects when it cannot be run or fails. */
export function outputOf(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: PROBE_DEADLINE_MS }, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`.trim();
      if (error === null) resolve(output);
      else reject(new Error(`${command} ${args.join(' ')}: ${output || error.message}`, { cause: error }));
    });
  });
}
