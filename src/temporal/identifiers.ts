import { MAX_WORKFLOW_ID_LENGTH } from '../domain/limits.ts';
import type { RemediationName } from '../workflows/messages.ts';

export type { RemediationName } from '../workflows/messages.ts';

/** Task queues. Their names are stored in histories and schedules. */
export const RECORDING_QUEUE = 'audit-recording';
export const MAINTENANCE_QUEUE = 'audit-maintenance';

/**
 * Readable, and the same from whichever child a remediation is first met. The uid makes it unique, because names are
 * used again; so when it is too long the readable parts give way.
 */
export function remediationWorkflowId({ cluster, namespace, name, uid }: RemediationName): string {
  const room = MAX_WORKFLOW_ID_LENGTH - uid.length - 1;
  return `${`${cluster}/${namespace}/${name}`.slice(0, room)}/${uid}`;
}
