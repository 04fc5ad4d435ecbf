import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';

import { RECORDING_QUEUE } from './identifiers.ts';

const CALL_DEADLINE_MS = 5_000;
/** The server remembers a poller for minutes: more frequent queries return nothing new. */
const ANSWER_HOLDS_MS = 10_000;

interface RecordingPollersOptions {
  /** Default: the recording queue. */
  readonly taskQueue?: string;
}

/** Whether any worker polled the queue for workflow tasks in the last minutes: so long the server remembers one. */
export async function isPolled(client: Client, taskQueue: string): Promise<boolean> {
  const { pollers } = await client.withDeadline(Date.now() + CALL_DEADLINE_MS, () =>
    client.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name: taskQueue },
      taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    }),
  );
  return pollers.length > 0;
}

/** Asks whether any worker polls the recording queue; undefined when the server does not answer. */
export function createRecordingPollers(
  client: Client,
  { taskQueue = RECORDING_QUEUE }: RecordingPollersOptions = {},
): () => Promise<boolean | undefined> {
  let answer: { readonly polled: Promise<boolean | undefined>; readonly askedAt: number } | undefined;
  const ask = async (): Promise<boolean | undefined> => {
    try {
      return await isPolled(client, taskQueue);
    } catch {
      // It only makes the reason of a failure more precise, and that failure is reported all the same.
      return undefined;
    }
  };
  return () => {
    if (answer === undefined || performance.now() - answer.askedAt > ANSWER_HOLDS_MS)
      answer = { polled: ask(), askedAt: performance.now() };
    return answer.polled;
  };
}
