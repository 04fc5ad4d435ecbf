import { startApi } from '../api/server.ts';
import { createRecordReader } from '../database/record-reader.ts';
import { createMetrics } from '../observability/metrics.ts';
import { createClosing } from './closing.ts';
import { openDatabase } from './open-database.ts';
import type { RunningService, ServiceContext } from './running-service.ts';
import { neverByItself } from './running-service.ts';

/** Answers over HTTP. */
export async function startServeService({ config, logger, signal }: ServiceContext): Promise<RunningService> {
  const closing = createClosing();
  try {
    const pool = await openDatabase('serve', { config, logger, signal });
    closing.push(() => pool.end());
    const api = await startApi({
      ...config.api,
      reader: createRecordReader(pool),
      metrics: createMetrics(),
      logger,
    });
    closing.push(() => api.stop());
    return { url: api.url, ended: neverByItself(), stop: closing.run };
  } catch (error: unknown) {
    await closing.run();
    throw error;
  }
}
