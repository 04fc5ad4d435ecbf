import { execFile } from 'node:child_process';

import { describeExit, startServer } from '../child-process.ts';

export interface Step {
  /** What messages call it, for example `go build`. */
  name: string;
  command: string;
  args: readonly string[];
  cwd?: string;
  deadlineMs: number;
}

const ERROR_TAIL_LINES = 12;
const SECOND_MS = 1_000;
const PROBE_DEADLINE_MS = 20_000;

/** Runs a long step to its end. Rejects with the end of its output; the step ends when we are killed. */
export async function runStep(step: Step): Promise<void> {
  const { deadlineMs, ...spec } = step;
  // Asked with SIGINT the Go command clears its working folder away.
  await using process = startServer({ ...spec, stopSignal: 'SIGINT' });
  const over = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => {
    over.resolve('late');
  }, deadlineMs);
  try {
    const outcome = await Promise.race([process.exited, over.promise]);
    if (outcome === 'late') throw new Error(`${step.name} did not end within ${deadlineMs / SECOND_MS} s`);
    if (outcome.code === 0) return;
    const output = process.recentOutput().trim().split('\n').slice(-ERROR_TAIL_LINES).join('\n');
    throw new Error(`${step.name} ended with ${describeExit(outcome)}: ${output}`);
  } finally {
    clearTimeout(timer);
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
