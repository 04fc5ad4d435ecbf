import type { ClusterObjects } from './cluster-objects.ts';
import { EXECUTIONS, referenceTo, REMEDIATIONS } from './cluster-objects.ts';
import type { Branch, RemediationPlan } from './plan.ts';
import type { ObjectReference } from './remediation-request.ts';
import {
  analyzingStatus,
  executingStatus,
  executionFailedStatus,
  processingStatus,
  receivedStatus,
  remediatedStatus,
  remediationRequest,
  verifyingStatus,
} from './remediation-request.ts';
import {
  acceptedStatus,
  completedStatus,
  executionName,
  failedStatus,
  runningStatus,
  workflowExecution,
} from './workflow-execution.ts';

/** What a remediation is played on. */
export interface Stage {
  objects: ClusterObjects;
  /** Lets so many milliseconds of the play pass; rejects when the run is aborted. */
  pass: (ms: number) => Promise<void>;
  /** Milliseconds since the epoch. */
  now: () => number;
  retentionMs: number;
  labels: Readonly<Record<string, string>>;
}

/** What was written, for whoever compares it with what was seen. */
export interface PlayedRemediation {
  name: string;
  namespace: string;
  uid: string;
  branch: Branch;
  /** The last phase written. */
  phase: string;
  outcome?: string;
  execution?: { name: string; uid: string; phase: string };
  /** The play came to its end. */
  finished: boolean;
  /** The retention, or somebody else, has taken it away again. */
  deleted: boolean;
}

const EXECUTION_DEADLINE_MS = 30 * 60_000;
const VERIFICATION_DEADLINE_MS = 30 * 60_000;

/** Begins a remediation; undefined when its name is taken. */
export async function openRemediation(
  plan: RemediationPlan,
  stage: Stage,
): Promise<PlayedRemediation | undefined> {
  const body = remediationRequest(plan, stage.labels, timeAfter(stage));
  const created = await stage.objects.create(REMEDIATIONS, body);
  if (!created) return undefined;
  const { name, namespace, uid } = created.metadata;
  return { name, namespace, uid, branch: plan.branch, phase: 'Pending', finished: false, deleted: false };
}

/**
 * Plays an opened remediation to its end, or until somebody deletes it: that is how one is cancelled.
 * `record` is kept current, so that it is true whenever the play is cut short.
 */
export async function playRemediation(
  plan: RemediationPlan,
  record: PlayedRemediation,
  stage: Stage,
): Promise<void> {
  try {
    await playPhases(plan, record, stage);
    record.finished = true;
  } catch (error: unknown) {
    if (!(error instanceof DeletedMeanwhile)) throw error;
    record.deleted = error.plural === REMEDIATIONS;
  }
}

/** What is being played is no longer there. */
class DeletedMeanwhile extends Error {
  readonly plural: string;

  constructor(plural: string, name: string) {
    super(`${plural} ${name} was deleted while it was played`);
    this.name = 'DeletedMeanwhile';
    this.plural = plural;
  }
}

async function playPhases(plan: RemediationPlan, record: PlayedRemediation, stage: Stage): Promise<void> {
  const { durations, branch } = plan;
  await enter(record, stage, 'Pending', receivedStatus(timeAfter(stage)));
  await stage.pass(durations.pending);
  await enter(record, stage, 'Processing', processingStatus(timeAfter(stage)));
  await stage.pass(durations.processing);
  await enter(record, stage, 'Analyzing', analyzingStatus(timeAfter(stage)));
  await stage.pass(durations.analyzing);
  await execute(plan, record, stage);
  await ENDINGS[branch](plan, record, stage);
}

type Ending = (plan: RemediationPlan, record: PlayedRemediation, stage: Stage) => Promise<void>;

const ENDINGS: Record<Branch, Ending> = {
  remediated: async (plan, record, stage) => {
    await enter(record, stage, 'Verifying', verifyingStatus(timeAfter(stage, VERIFICATION_DEADLINE_MS)));
    await stage.pass(plan.durations.verifying);
    await enter(
      record,
      stage,
      'Completed',
      remediatedStatus(timeAfter(stage), timeAfter(stage, stage.retentionMs)),
    );
    record.outcome = 'Remediated';
  },
  'execution-failed': async (plan, record, stage) => {
    const { message } = plan.scenario.failure;
    const times = [timeAfter(stage), timeAfter(stage, stage.retentionMs)] as const;
    await enter(record, stage, 'Failed', executionFailedStatus(message, ...times));
  },
};

async function execute(plan: RemediationPlan, record: PlayedRemediation, stage: Stage): Promise<void> {
  const remediation: ObjectReference = {
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'RemediationRequest',
    name: record.name,
    namespace: record.namespace,
    uid: record.uid,
  };
  const deadline = timeAfter(stage, EXECUTION_DEADLINE_MS);
  const body = workflowExecution(plan, remediation, stage.labels, deadline);
  const created = await stage.objects.create(EXECUTIONS, body);
  if (!created)
    throw new Error(`the simulator cannot create ${executionName(record.name)}: the name is taken`);
  record.execution = { name: created.metadata.name, uid: created.metadata.uid, phase: 'Pending' };
  await enter(record, stage, 'Executing', executingStatus(plan, referenceTo(created), timeAfter(stage)));
  await runTasks(plan, record.execution, stage);
}

/** The tasks share the time evenly; the one that fails uses up its share. */
async function runTasks(
  plan: RemediationPlan,
  execution: { name: string; phase: string },
  stage: Stage,
): Promise<void> {
  const { workflow, failure } = plan.scenario;
  const isFailing = plan.branch === 'execution-failed';
  const tasks = isFailing ? failure.taskIndex + 1 : workflow.tasks.length;
  const update = async (phase: string, status: object): Promise<void> => {
    const isThere = await stage.objects.patchStatus(EXECUTIONS, execution.name, status);
    if (!isThere) throw new DeletedMeanwhile(EXECUTIONS, execution.name);
    execution.phase = phase;
  };
  await update('Pending', acceptedStatus());
  await stage.pass(plan.durations.pending);
  const startTime = timeAfter(stage);
  for (let completed = 0; completed < tasks; completed += 1) {
    await update('Running', runningStatus(plan, startTime, completed));
    await stage.pass(plan.durations.executing / tasks);
  }
  const end = isFailing ? failedStatus : completedStatus;
  await update(isFailing ? 'Failed' : 'Completed', end(plan, startTime, timeAfter(stage)));
}

async function enter(record: PlayedRemediation, stage: Stage, phase: string, status: object): Promise<void> {
  const isThere = await stage.objects.patchStatus(REMEDIATIONS, record.name, status);
  if (!isThere) throw new DeletedMeanwhile(REMEDIATIONS, record.name);
  record.phase = phase;
}

/** Whole seconds, as controllers write them. */
const timeAfter = ({ now }: Stage, ms = 0): string =>
  new Date(now() + ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
