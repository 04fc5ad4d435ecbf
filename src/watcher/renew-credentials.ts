import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import type { Logger } from '../observability/logger.ts';
import type { Failure } from './failure.ts';

/** After a refusal the credentials at hand may be those of yesterday. */
export function renewCredentials(
  { reloadCredentials }: Failure,
  connection: ClusterConnection,
  logger: Logger,
): void {
  if (!reloadCredentials) return;
  try {
    connection.reloadCredentials();
  } catch (error: unknown) {
    // The old ones stay in use, and the next failure tries again.
    logger.warn({ reason: String(error) }, 'cannot read the credentials anew');
  }
}
