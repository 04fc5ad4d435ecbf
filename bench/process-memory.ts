import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { readProcessTree } from './process-tree.ts';

const BYTES_PER_KIB = 1_024;
const EVERY_MS = 1_000;

/** The most that a process and those below it that live now ever had resident, each by itself. */
export async function peakResidentBytes(rootPid: number): Promise<number> {
  return sumOver(rootPid, 'status', /^VmHWM:\s*([0-9]+) kB$/m);
}

/**
 * Measures once a second, until stopped, what a process tree occupies: pages that several of its processes share count
 * once, as PostgreSQL's buffers do. `stop` answers the most that was seen.
 */
export function watchMemory(rootPid: number): { stop(): Promise<number> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  const watch = async (): Promise<number> => {
    let most = 0;
    while (!signal.aborted) {
      most = Math.max(most, await sumOver(rootPid, 'smaps_rollup', /^Pss:\s*([0-9]+) kB$/m));
      // Aborted: that sample was the last.
      await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
    return most;
  };
  const watching = watch();
  // Observed in `stop`; this only keeps a failure before that from ending the process.
  watching.catch(() => undefined);
  return {
    stop: () => {
      stopping.abort();
      return watching;
    },
  };
}

async function sumOver(rootPid: number, file: string, kilobytes: RegExp): Promise<number> {
  const tree = await readProcessTree(rootPid);
  const sizes = await Promise.all(
    // One that has ended meanwhile has nothing any more.
    tree.map(({ pid }) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
  );
  return sizes.reduce((sum, text) => sum + Number(kilobytes.exec(text)?.[1] ?? 0) * BYTES_PER_KIB, 0);
}
