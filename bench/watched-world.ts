import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type pg from 'pg';

import type { Sandbox } from '../dev/sandbox/sandbox.ts';
import { startSandbox } from '../dev/sandbox/sandbox.ts';
import { createPool } from '../src/database/pool.ts';
import { programFlags } from '../test/support/repository.ts';
import type { StartedServers } from '../test/support/started-servers.ts';
import { withServers } from '../test/support/started-servers.ts';
import { until } from '../test/support/until.ts';
import type { RunningProgram } from '../test/support/up.ts';
import { startProgram } from '../test/support/up.ts';
import type { BenchOptions } from './bench.ts';
import { readProcessTree } from './process-tree.ts';

const CLUSTER = 'bench';
const START_DEADLINE_MS = 60_000;

/** Of the product, and of what it stands on. */
export const PROCESSES = ['watch', 'work', 'temporal', 'postgres'] as const;

export interface WorldOptions extends Pick<BenchOptions, 'report'> {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * A cluster in this process, and the product as it is deployed: `watch`, `work`, Temporal and PostgreSQL as processes of
 * their own, with their settings as they are unless the bench says otherwise.
 */
export interface WatchedWorld extends StartedServers {
  readonly sandbox: Sandbox;
  /** When the cluster took each version of a resource, in milliseconds since the epoch. */
  readonly writtenAtMs: ReadonlyMap<string, number>;
  /** Reads what is recorded. */
  readonly reader: pg.Pool;
  /** Of each process, or of the first of several, by its name. */
  readonly pids: Readonly<Record<(typeof PROCESSES)[number], number>>;
}

export async function withWatchedWorld<T>(
  options: WorldOptions,
  work: (world: WatchedWorld) => Promise<T>,
): Promise<T> {
  const { name, report } = options;
  return withServers({ name, temporal: 'development', report }, async (servers) => {
    await using sandbox = await startSandbox();
    const writtenAtMs = new Map<string, number>();
    sandbox.store.subscribe(({ object }) => {
      writtenAtMs.set(object.metadata.resourceVersion, Date.now());
    });
    const programs = await startPrograms(servers, sandbox, options.env ?? {});
    const reader = createPool({
      connectionString: servers.database.ownerUrl,
      applicationName: name,
      statementTimeoutMs: 60_000,
      logger: servers.logger,
    });
    try {
      const pids = {
        watch: programs.watch.pid,
        work: programs.work.pid,
        temporal: servers.temporal.server.pid,
        postgres: servers.postgres.server.pid,
      };
      return await work({ ...servers, sandbox, writtenAtMs, reader, pids });
    } finally {
      await reader.end();
      await Promise.all(Object.values(programs).map(stop));
    }
  });
}

async function startPrograms(
  { folder, database, temporal }: StartedServers,
  sandbox: Sandbox,
  given: Readonly<Record<string, string>>,
): Promise<Readonly<Record<'watch' | 'work', RunningProgram>>> {
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.kubeconfig);
  const env = {
    DATABASE_URL: database.writerUrl,
    TEMPORAL_ADDRESS: temporal.address,
    KUBECONFIG: kubeconfig,
    REMEDIATION_AUDIT_CLUSTER: CLUSTER,
    REMEDIATION_AUDIT_WORKER_QUEUES: 'recording',
    REMEDIATION_AUDIT_WORKER_METRICS_PORT: '0',
    REMEDIATION_AUDIT_WATCHER_METRICS_PORT: '0',
    ...given,
  };
  const options = { env, flags: programFlags() };
  const asWatcher = { ...options, env: { ...env, DATABASE_URL: database.watcherUrl } };
  const programs = { watch: startProgram(['watch'], asWatcher), work: startProgram(['work'], options) };
  for (const [name, program] of Object.entries(programs)) await untilStarted(name, program);
  return programs;
}

async function untilStarted(name: string, program: RunningProgram): Promise<void> {
  const { child } = program;
  const isEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const isStarted = (): boolean => program.output().includes('"msg":"started"');
  await until(() => isStarted() || isEnded(), `${name} has started`, START_DEADLINE_MS);
  if (isEnded()) throw new Error(`${name} ended before it had started:\n${program.output()}`);
}

async function stop({ child, exited }: RunningProgram): Promise<void> {
  child.kill('SIGTERM');
  await exited;
}

/** That each has spent so far, with what it has started. */
export async function processorSeconds({ pids }: WatchedWorld): Promise<ReadonlyMap<string, number>> {
  return new Map(
    await Promise.all(
      PROCESSES.map(async (name) => {
        const tree = await readProcessTree(pids[name]);
        const seconds = tree.reduce(
          (sum, { cpuSeconds, endedChildrenCpuSeconds }) => sum + cpuSeconds + endedChildrenCpuSeconds,
          0,
        );
        return [name, seconds] as const;
      }),
    ),
  );
}
