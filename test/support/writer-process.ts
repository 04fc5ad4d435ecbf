import { createInterface } from 'node:readline';

import { createPool } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createLogger } from '../../src/observability/logger.ts';

/**
 * A writer of its own: `node writer-process.ts URL WRITERS`. Reads one JSON array of observations per line, stores each
 * as one flush, several at a time, and answers one line per flush: the ids that are stored.
 */
const [url = '', writers = '1'] = process.argv.slice(2);
const pool = createPool({
  connectionString: url,
  applicationName: 'writer process',
  max: Number(writers),
  pipeline: true,
  statementTimeoutMs: 30_000,
  logger: createLogger('error', 'writer'),
});
const store = createRecordStore(pool);
const flights = new Set<Promise<void>>();

for await (const line of createInterface({ input: process.stdin })) {
  const flight = store
    .record(JSON.parse(line) as Observation[])
    .then((outcomes) => {
      process.stdout.write(`${JSON.stringify(outcomes.map(({ id }) => id))}\n`);
    })
    .finally(() => flights.delete(flight));
  flights.add(flight);
  if (flights.size >= Number(writers)) await Promise.race(flights);
}
await Promise.all(flights);
await pool.end();
