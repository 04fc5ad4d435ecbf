import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';

import type { InvestigationReference } from '../activities/types.ts';
import type { AuditPhase, Observation } from '../domain/observation.ts';

/** Names of workflow types are stored in histories for ever. */
export const REMEDIATION_AUDIT = 'remediationAudit';
export const RECORD_DEFERRED = 'recordDeferred';
export const RESTORE_MONTH = 'restoreMonth';

/** Input of `restoreMonth`. */
export interface RestoreMonthInput {
  /** First day of the month. */
  readonly month: string;
}

/** What a restore is doing, for whoever asked for it. */
export const restoreProgress = defineQuery<string>('restoreProgress');

export interface RemediationName {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Input of `remediationAudit`. Only a run that continues another one carries `carried`. */
export interface RemediationAuditInput {
  readonly remediation: RemediationName;
  /** How long to wait for late observations once the remediation is over. */
  readonly lateGraceSeconds: number;
  /** How long to wait for more of a remediation whose own resource was never seen. */
  readonly orphanGraceSeconds: number;
  /** How long an interim observation waits for more of its phase. */
  readonly gatherSeconds: number;
  /** Names of the search attributes that the namespace knows. An unknown one would stall the run. */
  readonly searchAttributes: readonly string[];
  readonly carried?: CarriedAudit;
}

/** What a run hands to the one that continues it. */
export interface CarriedAudit {
  /** Observations that are not stored yet. */
  readonly backlog: readonly Observation[];
  /** Investigations that are not embedded yet. The name of the field is in histories. */
  readonly unplaced: readonly InvestigationReference[];
  /** Whether the database was asked for a verdict from before this audit began, and answered. */
  readonly knowsVerdict: boolean;
  readonly trail: AuditTrailState;
}

/** What a run knows of its remediation, as plain JSON. */
export interface AuditTrailState {
  /** The remediation's own resource, as far as it was seen. The name of the field is in histories. */
  readonly hub?: RemediationState;
  /** Why nothing more is expected; absent while something is. */
  readonly end?: RemediationEnd;
  /** What was recorded, by table and key. */
  readonly records: Readonly<Record<string, RecordProgress>>;
  /** Partial records that wait for the record they belong to. The name of the field is in histories and answers. */
  readonly parked: readonly Observation[];
  /** uids of the resources that were seen and not yet seen deleted. */
  readonly present: readonly string[];
  readonly sawDeletion: boolean;
  readonly skipReason?: string;
  /** Search attributes as they were last set. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface RemediationState {
  readonly version: string;
  readonly createdAt: string;
  readonly phase?: string;
  readonly outcome?: string;
  readonly failurePhase?: string;
  readonly startedAt?: string;
  readonly completedAt?: string;
}

/**
 * `closure`: its end was recorded by this run. `known`: the database had its verdict when the run began. `operator`:
 * somebody closed the audit. `orphan`: its own resource was never seen, and nothing came for a long time.
 */
export interface RemediationEnd {
  readonly by: 'closure' | 'known' | 'operator' | 'orphan';
  readonly verdict?: string;
  /** What the operator said, with who it was. */
  readonly reason?: string;
}

export interface RecordProgress {
  readonly phase: AuditPhase;
  readonly stored: number;
  readonly quarantined: number;
}

/**
 * Observations of one remediation, in the order in which they were made: at most MAX_SIGNAL_OBSERVATIONS, and at most
 * MAX_SIGNAL_BYTES of JSON unless a single one has more.
 */
export const observed = defineSignal<[readonly Observation[]]>('observed');

export interface CloseAuditRequest {
  readonly reason: string;
  /** Who closes it. */
  readonly by: string;
}

export const MAX_CLOSING_REASON = 1_000;

/**
 * An operator closes the audit of a remediation of which nothing more can come. The reason is recorded with it; no
 * verdict is invented. Answers when the reason is stored.
 */
export const closeAudit = defineUpdate<AuditProgress, [CloseAuditRequest]>('closeAudit');

/** What is recorded and what a run waits for. */
export interface AuditProgress {
  readonly remediation: RemediationName;
  readonly phase?: string;
  readonly end?: RemediationEnd;
  readonly records: Readonly<Record<string, RecordProgress>>;
  /** Observations that are being stored now: activity and resource. */
  readonly recording: readonly string[];
  /** Observations that wait for those before them. */
  readonly waiting: number;
  /** Partial records that wait for the record they belong to. The name of the field is in histories and answers. */
  readonly parked: number;
  readonly waitsFor: string;
}

export const auditProgress = defineQuery<AuditProgress>('auditProgress');
