import type { JsonObject } from '../domain/json.ts';
import type {
  ReadingContext,
  RemediationReference,
  ResourceReading,
  Unread,
} from './observed-remediation.ts';
import type { PhaseSources } from './read-kind.ts';

/**
 * A kind of resource that the audit reads: where a cluster serves it, what is read of it, and what its end
 * means. The watcher and the documentation know of a kind only what stands here.
 */
export interface KubernautKind {
  readonly kind: string;
  /** As in the URL of the API server. */
  readonly plural: string;
  /** Groups and versions it was ever served in, newest first; a cluster may serve several, or none. */
  readonly served: readonly { readonly group: string; readonly version: string }[];
  /** What its records take from it. Documentation, and the list of columns that nothing produces, follow from it. */
  readonly phases: readonly PhaseSources[];
  /** What it knows of its siblings' records. Default none. */
  readonly fragments?: readonly PhaseSources[];
  /** What is known of it and not recorded, and why. Default nothing. */
  readonly leftOut?: LeftOut;
  /** Pure, and never throws, whatever the JSON. */
  read(resource: JsonObject, context: ReadingContext): ResourceReading | Unread;
  /** What its deletion means for the audit, in observations whose `resource.deletedAt` is set. Pure, and never throws. */
  readonly readDeletion: (gone: GoneResource, context: ReadingContext) => ResourceReading | Unread;
  /** Phases after which nothing more happens, in lower case. */
  readonly terminalPhases: readonly string[];
}

/** A resource that was deleted, or found to be gone, with what is still known of it. */
export interface GoneResource {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** As in observations: of the deletion when it was watched, else the last version that was seen. */
  readonly sourceVersion: string;
  /** When it was deleted, as far as known, else when it was found to be gone. */
  readonly deletedAt: string;
  /** When it was created, else when it was first seen. */
  readonly createdAt: string;
  /** The state in which it went, in full; absent when only its absence was seen. */
  readonly lastState?: JsonObject;
  /** Its last known phase in its own word. */
  readonly phase?: string;
  /** As it was recorded before. Absent when unknown; then the last state has to name it. */
  readonly remediation?: RemediationReference;
}

/** Fields that are known and not recorded: the reason, and the paths that it holds for. */
export type LeftOut = Readonly<Record<string, readonly string[]>>;

/** For kinds whose only reference to the remediation is this one. */
export const SAID_BY_COMMON_COLUMNS: LeftOut = {
  'whose it is stands in columns that every record has': ['spec.remediationRequestRef'],
};

/** Changes by itself, without anything having happened. A change of these alone is no observation. */
export const CHURN: LeftOut = {
  'changes without anything having happened, or only repeats what a column says': [
    'status.observedGeneration',
    'status.conditions',
  ],
};

/** The paths without their reasons, for the search for unrecognised fields. */
export function pathsLeftOut(leftOut: LeftOut): readonly string[] {
  return Object.values(leftOut).flat();
}
