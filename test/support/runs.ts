import { Client, Connection } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
// A CommonJS module whose names node cannot see.
import proto from '@temporalio/proto';

import type { TemporalAccess } from '../../src/temporal/connection.ts';

const { HistoryEvent } = proto.temporal.api.history.v1;

/** A page of a long history is larger than the 4 MiB that gRPC takes by itself. */
const MAX_PAGE_BYTES = 256 * 1024 * 1024;

type Event = temporal.api.history.v1.IHistoryEvent;
/** One action each; a run that continues another one is started too. */
const BILLED = [
  'workflowExecutionStartedEventAttributes',
  'workflowExecutionSignaledEventAttributes',
  'workflowExecutionUpdateAcceptedEventAttributes',
  'upsertWorkflowSearchAttributesEventAttributes',
  'timerStartedEventAttributes',
  'startChildWorkflowExecutionInitiatedEventAttributes',
] as const satisfies readonly (keyof Event)[];

/** What a run's history came to. */
export interface MeasuredRun {
  readonly workflowId: string;
  readonly type: string;
  readonly status: string;
  readonly events: number;
  /** Bytes of its largest event, which holds the largest blob. */
  readonly largestEvent: number;
  readonly wasContinued: boolean;
  readonly activities: number;
  readonly signals: number;
  readonly stateTransitions: number;
  /** Bytes, as the server counts them against its limit. */
  readonly historySize: number;
  /** What Temporal Cloud bills: starts, signals, timers, attempts of activities, changes of search attributes, updates. */
  readonly actions: number;
}

/**
 * Every run of a task queue, or of one workflow of it and of what it started: those that were continued by another one
 * are included.
 */
export async function measureRuns(
  access: TemporalAccess,
  taskQueue: string,
  workflowId = '',
): Promise<MeasuredRun[]> {
  const connection = await Connection.connect({
    ...access.connectionOptions,
    channelArgs: { 'grpc.max_receive_message_length': MAX_PAGE_BYTES },
  });
  try {
    const client = new Client({ connection, namespace: access.namespace });
    const runs: MeasuredRun[] = [];
    const query = `TaskQueue = '${taskQueue}' AND WorkflowId STARTS_WITH '${workflowId}'`;
    for await (const { workflowId: id, runId } of client.workflow.list({ query }))
      runs.push(await measureRun(client, id, runId));
    return runs;
  } finally {
    await connection.close();
  }
}

async function measureRun({ workflow }: Client, workflowId: string, runId: string): Promise<MeasuredRun> {
  const handle = workflow.getHandle(workflowId, runId);
  const { status, type, raw } = await handle.describe();
  const { events } = await handle.fetchHistory();
  const all = events ?? [];
  const count = (isCounted: (event: (typeof all)[number]) => unknown): number =>
    all.filter((event) => Boolean(isCounted(event))).length;
  return {
    workflowId,
    type,
    status: status.name,
    events: all.length,
    largestEvent: Math.max(...all.map((event) => HistoryEvent.encode(event).finish().length)),
    wasContinued: count((event) => event.workflowExecutionContinuedAsNewEventAttributes) > 0,
    activities: count((event) => event.activityTaskScheduledEventAttributes),
    signals: count((event) => event.workflowExecutionSignaledEventAttributes),
    stateTransitions: Number(raw.workflowExecutionInfo?.stateTransitionCount ?? 0),
    historySize: Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0),
    actions: all.reduce((sum, event) => sum + actionsOf(event), 0),
  };
}

/** An activity that is retried has one event in the end, with the number of its attempts. */
function actionsOf(event: Event): number {
  const attempts = event.activityTaskStartedEventAttributes?.attempt ?? 0;
  const isBilled = BILLED.some((attributes) => Boolean(event[attributes]));
  return isBilled ? 1 : attempts;
}
