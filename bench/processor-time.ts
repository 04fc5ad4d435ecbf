import { SECOND_MS } from '../src/domain/time.ts';
import type { Figure, Measure } from './harness.ts';
import { summarise } from './harness.ts';
import { type ProcessSample, readProcessTree } from './process-tree.ts';

/** What this process calls itself differs from one Node to the next. */
const THIS_PROCESS = 'worker and sender';
export const ALL = 'all processes';

/** Milliseconds of processor time by the name of the process, for each run. */
export type ProcessorTime = ReadonlyMap<string, number>;

/** What the work takes of this process and of the servers it started, which must live as long as the work. */
export async function processorTimeOf(work: () => Promise<unknown>): Promise<ProcessorTime> {
  const before = timeByName(await readProcessTree(process.pid));
  await work();
  const after = timeByName(await readProcessTree(process.pid));
  return new Map([...after].map(([name, ms]) => [name, ms - (before.get(name) ?? 0)]));
}

function timeByName(tree: readonly ProcessSample[]): Map<string, number> {
  const times = new Map<string, number>([[ALL, 0]]);
  for (const { pid, name, cpuSeconds, endedChildrenCpuSeconds } of tree) {
    const shown = pid === process.pid ? THIS_PROCESS : name;
    const ms = (cpuSeconds + endedChildrenCpuSeconds) * SECOND_MS;
    for (const key of [shown, ALL]) times.set(key, (times.get(key) ?? 0) + ms);
  }
  return times;
}

/** Per unit of work, for each process that took some; the ratio holds on a busy machine where a rate does not. */
export function processorFigures(
  { bench, unit }: Pick<Measure, 'bench' | 'unit'>,
  units: number,
  { ours, ceiling }: { readonly ours: readonly ProcessorTime[]; readonly ceiling: readonly ProcessorTime[] },
): readonly Figure[] {
  const names = [...(ours[0]?.keys() ?? [])];
  const spent = (runs: readonly ProcessorTime[], name: string): number[] =>
    runs.map((times) => (times.get(name) ?? 0) / units);
  return names.map((name) => {
    const measure = { bench, metric: `processor time per observation, ${name}`, unit };
    const least = spent(ceiling, name);
    // A database that the ceiling does not use has no share in it.
    return least.every((ms) => ms > 0)
      ? summarise(measure, spent(ours, name), least)
      : summarise(measure, spent(ours, name));
  });
}
