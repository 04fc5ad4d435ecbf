import type { JsonObject, JsonValue } from '../domain/json.ts';
import { MAX_OBJECT_NAME_LENGTH } from '../domain/limits.ts';
import type { Observation } from '../domain/observation.ts';
import type { WorkflowChoice } from './chosen-workflow.ts';
import type { Shape } from './resource.ts';
import { at, textAt } from './resource.ts';

/** Which remediation a resource belongs to. */
export interface RemediationReference {
  readonly namespace: string;
  readonly name: string;
  /** What identifies it: names were used again for later remediations in G1. */
  readonly uid: string;
}

/** What one state of one resource says, and about which remediation. */
export interface ResourceReading {
  readonly remediation: RemediationReference;
  /** In the order in which they are to be recorded: its own record's first, fragments for siblings last. */
  readonly observations: readonly Observation[];
  /** One line for people who look at a list of workflows. */
  readonly summary: string;
  /** What is acted upon, `payments/Deployment/api`. */
  readonly target: string | undefined;
  readonly shape: Shape;
  /** What it has chosen; of an analysis only, for what is said of its siblings. */
  readonly choice?: WorkflowChoice | undefined;
  /** Of the resource as JSON: what is recorded of it is bounded by that. Absent where no state of it was read. */
  readonly characters?: number;
  /** Paths that no generation we know has; their values are kept under `extra`. */
  readonly unrecognised: readonly string[];
  /** Paths whose value is of a kind that cannot be read as what it should be; their values are kept under `extra`. */
  readonly misshapen: readonly string[];
}

/**
 * Why nothing can be recorded of a resource.
 *
 * - `no-identity`: it lacks a name, uid or version, or a time of creation that can be read.
 * - `unreadable-version`: its version is not a number of at most fifteen digits, so its states cannot be ordered.
 * - `no-remediation`: it belongs to none that is known. The watcher reads it again later.
 */
export interface Unread {
  readonly unread: 'no-identity' | 'no-remediation' | 'unreadable-version';
}

export function isUnread(reading: ResourceReading | Unread): reading is Unread {
  return 'unread' in reading;
}

/** What the reader knows and the resource does not. */
export interface ReadingContext {
  /** Configured name of the cluster, as it is stored with each record. */
  readonly cluster: string;
  /** Raised by an operator when a cluster was restored from a backup and its versions went back. */
  readonly epoch: bigint;
  /** By the clock of the reader. Only what is observed is timed by it; facts have the times of the resource. */
  readonly observedAt: string;
  /**
   * The uid of a remediation that the reader has seen, for resources that name theirs without one. What it does not
   * know is not recorded and read again later. Default: knows none.
   */
  readonly remediationUid?: (namespace: string, name: string) => string | undefined;
  /**
   * When the resource of a kind and name was created, if the reader has seen it as part of this remediation. What is
   * said of its record then needs not wait for it. Default: knows none.
   */
  readonly siblingCreatedAt?: (sibling: SiblingName, remediationUid: string) => string | undefined;
  /** What the analysis of that name has chosen, if the reader has seen it as part of this remediation. Default: knows none. */
  readonly choiceOf?: (analysis: SiblingName, remediationUid: string) => WorkflowChoice | undefined;
}

/** Another resource of the same remediation, by the name under which it is referred to. */
export interface SiblingName {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** One epoch has room for every version of fifteen digits, and a bigint for some nine thousand epochs. */
const VERSIONS_PER_EPOCH = 10n ** 15n;

/** Orders all states of a resource, across restores of its cluster; undefined for a version that is no number. */
export function sourceVersion(context: ReadingContext, resourceVersion: string): string | undefined {
  if (!/^\d{1,15}$/.test(resourceVersion)) return undefined;
  return String(context.epoch * VERSIONS_PER_EPOCH + BigInt(resourceVersion));
}

/** What a cluster called that version, if it is of the given epoch. */
export function versionInEpoch(version: bigint, epoch: bigint): bigint | undefined {
  return version / VERSIONS_PER_EPOCH === epoch ? version % VERSIONS_PER_EPOCH : undefined;
}

/**
 * By the full reference in its spec, else by its owner. Where neither names a uid, as in the sources, by the name in the
 * reference: the remediation of that name which the reader saw last. `context` absent: only what names a uid is found.
 */
export function remediationOf(
  resource: JsonObject,
  ownNamespace: string,
  context?: ReadingContext,
): RemediationReference | undefined {
  const owner = ownerOf(resource, 'RemediationRequest');
  const name = nameOfRemediation(resource) ?? textAt(owner, 'name');
  const uid = textAt(resource, 'spec.remediationRequestRef.uid') ?? textAt(owner, 'uid');
  const namespace = textAt(resource, 'spec.remediationRequestRef.namespace') ?? ownNamespace;
  if (name === undefined) return undefined;
  if (uid === undefined) return context && remediationByName(context, namespace, name);
  return canExist({ namespace, name, uid }) ? { namespace, name, uid } : undefined;
}

/** The name that its reference gives; the oldest generation has a name in place of a reference. */
export function nameOfRemediation(resource: JsonObject): string | undefined {
  return textAt(resource, 'spec.remediationRequestRef', 'spec.remediationRequestRef.name');
}

/** A reference is free text of whoever wrote it. No workflow could be started for one that is longer than a name may be. */
function canExist(reference: RemediationReference): boolean {
  return Object.values(reference).every((part: string) => part.length <= MAX_OBJECT_NAME_LENGTH);
}

/** For a resource that names its remediation without a uid: the remediation of that name that was seen last. */
export function remediationByName(
  { remediationUid }: ReadingContext,
  namespace: string,
  name: string | undefined,
): RemediationReference | undefined {
  const uid = name === undefined ? undefined : remediationUid?.(namespace, name);
  return name === undefined || uid === undefined ? undefined : { namespace, name, uid };
}

/** The owner of a kind; owners live in the namespace of what they own. */
export function ownerOf(resource: JsonObject, kind: string): JsonValue | undefined {
  const owners = at(resource, 'metadata.ownerReferences');
  return Array.isArray(owners) ? owners.find((owner) => textAt(owner, 'kind') === kind) : undefined;
}

/** Whose resource a record of a table is. */
const KIND_OF_TABLE: Readonly<Record<string, string>> = {
  ai_analysis_audit: 'AIAnalysis',
  workflow_execution_audit: 'WorkflowExecution',
};

/**
 * Marks what is said of a sibling's record: it waits for the sibling, unless that was seen. No row appears for a sibling
 * that does not exist, and the row is placed by when the sibling was created, whichever of the two is recorded first.
 */
export function siblingMark(
  sibling: { readonly table: string; readonly namespace: string; readonly name: string },
  remediationUid: string,
  { siblingCreatedAt }: ReadingContext,
): Pick<Observation, 'fragment'> | Pick<Observation, 'createdAt'> {
  const { table, namespace, name } = sibling;
  const kind = KIND_OF_TABLE[table];
  // No kind is known for the table, so the sibling cannot be looked for, and what is said has to wait.
  if (kind === undefined) return { fragment: true };
  const createdAt = siblingCreatedAt?.({ kind, namespace, name }, remediationUid);
  return createdAt === undefined ? { fragment: true } : { createdAt };
}
