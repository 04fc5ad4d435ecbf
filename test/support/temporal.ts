import { randomUUID } from 'node:crypto';

import type { Client, Connection } from '@temporalio/client';
import { inject } from 'vitest';

import { createLogger } from '../../src/observability/logger.ts';
import type { TemporalAccess } from '../../src/temporal/connection.ts';
import { connectTemporal } from '../../src/temporal/connection.ts';
import { installRuntime } from '../../src/worker/runtime.ts';
import type { RunningWorker } from '../../src/worker/start-worker.ts';
import { startWorker } from '../../src/worker/start-worker.ts';

const silent = createLogger('silent', 'test');

export interface TestTemporal {
  readonly access: TemporalAccess;
  readonly client: Client;
  readonly connection: Connection;
  /** A queue nobody else uses. */
  readonly taskQueue: string;
  /** Activities by name. */
  startWorker(activities: object): Promise<RunningWorker>;
  close(): Promise<void>;
}

export async function connectTestTemporal(given: Partial<TemporalAccess> = {}): Promise<TestTemporal> {
  const runtime = installRuntime(silent);
  const access = {
    connectionOptions: { address: inject('temporalAddress') },
    namespace: 'default',
    ...given,
  };
  const { client, connection, close } = await connectTemporal(access);
  const taskQueue = `test-${randomUUID()}`;
  return {
    access,
    client,
    connection,
    taskQueue,
    startWorker: (activities) =>
      startWorker({
        temporal: access,
        queues: [{ taskQueue, activities }],
        shutdownGraceSeconds: 1,
      }),
    close: async () => {
      await close();
      await runtime.shutdown();
    },
  };
}
