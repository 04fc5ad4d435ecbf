import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A server of an earlier run on the same data. A killed run leaves its servers a moment to end in order. */
interface Predecessor {
  name: string;
  pid: number;
  /** Part of its command line, normally the path of its data: process ids are used again. */
  mention: string;
}

const POLL_MS = 50;
/** The last writes of a busy server take seconds on a slow disk. */
const DEADLINE_MS = 30_000;

/** Waits until it is gone; two servers on the same data would destroy it. */
export async function untilPredecessorGone(
  predecessor: Predecessor,
  report: (line: string) => void,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const { name, pid, mention } = predecessor;
  if (!isRunning(pid, mention)) return;
  report(`Waiting for ${name} of an earlier run (process ${pid}) to end`);
  const deadline = Date.now() + deadlineMs;
  while (isRunning(pid, mention)) {
    if (Date.now() > deadline) {
      throw new Error(
        `${name} of an earlier run (process ${pid}) still uses ${mention}; stop that process first`,
      );
    }
    await delay(POLL_MS);
  }
}

function isRunning(pid: number, mention: string): boolean {
  return commandLineOf(pid).includes(mention);
}

/** Empty for a process that is gone, or that has ended and only waits to be noticed by its parent. */
function commandLineOf(pid: number): string {
  if (existsSync('/proc/self/cmdline')) {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      // It has no entry any more: it is gone.
      return '';
    }
  }
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
}
