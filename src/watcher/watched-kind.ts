import type { JsonObject } from '../domain/json.ts';
import type { ReadingContext, ResourceReading } from '../kubernaut/observed-remediation.ts';
import { readWorkflowExecution } from '../kubernaut/workflow-execution.ts';

/** A kind of resource that is followed, and how it is read. */
export interface WatchedKind {
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  read(resource: JsonObject, context: ReadingContext): ResourceReading | undefined;
}

export const WATCHED_KINDS: readonly WatchedKind[] = [
  {
    kind: 'WorkflowExecution',
    group: 'kubernaut.ai',
    version: 'v1alpha1',
    plural: 'workflowexecutions',
    read: readWorkflowExecution,
  },
];

/** Path of the collection; an empty namespace stands for all of them. */
export function collectionPath({ group, version, plural }: WatchedKind, namespace: string): string {
  const scope = namespace === '' ? '' : `namespaces/${encodeURIComponent(namespace)}/`;
  return `/apis/${group}/${version}/${scope}${plural}`;
}
