import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A process as /proc shows it at one moment. */
export interface ProcessSample {
  pid: number;
  parentPid: number;
  /** Its short name, at most 15 characters: `postgres`, `temporal`, `node`. */
  name: string;
  /** Processor time of the process itself since it began. */
  cpuSeconds: number;
  /** Processor time of its children that have ended and were waited for, and of theirs. */
  endedChildrenCpuSeconds: number;
  /**
   * Resident memory. Pages shared between processes count in each of them, so the sum over PostgreSQL's processes is
   * more than they occupy together.
   */
  residentBytes: number;
}

/** Where the kernel shows its processes; another folder in tests. */
const PROC = '/proc';
/** USER_HZ, the unit of times in /proc/PID/stat: 100 on every architecture Linux runs Node on. */
const TICKS_PER_SECOND = 100;
const BYTES_PER_KIB = 1_024;

/** The process and all its descendants that are alive now, parents before children. */
export async function readProcessTree(rootPid: number, proc = PROC): Promise<ProcessSample[]> {
  const byParent = Map.groupBy(await readAllProcesses(proc), (sample) => sample.parentPid);
  const root = [...byParent.values()].flat().find((sample) => sample.pid === rootPid);
  if (root === undefined) throw new Error(`cannot read process ${rootPid} in ${proc}: it is gone`);
  const tree = [root];
  // The array grows while it is walked, which makes it a breadth-first walk.
  for (const parent of tree) tree.push(...(byParent.get(parent.pid) ?? []));
  return tree;
}

async function readAllProcesses(proc: string): Promise<ProcessSample[]> {
  const pids = (await readdir(proc)).filter((name) => /^[0-9]+$/.test(name));
  const samples = await Promise.all(pids.map((pid) => readProcess(join(proc, pid))));
  return samples.filter((sample) => sample !== undefined);
}

async function readProcess(folder: string): Promise<ProcessSample | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(join(folder, 'stat'), 'utf8'),
      readFile(join(folder, 'status'), 'utf8'),
    ]);
    return parseProcess(stat, status);
  } catch (error: unknown) {
    // Processes end while we look at them; that one is then no part of the picture.
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ESRCH';
}

function parseProcess(stat: string, status: string): ProcessSample {
  // The name stands in parentheses and may contain any of them, and spaces: only the last one ends it.
  const nameEnd = stat.lastIndexOf(')');
  const fields = stat.slice(nameEnd + 2).split(' ');
  // proc(5) counts fields from 1, and two of them, pid and name, come before this list.
  const field = (number: number): number => Number(fields[number - 3]);
  const resident = /^VmRSS:\s*([0-9]+) kB$/m.exec(status)?.[1];
  return {
    pid: Number.parseInt(stat, 10),
    parentPid: field(4),
    name: stat.slice(stat.indexOf('(') + 1, nameEnd),
    cpuSeconds: (field(14) + field(15)) / TICKS_PER_SECOND,
    endedChildrenCpuSeconds: (field(16) + field(17)) / TICKS_PER_SECOND,
    // A zombie has no memory and no such line.
    residentBytes: resident === undefined ? 0 : Number(resident) * BYTES_PER_KIB,
  };
}

export interface ProcessUse {
  pid: number;
  name: string;
  /** Of one core: 200 means two cores busy all the time. */
  cpuPercent: number;
  residentBytes: number;
}

export interface TreeUse {
  /** Of one core, over all processes, those included that began or ended in between. */
  cpuPercent: number;
  residentBytes: number;
  /** Those alive at the end. */
  processes: ProcessUse[];
}

/** What a process tree used between two samples. */
export function useBetween(
  before: readonly ProcessSample[],
  after: readonly ProcessSample[],
  elapsedSeconds: number,
): TreeUse {
  const percent = (cpuSeconds: number): number => (cpuSeconds / elapsedSeconds) * 100;
  const earlier = new Map(before.map((sample) => [sample.pid, sample]));
  const processes = after.map((sample) => ({
    pid: sample.pid,
    name: sample.name,
    // One that began in between has spent all its time in between.
    cpuPercent: percent(sample.cpuSeconds - (earlier.get(sample.pid)?.cpuSeconds ?? 0)),
    residentBytes: sample.residentBytes,
  }));
  return {
    // A process that ended in between is in its parent's sum of ended children with its whole life, and with the part
    // before in the first sample; so the difference of the sums is right without knowing which those were.
    cpuPercent: percent(totalCpuSeconds(after) - totalCpuSeconds(before)),
    residentBytes: after.reduce((total, sample) => total + sample.residentBytes, 0),
    processes,
  };
}

function totalCpuSeconds(samples: readonly ProcessSample[]): number {
  return samples.reduce((total, sample) => total + sample.cpuSeconds + sample.endedChildrenCpuSeconds, 0);
}

/** What a process and its descendants use during a window from now on. */
export async function measureTree(rootPid: number, windowMs: number, proc = PROC): Promise<TreeUse> {
  const startedAt = performance.now();
  const before = await readProcessTree(rootPid, proc);
  await delay(windowMs);
  const after = await readProcessTree(rootPid, proc);
  return useBetween(before, after, (performance.now() - startedAt) / 1_000);
}
