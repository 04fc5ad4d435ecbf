import type { JsonObject } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { textAt } from './resource.ts';

/** Which remediation a resource belongs to. */
export interface RemediationReference {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What one state of one resource says, and about which remediation. */
export interface ResourceReading {
  readonly remediation: RemediationReference;
  readonly observations: readonly Observation[];
  /** One line for people who look at a list of workflows. */
  readonly summary: string;
  /** What was acted upon, `payments/Deployment/api`. */
  readonly target: string | undefined;
}

/** What the reader knows and the resource does not. */
export interface ReadingContext {
  readonly cluster: string;
  /** Raised by an operator when a cluster was restored from a backup and its versions went back. */
  readonly epoch: bigint;
  readonly observedAt: string;
}

const VERSIONS_PER_EPOCH = 10n ** 15n;

/** Orders all states of a resource, across restores of its cluster. */
export function sourceVersion(context: ReadingContext, resourceVersion: string): string {
  return String(context.epoch * VERSIONS_PER_EPOCH + BigInt(resourceVersion));
}

/** By the full reference in its spec; undefined when it names no uid. */
export function remediationOf(resource: JsonObject, ownNamespace: string): RemediationReference | undefined {
  const name = textAt(resource, 'spec.remediationRequestRef.name');
  const uid = textAt(resource, 'spec.remediationRequestRef.uid');
  if (name === undefined || uid === undefined) return undefined;
  return { namespace: textAt(resource, 'spec.remediationRequestRef.namespace') ?? ownNamespace, name, uid };
}
