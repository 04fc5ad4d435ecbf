import { isOutage, SQLSTATE, sqlStateOf } from '../../database/sqlstate.ts';
import { Problem, retryAfter } from '../http/problems.ts';

const RETRY_SECONDS = 2;

/**
 * Asks the database; what keeps it from answering becomes the problem that says so. An error of ours stays what it is, and
 * is answered as `internal-error`: told as an outage, it would be asked again for ever.
 */
export async function fromDatabase<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error: unknown) {
    if (error instanceof Problem) throw error;
    if (sqlStateOf(error) === SQLSTATE.query_canceled) {
      const detail = 'the question took too long; narrow it with since, until or a filter';
      throw new Problem('query-too-slow', detail, { cause: error });
    }
    if (!isOutage(error)) throw error;
    // Its own words may quote what was asked for; they are in the log, under this request.
    throw new Problem('database-unavailable', 'the database does not answer', {
      ...retryAfter(RETRY_SECONDS),
      cause: error,
    });
  }
}
