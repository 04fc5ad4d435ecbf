import type { Columns } from './records/definition.ts';

/*
 * Domain: what the product is about, without Node, packages or a clock. Workflows use it too, so the same input must give the
 * same output for ever.
 *
 * The words are an observation (here), the record that it is about (records/: one definition per table, from which SQL, JSON,
 * archive and documents follow), the type of each column (column-types.ts), how observations become one row (fold.ts), and the
 * text that is hashed and stored (canonical-content.ts). Beside them: instants, durations, exact decimals and JSON that keep
 * every digit, and the limits (limits.ts) that other rooms check against.
 *
 * Must stay true: what travels is text; the fold gives the same row in whatever order observations come; a value that a column
 * would refuse is found before it gets there.
 */

/**
 * What one state of one resource, or one post, says about one record. Plain JSON, redacted and of bounded size
 * (`limits.ts`); the same thing travels from the watcher through Temporal and from the REST service.
 */
export interface Observation {
  /** Table of the record. */
  readonly table: string;
  /** Configured name of the cluster. */
  readonly cluster: string;
  /** What identifies the record within table and cluster; see `naturalKey`. */
  readonly key: string;
  readonly phase: AuditPhase;
  /** Version of what was observed, a 64-bit integer as text: the newest decides. */
  readonly sourceVersion: string;
  /** Where the record should live, if this is its first observation. */
  readonly createdAt: string;
  readonly createdAtSource: CreatedAtSource;
  /** Clock of the observer; never compared, never part of an identity. */
  readonly observedAt: string;
  /** Who said so: `watcher`, a service account, a user. */
  readonly actor: string;
  /** Only what is known; see `Columns` for how values travel. */
  readonly columns: Columns;
  /** The state of the resource that this was read from; absent in a post. */
  readonly resource?: ObservedResource;
  /**
   * Posted by a caller who may put records into any month, also one that is archived. Default false.
   */
  readonly backfill?: true;
  /**
   * Says something about a sibling's record. Kept by the workflow until the sibling itself has been recorded, at the
   * latest until the remediation closes. Default false.
   */
  readonly fragment?: true;
  /**
   * A state between the first and the last of its resource. It is durable like any other; that it is stored may wait some
   * seconds for what follows, so that a phase is stored in few activities. Default false.
   */
  readonly interim?: true;
}

/** What the watcher must find again in `observed_resource` to know that this state is known already. */
export interface ObservedResource {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Phase of the resource in its own word. */
  readonly phase?: string;
  /** When it was deleted, or found to be gone. */
  readonly deletedAt?: string;
  /**
   * SHA-256, in hex, of all that the state says. Only on the last observation of a state: once that one is recorded the
   * others are too: a run stores the hash when nothing of the resource that came before is still on its way.
   */
  readonly projectionHash?: string;
}

/** What storing an observation made of the column `phase` of its row; undefined where it is not known. */
export interface PhaseChange {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** Whether it carries the creation time of the very resource that its record is about: nothing knows better where that lives. */
export function decidesLocation({ createdAtSource, fragment }: Observation): boolean {
  return createdAtSource === 'resource' && fragment !== true;
}

/** Whether a caller of the service brought it, and no resource. */
export function isPosted({ createdAtSource }: Pick<Observation, 'createdAtSource'>): boolean {
  return createdAtSource !== 'resource';
}

type CreatedAtSource = 'resource' | 'post' | 'received';

/** Joins the parts of a natural key so that no two lists of parts give the same text. */
export function naturalKey(...parts: readonly string[]): string {
  return parts.map((part) => encodeURIComponent(part.toWellFormed())).join('/');
}

/** Which record it is about, within its cluster. */
export function recordName({ table, key }: Pick<Observation, 'table' | 'key'>): string {
  return `${table}/${key}`;
}

const INTEGER = /^-?\d+$/;

/** Whether a version is older than another one. What is no integer ends in quarantine; it is older than all others. */
export function isOlderVersion(version: string, other: string): boolean {
  if (!INTEGER.test(other)) return false;
  return !INTEGER.test(version) || BigInt(version) < BigInt(other);
}

/** Whether it carries the text of an investigation, which is embedded once it is stored. */
export function hasInvestigation({ columns }: Observation): boolean {
  return (columns['investigation_report'] ?? '') !== '';
}

/** Versions of posts lie below all versions of resources; a revision moves within that room. */
export const ROOM_FOR_POSTS = 10n ** 15n;

export function isPostedVersion(version: string): boolean {
  return version.startsWith('-');
}

/** In the column `source_kind`, which otherwise names the kind of the record's own resource. */
export const POSTED_KIND = 'post';

/**
 * The audit phases and the activity that records each. The names are stored for ever in Temporal histories and ledger
 * entries: renaming one is a migration.
 */
export const ACTIVITY_BY_PHASE = {
  progress: 'recordProgress',
  'signal-processing': 'recordSignalProcessing',
  investigation: 'recordInvestigation',
  analysis: 'recordAnalysis',
  recommendation: 'recordRecommendation',
  'analysis-failure': 'recordAnalysisFailure',
  execution: 'recordExecution',
  action: 'recordAction',
  skip: 'recordSkip',
  approval: 'recordApproval',
  verification: 'recordVerification',
  notification: 'recordNotification',
  closure: 'recordClosure',
} as const;

export type AuditPhase = keyof typeof ACTIVITY_BY_PHASE;
export type RecordingActivityName = (typeof ACTIVITY_BY_PHASE)[AuditPhase];

export const AUDIT_PHASES = Object.keys(ACTIVITY_BY_PHASE) as readonly AuditPhase[];
