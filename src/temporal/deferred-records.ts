import type { Client } from '@temporalio/client';

import { utf8Length } from '../domain/bounds.ts';
import type { Observation } from '../domain/observation.ts';
import { definitionOf } from '../domain/records/index.ts';
import { contentOf, recordId } from '../identity/identities.ts';
import { RECORD_DEFERRED } from '../workflows/messages.ts';
import { RECORDING_QUEUE } from './identifiers.ts';

/** The sources' client gives up after 5 s, and the database was tried before. */
const START_DEADLINE_MS = 2_000;

/** Half of what Temporal takes in one payload: the observation is the input of the workflow and of its activity. */
const MAX_DEFERRED_BYTES = 1024 * 1024;

/** Temporal would refuse it, now and always. */
export class ObservationTooLargeError extends Error {
  readonly sizeBytes: number;

  constructor(sizeBytes: number) {
    super(`an observation of ${sizeBytes} bytes cannot wait in Temporal, which takes ${MAX_DEFERRED_BYTES}`);
    this.name = 'ObservationTooLargeError';
    this.sizeBytes = sizeBytes;
  }
}

/** The way round a database that is away: records wait in Temporal, each in a workflow of its own. */
export interface DeferredRecords {
  /** Resolves when the observation is durable in Temporal. The same one again joins the workflow that is there. */
  defer(observation: Observation): Promise<void>;
  /** Rejects when Temporal does not answer. */
  ping(): Promise<void>;
}

interface DeferredRecordsOptions {
  /** Longest wait for Temporal, in milliseconds. Default 2,000. */
  readonly deadlineMs?: number;
  /** Default: the recording queue. */
  readonly taskQueue?: string;
}

export function createDeferredRecords(client: Client, options: DeferredRecordsOptions = {}): DeferredRecords {
  const { deadlineMs = START_DEADLINE_MS, taskQueue = RECORDING_QUEUE } = options;
  return {
    async defer(observation) {
      const sizeBytes = utf8Length(JSON.stringify(observation));
      if (sizeBytes > MAX_DEFERRED_BYTES) throw new ObservationTooLargeError(sizeBytes);
      await client.withDeadline(Date.now() + deadlineMs, () =>
        client.workflow.start(RECORD_DEFERRED, {
          workflowId: deferredWorkflowId(observation),
          taskQueue,
          args: [[observation]],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `${observation.table}, posted`,
        }),
      );
    },
    async ping() {
      const { namespace } = client.options;
      await client.withDeadline(Date.now() + deadlineMs, () =>
        client.workflowService.describeNamespace({ namespace }),
      );
    },
  };
}

/** One per record and content: a post that is repeated finds its own, another post of the same record does not. */
export function deferredWorkflowId(observation: Observation): string {
  const { table, cluster, key } = observation;
  const { contentHash } = contentOf(definitionOf(table), observation);
  return `deferred/${table}/${recordId(table, cluster, key)}/${contentHash.toString('hex')}`;
}
