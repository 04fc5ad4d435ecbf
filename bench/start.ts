import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { until } from '../test/support/until.ts';
import { type RunningUp, startProgram, startUp } from '../test/support/up.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { summarise } from './harness.ts';
import type { TreeUse } from './process-tree.ts';
import { measureTree } from './process-tree.ts';

const BENCH = 'start';
/** Long enough for timers that fire once a minute not to decide, short enough to sit through. */
const IDLE_WINDOW_MS = 10_000;
const SHORT_WINDOW_MS = 1_000;
const MIB = 1024 * 1024;
/** What a deployment runs, each in a container of its own. */
const SERVICES = ['watch', 'work', 'serve'] as const;

export const startBench: Bench = {
  name: BENCH,
  question: 'How long does `up` take from warm caches to ready, and what do it and each service cost idle?',
  rowsAre: 'starts',
  defaultRows: 5,
  run,
};

/** Each start is the second one on its data: the first one creates the database, which happens once in a lifetime. */
async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  const readySeconds: number[] = [];
  const idlePercent: number[] = [];
  const memory = new Map<string, number[]>();
  const alone: IdleService[] = [];
  for (let start = 1; start <= rows; start += 1) {
    const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-bench-'));
    try {
      await (await startUp(dataDir, ['--no-simulator'])).stop();
      const startedAt = performance.now();
      const up = await startUp(dataDir, ['--no-simulator']);
      readySeconds.push((performance.now() - startedAt) / 1_000);
      const windowMs = rows === 1 ? SHORT_WINDOW_MS : IDLE_WINDOW_MS;
      const use = await measureTree(up.pid, windowMs);
      for (const service of SERVICES) alone.push(await measureAlone(service, up, { dataDir, windowMs }));
      await up.stop();
      idlePercent.push(use.cpuPercent);
      for (const [name, bytes] of residentByName(use))
        memory.set(name, [...(memory.get(name) ?? []), bytes / MIB]);
      report(`start ${start} of ${rows}: ready after ${readySeconds.at(-1)?.toFixed(1) ?? ''} s`);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  }
  return [
    summarise({ bench: BENCH, metric: 'ready', unit: 's' }, readySeconds),
    summarise({ bench: BENCH, metric: 'idle CPU', unit: '% of one core' }, idlePercent),
    ...[...memory].map(([name, samples]) =>
      summarise({ bench: BENCH, metric: `memory of ${name}`, unit: 'MiB' }, samples),
    ),
    ...SERVICES.flatMap((service) => figuresOf(alone.filter((one) => one.service === service))),
  ];
}

interface IdleService {
  readonly service: (typeof SERVICES)[number];
  readonly cpuPercent: number;
  readonly residentMib: number;
}

/** One service as a process of its own, beside what `up` runs. */
async function measureAlone(
  service: IdleService['service'],
  { endpoints }: RunningUp,
  { dataDir, windowMs }: { readonly dataDir: string; readonly windowMs: number },
): Promise<IdleService> {
  const program = startProgram([service], {
    env: {
      DATABASE_URL: endpoints.postgres,
      DATABASE_READER_URL: endpoints.postgres,
      TEMPORAL_ADDRESS: endpoints.temporal,
      KUBECONFIG: join(dataDir, 'sandbox/kubeconfig'),
      REMEDIATION_AUDIT_API_PORT: '0',
      REMEDIATION_AUDIT_WORKER_METRICS_PORT: '0',
      REMEDIATION_AUDIT_WATCHER_METRICS_PORT: '0',
    },
  });
  try {
    await until(() => program.output().includes('"msg":"started"'), `${service} has started`);
    // The first window has what a start leaves behind.
    await measureTree(program.child.pid ?? 0, windowMs);
    const { cpuPercent, processes } = await measureTree(program.child.pid ?? 0, windowMs);
    const bytes = processes.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
    return { service, cpuPercent, residentMib: bytes / MIB };
  } finally {
    program.child.kill('SIGTERM');
    await program.exited;
  }
}

function figuresOf(samples: readonly IdleService[]): readonly Figure[] {
  const metric = (what: string): string => `\`${samples[0]?.service ?? ''}\` alone, ${what}`;
  return [
    summarise(
      { bench: BENCH, metric: metric('idle CPU'), unit: '% of one core' },
      samples.map(({ cpuPercent }) => cpuPercent),
    ),
    summarise(
      { bench: BENCH, metric: metric('memory'), unit: 'MiB' },
      samples.map(({ residentMib }) => residentMib),
    ),
  ];
}

/** PostgreSQL is a dozen processes: their memory is added up, shared pages counted in each. */
function residentByName({ processes }: TreeUse): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { name, residentBytes } of processes) sums.set(name, (sums.get(name) ?? 0) + residentBytes);
  return sums;
}
