import type { Random } from './random.ts';
import type { RunningProgram } from './up.ts';
import { startProgram } from './up.ts';

/** `work` as processes of its own, of which some are killed; whatever ends is started again, as a cluster would. */
export interface WorkerProcesses extends AsyncDisposable {
  /** SIGKILL for one of them. */
  killOne(random: Random): void;
  /** How many were started so far. */
  started(): number;
  /** What all of them wrote. */
  output(): string;
}

export function runWorkerProcesses(count: number, env: Readonly<Record<string, string>>): WorkerProcesses {
  const all: RunningProgram[] = [];
  const alive = new Set<RunningProgram>();
  const ends: Promise<void>[] = [];
  let stopping = false;
  const start = (): void => {
    const worker = startProgram(['work'], { env });
    all.push(worker);
    alive.add(worker);
    ends.push(
      worker.exited.then(() => {
        alive.delete(worker);
        if (!stopping) start();
      }),
    );
  };
  for (let index = 0; index < count; index += 1) start();
  return {
    killOne: (random) => {
      random.pick([...alive]).child.kill('SIGKILL');
    },
    started: () => all.length,
    output: () => all.map((worker) => worker.output()).join(''),
    [Symbol.asyncDispose]: async () => {
      stopping = true;
      for (const worker of alive) worker.child.kill('SIGTERM');
      await Promise.all(ends);
    },
  };
}
