import { DefaultLogger, Runtime } from '@temporalio/worker';

import type { Logger } from '../observability/logger.ts';

/**
 * Temporal's native runtime, once per process and before anything else touches the SDK: its lines go through our logger,
 * its signals stay ours. It keeps the process alive until it is shut down.
 */
export function installRuntime(logger: Logger): { shutdown(): Promise<void> } {
  return Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      const write = { TRACE: 'debug', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;
      logger[write[level]]({ ...meta }, message);
    }),
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'WARN' }, forward: {} } },
  });
}
