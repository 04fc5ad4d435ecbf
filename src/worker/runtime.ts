import { DefaultLogger, Runtime } from '@temporalio/worker';

import { reasonOf } from '../domain/errors.ts';
import type { Logger } from '../observability/logger.ts';
import type { ServerName } from '../observability/outages.ts';

/**
 * Temporal's native runtime, once per process and before anything else touches the SDK: its lines go through our logger,
 * its signals stay ours. It keeps the process alive until it is shut down. `serverOf` says for want of which server an
 * activity failed.
 */
export function installRuntime(
  logger: Logger,
  serverOf: (error: unknown) => ServerName | undefined = () => undefined,
): { shutdown(): Promise<void> } {
  return Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      const write = { TRACE: 'debug', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;
      // Without the number each attempt would be a message of its own.
      const said = message.replace(/ retried \d+ times$/, ' was retried');
      logger[write[level]](fieldsOf(meta ?? {}, serverOf), said);
    }),
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'WARN' }, forward: {} } },
  });
}

/** How the native part says that Temporal does not answer; a probe decides whether that is so. */
const UNANSWERED = /Unavailable|DeadlineExceeded|Cancelled|transport error|connect/i;

/**
 * An activity that failed in a few words: the SDK logs its token, the stacks of all causes, and the remediation only as a
 * part of the id of its workflow.
 */
function fieldsOf(
  meta: Readonly<Record<string, unknown>>,
  serverOf: (error: unknown) => ServerName | undefined,
) {
  const { sdkComponent, error, activityType, workflowId, workflowRunId, attempt } = meta;
  if (sdkComponent === 'core') {
    const isUnanswered = typeof error === 'string' && UNANSWERED.test(error);
    return { ...(isUnanswered ? { server: 'temporal' } : {}), ...meta };
  }
  if (activityType === undefined || !(error instanceof Error)) return meta;
  const server = serverOf(error);
  return {
    ...(server === undefined ? {} : { server }),
    ...{ activity: activityType, workflowId, runId: workflowRunId, attempt, reason: reasonOf(error) },
  };
}
