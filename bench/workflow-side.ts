import { createReceiver } from '../src/activities/receive-observation.ts';
import { createRecordingActivities, createVerdictActivities } from '../src/activities/recording.ts';
import type { AuditActivities, RecordingActivities } from '../src/activities/types.ts';
import { createPool } from '../src/database/pool.ts';
import { createVerdictReader } from '../src/database/reading/remediation-reader.ts';
import { createBatcher } from '../src/database/recording/batcher.ts';
import { createQuarantine } from '../src/database/recording/quarantine.ts';
import { createRecordStore } from '../src/database/recording/record-store.ts';
import type { Observation } from '../src/domain/observation.ts';
import { ACTIVITY_BY_PHASE, AUDIT_PHASES } from '../src/domain/observation.ts';
import type { Logger } from '../src/observability/logger.ts';
import { createMetrics } from '../src/observability/metrics.ts';
import { createRedactor } from '../src/redaction/redactor.ts';
import type { TemporalAccess } from '../src/temporal/connection.ts';
import { connectTemporal } from '../src/temporal/connection.ts';
import { createRemediationSignals } from '../src/temporal/remediation-signals.ts';
import type { RunningWorker } from '../src/worker/start-worker.ts';
import { startWorker } from '../src/worker/start-worker.ts';
import type { PlayedRemediation } from '../test/support/remediations.ts';
import { playRemediation } from '../test/support/remediations.ts';

/** The product's workflow with a worker and a queue of its own. */
export interface WorkflowSide extends AsyncDisposable {
  newRemediation(): PlayedRemediation;
  /** Resolves when the activity of an observation that is sent from now on has done its work. */
  recorded(observation: Observation): Promise<void>;
}

type Record = RecordingActivities['recordAction'];

export interface SideOptions {
  readonly access: TemporalAccess;
  readonly taskQueue: string;
  readonly activities: AuditActivities;
}

export async function openSide(options: SideOptions): Promise<WorkflowSide> {
  const side = await openWaitingSide(options);
  await side.begin();
  return side;
}

/** One whose signals wait. */
export interface WaitingSide extends WorkflowSide {
  /** Resolves when the worker takes what waits. */
  begin(): Promise<void>;
}

export async function openWaitingSide({ access, taskQueue, activities }: SideOptions): Promise<WaitingSide> {
  const { client, close } = await connectTemporal(access);
  const waiting = new Map<string, () => void>();
  let worker: RunningWorker | undefined;
  // No grace: a run that is done makes room for the next one.
  const signals = createRemediationSignals(client, { lateGraceSeconds: 0, taskQueue });
  return {
    newRemediation: () => playRemediation(signals, { cluster: 'bench' }),
    recorded: (observation) =>
      new Promise<void>((resolve) => {
        waiting.set(nameOf(observation), resolve);
      }),
    begin: async () => {
      worker = await startWorker({
        temporal: access,
        queues: [{ taskQueue, activities: announcing(activities, waiting) }],
        shutdownGraceSeconds: 1,
      });
    },
    [Symbol.asyncDispose]: async () => {
      await worker?.stop();
      await close();
    },
  };
}

/** The product's activities on a database: what `work` runs. */
export function storingActivities(url: string, logger: Logger): AuditActivities & AsyncDisposable {
  const pool = createPool({
    connectionString: url,
    applicationName: 'bench',
    pipeline: true,
    statementTimeoutMs: 10_000,
    logger,
  });
  const batcher = createBatcher({ store: createRecordStore(pool) });
  const verdicts = createVerdictReader(pool);
  const metrics = createMetrics();
  return {
    ...createRecordingActivities({
      record: (observations) => batcher.recordAll(observations),
      receive: createReceiver({ redactor: createRedactor(), metrics }),
      quarantine: createQuarantine(pool),
      verdicts,
      metrics,
    }),
    ...createVerdictActivities(verdicts),
    embedInvestigation: () => Promise.resolve('unchanged'),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

function announcing(activities: AuditActivities, waiting: Map<string, () => void>): AuditActivities {
  const recording = forEveryPhase((name) => async (observations, question) => {
    const recorded = await activities[name](observations, question);
    for (const key of observations.map(nameOf)) {
      waiting.get(key)?.();
      waiting.delete(key);
    }
    return recorded;
  });
  const { readVerdict, embedInvestigation } = activities;
  return { ...recording, readVerdict, embedInvestigation };
}

function forEveryPhase(create: (name: keyof RecordingActivities) => Record): RecordingActivities {
  const names = AUDIT_PHASES.map((phase) => ACTIVITY_BY_PHASE[phase]);
  return Object.fromEntries(names.map((name) => [name, create(name)])) as RecordingActivities;
}

function nameOf({ table, key, phase, sourceVersion }: Observation): string {
  return `${table}/${key}/${phase}/${sourceVersion}`;
}
