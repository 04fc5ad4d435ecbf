import { writeFile } from 'node:fs/promises';

import type { Client } from '@temporalio/client';
import type pg from 'pg';

import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import type { Generation } from '../../dev/simulator/generations.ts';
import type { PlayedRemediation } from '../../dev/simulator/play.ts';
import { runSimulator } from '../../dev/simulator/simulator.ts';
import type { Branch } from '../../dev/simulator/stories.ts';
import { branchesOf } from '../../dev/simulator/stories.ts';
import { readConfig } from '../../src/config/config.ts';
import { HOUR_MS } from '../../src/domain/time.ts';
import { connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import type { TemporalAccess } from '../../src/temporal/connection.ts';
import { remediationWorkflowId } from '../../src/temporal/identifiers.ts';
import { createRemediationSignals } from '../../src/temporal/remediation-signals.ts';
import { startWatcher } from '../../src/watcher/start-watcher.ts';
import type { RunningWatcher } from '../../src/watcher/watcher-options.ts';
import type { MeasuredRun } from './runs.ts';
import { measureRuns } from './runs.ts';
import { until } from './until.ts';

/** What recording one simulated remediation came to, all runs of its workflow together. */
export interface StoryCost {
  readonly branch: Branch;
  /** Entries in the ledger. */
  readonly observations: number;
  readonly signals: number;
  readonly activities: number;
  readonly events: number;
  readonly stateTransitions: number;
  readonly actions: number;
  readonly historySize: number;
}

export interface StoryCostsOptions {
  readonly access: TemporalAccess;
  readonly client: Client;
  /** Where the product's worker runs already, with the product's activities. */
  readonly taskQueue: string;
  /** Reads the ledger. */
  readonly database: pg.Pool;
  /** Of the kubeconfig. */
  readonly file: string;
  /** How many times faster than life. What gathers observations is faster by as much, so that as many gather. */
  readonly speed: number;
  /** Default: all that the generation knows. */
  readonly branches?: readonly Branch[];
  readonly generation?: Generation;
}

const CLUSTER = 'story-costs';
const SEED = 21;
const LIFE = readConfig({ DATABASE_URL: 'postgres://nobody@127.0.0.1/nothing' }).watcher;
/** Between two observations of one phase the workflow waits so long in life. */
const GATHER_SECONDS = 10;
const LATE_GRACE_SECONDS = 60;
const FLAP_MS = 60_000;
const LONGEST_LIFE_MS = 2 * HOUR_MS;
/** A busy machine needs more than the stories do. */
const MIN_DEADLINE_MS = 60_000;

/** Plays each story once, all at the same time, before the product's watcher; answers when every run has ended. */
export async function playStories(options: StoryCostsOptions): Promise<readonly StoryCost[]> {
  const { speed, generation = 'G3', branches = branchesOf(generation) } = options;
  await using sandbox = await startSandbox();
  await writeFile(options.file, sandbox.kubeconfig);
  const watcher = startAt(options);
  try {
    await until(() => watcher.isSynced(), 'the watcher has read its first lists');
    const { remediations } = await runSimulator({
      cluster: { url: sandbox.url, token: sandbox.token },
      ...{ seed: SEED, generation, branches, speed, burst: true },
      ...{ count: branches.length, concurrency: branches.length, flapMs: FLAP_MS / speed },
    });
    return await costsOf(remediations, options);
  } finally {
    await watcher.stop();
  }
}

function startAt({ client, taskQueue, file, speed }: StoryCostsOptions): RunningWatcher {
  const logger = createLogger('error', CLUSTER);
  return startWatcher({
    cluster: CLUSTER,
    namespaces: [],
    connection: connectCluster({ kubeconfig: file, context: '' }),
    signals: createRemediationSignals(client, {
      lateGraceSeconds: LATE_GRACE_SECONDS / speed,
      gatherSeconds: GATHER_SECONDS / speed,
      taskQueue,
    }),
    redactor: createRedactor(),
    timing: {
      ...LIFE.timing,
      gatherMs: LIFE.timing.gatherMs / speed,
      briefGatherMs: LIFE.timing.briefGatherMs / speed,
      coalesceMs: LIFE.timing.coalesceMs / speed,
    },
    listPageSize: LIFE.listPageSize,
    signalConcurrency: LIFE.signalConcurrency,
    logger,
    metrics: createMetrics().watcher,
  });
}

async function costsOf(
  remediations: readonly PlayedRemediation[],
  { access, client, taskQueue, database, speed }: StoryCostsOptions,
): Promise<readonly StoryCost[]> {
  const ids = remediations.map((played) => remediationWorkflowId({ cluster: CLUSTER, ...played }));
  const areOver = async (): Promise<boolean> =>
    (await Promise.all(ids.map((id) => isOver(client, id)))).every(Boolean);
  await until(areOver, 'every run has ended', MIN_DEADLINE_MS + LONGEST_LIFE_MS / speed);
  const runs = await measureRuns(access, taskQueue);
  const entries = await entriesOf(database);
  return remediations.map((played, index) => ({
    branch: played.branch,
    observations: entries.get(played.uid) ?? 0,
    ...sumOf(runs.filter(({ workflowId }) => workflowId === ids[index])),
  }));
}

async function isOver({ workflow }: Client, id: string): Promise<boolean> {
  return (await workflow.getHandle(id).describe()).status.name !== 'RUNNING';
}

async function entriesOf(database: pg.Pool): Promise<ReadonlyMap<string, number>> {
  const { rows } = await database.query<{ uid: string; count: number }>(
    `select remediation_uid as uid, count(*)::int as count
     from audit_ledger
     where cluster = $1::text
     group by remediation_uid`,
    [CLUSTER],
  );
  return new Map(rows.map(({ uid, count }) => [uid, count]));
}

function sumOf(runs: readonly MeasuredRun[]): Omit<StoryCost, 'branch' | 'observations'> {
  const sum = (count: 'signals' | 'activities' | 'events' | 'stateTransitions' | 'actions' | 'historySize') =>
    runs.reduce((total, run) => total + run[count], 0);
  return {
    signals: sum('signals'),
    activities: sum('activities'),
    events: sum('events'),
    stateTransitions: sum('stateTransitions'),
    actions: sum('actions'),
    historySize: sum('historySize'),
  };
}
