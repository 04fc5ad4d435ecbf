import type { Client } from '@temporalio/client';

import type { Observation } from '../domain/observation.ts';
import type { RemediationAuditInput } from '../workflows/messages.ts';
import { phaseObserved, REMEDIATION_AUDIT } from '../workflows/messages.ts';
import type { RemediationName } from './identifiers.ts';
import { RECORDING_QUEUE, remediationWorkflowId } from './identifiers.ts';

/** Longest a signal may take to be persisted; without a deadline a call can wait for ever. */
const SIGNAL_DEADLINE_MS = 10_000;

export interface RemediationSignal {
  readonly remediation: RemediationName;
  readonly observation: Observation;
  /** What is known when the workflow starts, one line for the list in Temporal's UI. */
  readonly summary: string;
}

export interface RemediationSignals {
  /** Resolves when Temporal has the observation durably; no worker need be alive. */
  send(signal: RemediationSignal): Promise<void>;
}

export interface RemediationSignalOptions {
  /** How long a workflow waits for late observations once its remediation is over. */
  readonly lateGraceSeconds: number;
  /** Default: the recording queue. */
  readonly taskQueue?: string;
}

export function createRemediationSignals(
  client: Client,
  options: RemediationSignalOptions,
): RemediationSignals {
  const { lateGraceSeconds, taskQueue = RECORDING_QUEUE } = options;
  const input: RemediationAuditInput = { lateGrace: `${lateGraceSeconds}s` };
  return {
    async send({ remediation, observation, summary }) {
      await client.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () =>
        // The default reuse policy, ALLOW_DUPLICATE: on a closed workflow a late observation opens a short new run.
        client.workflow.signalWithStart(REMEDIATION_AUDIT, {
          workflowId: remediationWorkflowId(remediation),
          taskQueue,
          args: [input],
          signal: phaseObserved,
          signalArgs: [observation],
          staticSummary: summary,
        }),
      );
    },
  };
}
