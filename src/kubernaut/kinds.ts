import type { JsonObject } from '../domain/json.ts';
import type { ReadingContext, ResourceReading, Unread } from './observed-remediation.ts';
import { readWorkflowExecution } from './workflow-execution.ts';

/** A kind of resource that the audit reads. */
export interface KubernautKind {
  readonly kind: string;
  readonly plural: string;
  /** Groups and versions it was ever served in, newest first; a cluster may serve several, or none. */
  readonly served: readonly { readonly group: string; readonly version: string }[];
  /** Pure, and never throws, whatever the JSON. */
  read(resource: JsonObject, context: ReadingContext): ResourceReading | Unread;
}

export const KUBERNAUT_KINDS: readonly KubernautKind[] = [
  {
    kind: 'WorkflowExecution',
    plural: 'workflowexecutions',
    served: [{ group: 'kubernaut.ai', version: 'v1alpha1' }],
    read: readWorkflowExecution,
  },
];
