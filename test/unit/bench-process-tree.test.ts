import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { measureTree, type ProcessSample, readProcessTree, useBetween } from '../../bench/process-tree.ts';

interface ProcessEntry {
  pid: number;
  parentPid: number;
  name: string;
  userTicks?: number;
  systemTicks?: number;
  endedChildrenTicks?: number;
  residentKib?: number;
}

let proc: string;

beforeEach(async () => {
  proc = await mkdtemp(join(tmpdir(), 'bench-proc-'));
});
afterEach(async () => {
  await rm(proc, { recursive: true });
});

/** Writes a process the way the kernel shows it. */
async function show(entry: ProcessEntry): Promise<void> {
  const { pid, parentPid, name, userTicks = 0, systemTicks = 0, endedChildrenTicks = 0 } = entry;
  const fieldsBeforeTimes = `${parentPid} ${pid} ${pid} 0 -1 4194560 100 200 0 0`;
  const stat = `${pid} (${name}) S ${fieldsBeforeTimes} ${userTicks} ${systemTicks} ${endedChildrenTicks} 0 20 0 11 0 777 1 2`;
  const memory =
    entry.residentKib === undefined ? '' : `VmHWM:\t  999999 kB\nVmRSS:\t  ${entry.residentKib} kB\n`;
  await mkdir(join(proc, String(pid)), { recursive: true });
  await writeFile(join(proc, String(pid), 'stat'), `${stat}\n`);
  await writeFile(join(proc, String(pid), 'status'), `Name:\t${name}\nPid:\t${pid}\n${memory}Threads:\t1\n`);
}

const sample = (values: Partial<ProcessSample> & { pid: number }): ProcessSample => ({
  parentPid: 1,
  name: 'node',
  cpuSeconds: 0,
  endedChildrenCpuSeconds: 0,
  residentBytes: 0,
  ...values,
});

describe('readProcessTree', () => {
  test('finds children of children, parents first, and nobody else', async () => {
    await show({ pid: 1, parentPid: 0, name: 'init' });
    await show({ pid: 40, parentPid: 30, name: 'postgres' });
    await show({ pid: 20, parentPid: 1, name: 'node' });
    await show({ pid: 30, parentPid: 20, name: 'postgres' });
    await show({ pid: 31, parentPid: 20, name: 'temporal' });
    await show({ pid: 99, parentPid: 1, name: 'somebody else' });
    const tree = await readProcessTree(20, proc);
    expect(tree.map(({ pid }) => pid)).toEqual([20, 30, 31, 40]);
  });

  test('reads times in seconds and memory in bytes', async () => {
    await show({
      pid: 7,
      parentPid: 1,
      name: 'node',
      userTicks: 250,
      systemTicks: 50,
      endedChildrenTicks: 12,
      residentKib: 1_000,
    });
    expect(await readProcessTree(7, proc)).toEqual([
      {
        pid: 7,
        parentPid: 1,
        name: 'node',
        cpuSeconds: 3,
        endedChildrenCpuSeconds: 0.12,
        residentBytes: 1_024_000,
      },
    ]);
  });

  test('is not confused by a name with spaces and parentheses', async () => {
    await show({ pid: 7, parentPid: 1, name: 'a (b) 3 c) S 9', userTicks: 100 });
    expect(await readProcessTree(7, proc)).toMatchObject([
      { name: 'a (b) 3 c) S 9', parentPid: 1, cpuSeconds: 1 },
    ]);
  });

  test('leaves out a process that ends while it looks, and takes a zombie for one without memory', async () => {
    await show({ pid: 7, parentPid: 1, name: 'node', residentKib: 5 });
    await show({ pid: 8, parentPid: 7, name: 'zombie' });
    await mkdir(join(proc, '9'));
    expect((await readProcessTree(7, proc)).map(({ pid, residentBytes }) => [pid, residentBytes])).toEqual([
      [7, 5_120],
      [8, 0],
    ]);
  });

  test('says so when the process to look at is gone', async () => {
    await expect(readProcessTree(7, proc)).rejects.toThrow('cannot read process 7');
  });

  test('shows this very process with its memory', async () => {
    const [own] = await readProcessTree(process.pid);
    expect(own).toMatchObject({ pid: process.pid, parentPid: process.ppid });
    expect(own?.residentBytes).toBeGreaterThan(10_000_000);
    expect(own?.cpuSeconds).toBeGreaterThan(0);
  });
});

describe('useBetween', () => {
  test('gives processor time as a share of one core, for each and for all', () => {
    const before = [sample({ pid: 1, cpuSeconds: 10 }), sample({ pid: 2, cpuSeconds: 5 })];
    const after = [
      sample({ pid: 1, cpuSeconds: 10.1, residentBytes: 100 }),
      sample({ pid: 2, cpuSeconds: 9, residentBytes: 50 }),
    ];
    const use = useBetween(before, after, 2);
    expect(use.cpuPercent).toBeCloseTo(205, 6);
    expect(use.residentBytes).toBe(150);
    expect(use.processes.map(({ cpuPercent }) => Math.round(cpuPercent))).toEqual([5, 200]);
  });

  test('counts a process that began in between with all of its time', () => {
    const use = useBetween(
      [sample({ pid: 1 })],
      [sample({ pid: 1 }), sample({ pid: 2, cpuSeconds: 0.5 })],
      1,
    );
    expect(use.cpuPercent).toBeCloseTo(50, 6);
    expect(use.processes[1]?.cpuPercent).toBeCloseTo(50, 6);
  });

  test('counts a process that ended in between only with what it used in between', () => {
    const before = [sample({ pid: 1, cpuSeconds: 1 }), sample({ pid: 2, cpuSeconds: 30 })];
    const after = [sample({ pid: 1, cpuSeconds: 1, endedChildrenCpuSeconds: 30.2 })];
    const use = useBetween(before, after, 1);
    expect(use.cpuPercent).toBeCloseTo(20, 6);
    expect(use.processes).toHaveLength(1);
  });
});

describe('measureTree', () => {
  test('looks twice at a real process', async () => {
    const use = await measureTree(process.pid, 20);
    expect(use.processes[0]).toMatchObject({ pid: process.pid });
    expect(use.cpuPercent).toBeGreaterThanOrEqual(0);
    expect(use.residentBytes).toBeGreaterThan(0);
  });
});
