/*
 * Temporal, as a client: the connection, the signals to the runs of remediations, schedules, restores, and payloads that
 * are compressed and encrypted on the way.
 *
 * This file sends lists of observations. A signal starts the run of its remediation when there is none, so the order of
 * watcher and worker does not matter. `send` resolves when Temporal has the list durably and rejects otherwise; the sender
 * then sends the same list again, which is harmless, because an observation is stored once however often it comes.
 *
 * A run takes a limited number and size of signals. `run-room.ts` counts what was sent to each and holds further ones back
 * until the run has continued as new, since a run has to pass on all that it has not recorded, and its input is limited, too.
 */
import type { Client } from '@temporalio/client';
import { ServiceError } from '@temporalio/client';
import type { SearchAttributePair } from '@temporalio/common';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

import { utf8Length } from '../domain/bounds.ts';
import type { Observation } from '../domain/observation.ts';
import type { SearchAttribute } from '../domain/search-attributes.ts';
import { OPEN_PHASE, SEARCH_ATTRIBUTES } from '../domain/search-attributes.ts';
import type { Logger } from '../observability/logger.ts';
import type { RemediationAuditInput } from '../workflows/messages.ts';
import { observed, REMEDIATION_AUDIT } from '../workflows/messages.ts';
import type { RemediationName } from './identifiers.ts';
import { RECORDING_QUEUE, remediationWorkflowId } from './identifiers.ts';
import { RunRoom } from './run-room.ts';

/** Longest a signal may take to be persisted; without a deadline a call can wait for ever. */
const SIGNAL_DEADLINE_MS = 10_000;

/** What a keyword column of a namespace on SQL holds. */
const MAX_KEYWORD_LENGTH = 255;

/** So long a state between the first and the last of a phase waits for more. */
const DEFAULT_GATHER_SECONDS = 10;

/** A remediation may wait a day for an approval; a run that ended too early costs a second, short one. */
const DEFAULT_ORPHAN_GRACE_SECONDS = 86_400;

const GRPC_INVALID_ARGUMENT = 3;

export interface RemediationSignal {
  readonly remediation: RemediationName;
  /** In the order in which they were made; see `observed` for how many. */
  readonly observations: readonly Observation[];
  /** What is known when the workflow starts, one line for the list in Temporal's UI. */
  readonly summary: string;
  /** What is acted upon, `payments/Deployment/api`; a search attribute of the workflow. */
  readonly target?: string | undefined;
}

export interface RemediationSignals {
  /**
   * Resolves with the id of the run that took it when Temporal has the observations durably; no worker need be alive. Waits
   * for some seconds when the run is full.
   */
  send(signal: RemediationSignal): Promise<string>;
}

export interface RemediationSignalOptions {
  /** How long a workflow waits for late observations once its remediation is over. */
  readonly lateGraceSeconds: number;
  /** How long it waits for more of a remediation whose own resource was never seen. Default a day. */
  readonly orphanGraceSeconds?: number;
  /** How long a state between the first and the last of a phase waits for more of it. Default 10. */
  readonly gatherSeconds?: number;
  /** Search attributes that the namespace knows; see `prepareSearchAttributes`. Default none. */
  readonly searchAttributes?: readonly string[];
  /** Default: the recording queue. */
  readonly taskQueue?: string;
  /** Called once when the namespace does not know the search attributes. Default: nobody. */
  readonly logger?: Logger;
}

/**
 * Thousands of signals that wait are one task of the workflow. On a slow machine it takes longer than the ten seconds of Temporal's
 * default, and would then be begun anew for ever. A task that is lost with its worker begins so much later elsewhere.
 */
const WORKFLOW_TASK_TIMEOUT = '60s';

export function createRemediationSignals(
  client: Client,
  options: RemediationSignalOptions,
): RemediationSignals {
  const { lateGraceSeconds, orphanGraceSeconds = DEFAULT_ORPHAN_GRACE_SECONDS, logger } = options;
  const { gatherSeconds = DEFAULT_GATHER_SECONDS } = options;
  let searchAttributes = options.searchAttributes ?? [];
  const signalWithStart = async (signal: RemediationSignal): Promise<string> => {
    const { remediation, observations, summary } = signal;
    const input: RemediationAuditInput = {
      remediation,
      lateGraceSeconds,
      orphanGraceSeconds,
      gatherSeconds,
      searchAttributes,
    };
    const { signaledRunId } = await client.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () =>
      // The default reuse policy, ALLOW_DUPLICATE: on a closed workflow a late observation opens a short new run.
      client.workflow.signalWithStart(REMEDIATION_AUDIT, {
        workflowId: remediationWorkflowId(remediation),
        taskQueue: options.taskQueue ?? RECORDING_QUEUE,
        args: [input],
        signal: observed,
        signalArgs: [observations],
        staticSummary: summary,
        // The summary is not handed to the run that continues this one; the memo is.
        memo: { summary },
        typedSearchAttributes: pairsOf(signal, searchAttributes),
        workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
      }),
    );
    return signaledRunId;
  };
  const room = new RunRoom(client);
  const sendWithinRoom = async (signal: RemediationSignal): Promise<string> => {
    const workflowId = remediationWorkflowId(signal.remediation);
    await room.wait(workflowId, utf8Length(JSON.stringify(signal.observations)));
    const runId = await signalWithStart(signal);
    room.took(workflowId, runId);
    return runId;
  };
  return {
    async send(signal) {
      try {
        return await sendWithinRoom(signal);
      } catch (error: unknown) {
        if (searchAttributes.length === 0 || !isUnknownAttribute(error)) throw error;
        logger?.warn({ reason: error.cause.details }, 'workflows start without search attributes');
        searchAttributes = [];
        return await sendWithinRoom(signal);
      }
    },
  };
}

function pairsOf(
  { remediation, target }: RemediationSignal,
  known: readonly string[],
): SearchAttributePair[] {
  const { cluster, namespace, name } = remediation;
  const values: Partial<Record<SearchAttribute, string | undefined>> = {
    cluster,
    namespace,
    remediation: name,
    phase: OPEN_PHASE,
    target,
  };
  return Object.entries(values).flatMap(([attribute, value]) => {
    const keyword = SEARCH_ATTRIBUTES[attribute as SearchAttribute];
    if (value === undefined || !known.includes(keyword)) return [];
    const key = defineSearchAttributeKey(keyword, SearchAttributeType.KEYWORD);
    return [{ key, value: value.slice(0, MAX_KEYWORD_LENGTH) }];
  });
}

function isUnknownAttribute(error: unknown): error is ServiceError & { cause: { details: string } } {
  if (!(error instanceof ServiceError)) return false;
  const { code, details } = (error.cause ?? {}) as { code?: number; details?: string };
  return code === GRPC_INVALID_ARGUMENT && /search attribute/i.test(details ?? '');
}
