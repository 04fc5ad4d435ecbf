import type { WorkflowHandle } from '@temporalio/client';

import { createEmbeddingActivities } from '../../src/activities/embedding.ts';
import { createReceiver } from '../../src/activities/receive-observation.ts';
import { createRecordingActivities, createVerdictActivities } from '../../src/activities/recording.ts';
import type { AuditActivities, RecordingActivities, VerdictQuestion } from '../../src/activities/types.ts';
import { createEmbeddingStore } from '../../src/database/embeddings/embedding-store.ts';
import { createVerdictReader } from '../../src/database/reading/remediation-reader.ts';
import { createBatcher } from '../../src/database/recording/batcher.ts';
import { createQuarantine } from '../../src/database/recording/quarantine.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { ACTIVITY_BY_PHASE, AUDIT_PHASES } from '../../src/domain/observation.ts';
import type { Embedder } from '../../src/embedding/embedder.ts';
import { createOfflineEmbedder } from '../../src/embedding/offline-embedder.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import type { TemporalAccess } from '../../src/temporal/connection.ts';
import type { RemediationSignalOptions } from '../../src/temporal/remediation-signals.ts';
import { createRemediationSignals } from '../../src/temporal/remediation-signals.ts';
import type { RunningWorker } from '../../src/worker/start-worker.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import type { PlayedRemediation } from './remediations.ts';
import { playRemediation } from './remediations.ts';
import { connectTestTemporal, type TestTemporal } from './temporal.ts';

const offline = createOfflineEmbedder();

/** What a test may put in the way of the activities. */
export interface Hooks {
  /** Runs before every recording; a rejection is a failed attempt. */
  beforeRecording: (observation: Observation) => Promise<void>;
  embed: Embedder['embed'];
}

/** A worker on a database of its own, and remediations to play on it. */
export interface RecordingStage {
  readonly database: TestDatabase;
  readonly temporal: TestTemporal;
  readonly hooks: Hooks;
  readonly model: string;
  newRemediation(options?: Partial<RemediationSignalOptions>): PlayedRemediation;
  handleOf(remediation: PlayedRemediation): WorkflowHandle;
  /** Resolves when the newest run has closed; rejects when it failed. */
  closed(remediation: PlayedRemediation): Promise<void>;
  statusOf(remediation: PlayedRemediation): Promise<string>;
  /** Phase and number of accepted observations of the executions recorded. */
  executions(remediation: PlayedRemediation): Promise<Record<string, unknown>[]>;
  startWorker(): Promise<RunningWorker>;
  /** What the worker serves, for one that a test starts in its own way. */
  activities(): AuditActivities;
  /** A further worker on the same queue, with a hook of its own; the caller stops it. */
  startAnother(beforeRecording: Hooks['beforeRecording']): Promise<RunningWorker>;
  /** Ends the worker that runs and leaves none. */
  stopWorker(): Promise<void>;
  close(): Promise<void>;
}

export async function openRecordingStage(
  options: Partial<RemediationSignalOptions> = {},
  access: Partial<TemporalAccess> = {},
): Promise<RecordingStage> {
  const [database, temporal] = await Promise.all([createTestDatabase(), connectTestTemporal(access)]);
  const { client, taskQueue } = temporal;
  const hooks: Hooks = {
    beforeRecording: () => Promise.resolve(),
    embed: (texts) => offline.embed(texts),
  };
  let worker: RunningWorker | undefined;
  const handleOf = ({ workflowId }: PlayedRemediation): WorkflowHandle =>
    client.workflow.getHandle(workflowId);
  const stage: RecordingStage = {
    database,
    temporal,
    hooks,
    model: offline.model,
    newRemediation: (own) => {
      const given = { lateGraceSeconds: 1, taskQueue, ...options, ...own };
      return playRemediation(createRemediationSignals(client, given));
    },
    handleOf,
    closed: async (remediation) => {
      await handleOf(remediation).result();
    },
    statusOf: async (remediation) => (await handleOf(remediation).describe()).status.name,
    executions: async ({ name }) => {
      const { rows } = await database.owner.query<Record<string, unknown>>(
        'select phase, revision from workflow_execution_audit where remediation_uid = $1::text order by 1',
        [name.uid],
      );
      return rows;
    },
    activities: () => stageActivities(database, hooks),
    startWorker: async () => {
      worker = await temporal.startWorker(stageActivities(database, hooks));
      return worker;
    },
    startAnother: (beforeRecording) =>
      temporal.startWorker(stageActivities(database, { ...hooks, beforeRecording })),
    stopWorker: async () => {
      await worker?.stop();
      worker = undefined;
    },
    close: async () => {
      await stage.stopWorker();
      await Promise.all([temporal.close(), database.close()]);
    },
  };
  await stage.startWorker();
  return stage;
}

/** The product's own activities, which a test may interrupt. */
function stageActivities(database: TestDatabase, hooks: Hooks): AuditActivities {
  const batcher = createBatcher({ store: createRecordStore(database.writer) });
  const metrics = createMetrics();
  const verdicts = createVerdictReader(database.writer);
  const recording = createRecordingActivities({
    record: (observations) => batcher.recordAll(observations),
    receive: createReceiver({ redactor: createRedactor(), metrics }),
    quarantine: createQuarantine(database.writer),
    verdicts,
    metrics,
  });
  const interruptible = AUDIT_PHASES.map((phase) => ACTIVITY_BY_PHASE[phase]).map((name) => [
    name,
    async (observations: readonly Observation[], question?: VerdictQuestion) => {
      for (const observation of observations) await hooks.beforeRecording(observation);
      return recording[name](observations, question);
    },
  ]);
  return {
    ...(Object.fromEntries(interruptible) as RecordingActivities),
    ...createVerdictActivities(verdicts),
    ...createEmbeddingActivities({
      store: createEmbeddingStore(database.writer),
      embedder: { ...offline, embed: (texts) => hooks.embed(texts) },
      logger: createLogger('silent', 'test'),
      metrics,
    }),
  };
}
