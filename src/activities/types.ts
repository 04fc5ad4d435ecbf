import type { RestorePlan } from '../archive/restore/restore-steps.ts';
import type { Observation, RecordingActivityName } from '../domain/observation.ts';
import type { Verdict } from '../domain/records/remediation-audit.ts';

/*
 * The room `activities`: what workflows let the outside world do, one step at a time.
 *
 * In: observations, a month, a remediation, as a workflow wrote them into its history. Out: a short result, for the history
 * too. `recording.ts` stores, `retention.ts` and `restore.ts` pass a step on to the archive, `partitions.ts` creates months,
 * `comparison.ts` holds rows against their ledger, `embedding.ts` asks a model. This file has their types, which is all that a workflow imports.
 *
 * What must stay true: every activity can be repeated and interrupted anywhere. An error means "again", unless it says that no
 * retry helps. Names and results are in histories: they are changed by adding.
 */

/** What a recording activity answers of its list; the history of a run keeps it, so it is short. */
export interface RecordedList {
  /** For whoever reads the history: `2 observations stored in 1 row`. */
  readonly summary: string;
  /** One for each record of the list. */
  readonly rows: readonly RecordedRow[];
  /** Indexes in the list of the observations that PostgreSQL will never take; they are stored with the reason instead. */
  readonly quarantined?: readonly number[];
  /** Indexes in the list of the observations that wait for their month or table while the others are stored; send them again. */
  readonly later?: readonly number[];
  /** The answer to a `VerdictQuestion`. */
  readonly verdict?: Verdict | 'unknown';
}

export interface RecordedRow {
  /** Table and key, as the observations name them. */
  readonly record: string;
  readonly id: string;
  /** Part of the row's key: where the record is kept. */
  readonly createdAt: string;
  /** Where the API answers the row; it has no host, which the recorder does not know. */
  readonly row: string;
}

/** Asks what the database knew of the end of a remediation before the list was stored. */
export interface VerdictQuestion {
  readonly verdictOf?: { readonly cluster: string; readonly uid: string };
}

/** One activity type per audit phase, so that Temporal's UI reads as the audit trail. All of them record the same way. */
export type RecordingActivities = Record<
  RecordingActivityName,
  (observations: readonly Observation[], question?: VerdictQuestion) => Promise<RecordedList>
>;

/** An analysis whose investigation text may have to be embedded. */
export interface InvestigationReference {
  readonly id: string;
  readonly createdAt: string;
}

export interface EmbeddingActivities {
  /**
   * Embeds the text of an investigation so that similar ones are found. `unchanged`: there is no text, or the model has
   * embedded it already. `refused`: the model will never take this text; the text itself is stored even so.
   */
  readonly embedInvestigation: (
    investigation: InvestigationReference,
  ) => Promise<'placed' | 'unchanged' | 'refused'>;
}

export interface VerdictActivities {
  /** What the database knows of the end of a remediation; `unknown` when it knows nothing of it at all. */
  readonly readVerdict: (remediation: {
    readonly cluster: string;
    readonly uid: string;
  }) => Promise<Verdict | 'unknown'>;
}

export type AuditActivities = RecordingActivities & EmbeddingActivities & VerdictActivities;

export interface PartitionActivities {
  /** Makes the months that are missing; how many are there ahead. */
  readonly rollPartitionsOver: () => Promise<number>;
}

/** What the comparison of a month with its ledger found. */
export interface ComparedRecords {
  readonly records: number;
  readonly entries: number;
  readonly differences: number;
}

export interface ComparisonActivities {
  /** First days of the months whose tables are in the database, oldest first. */
  readonly planComparison: () => Promise<readonly string[]>;
  /** Compares rows, ledger and locations of one month. Differences are an alarm, and no failure. */
  readonly compareRecords: (month: string) => Promise<ComparedRecords>;
}

/** What a run of retention does with one month. */
export interface RetentionDecision {
  /** First day of the month. */
  readonly month: string;
  readonly action: 'archive' | 'detach' | 'drop' | 'release' | 'reattach' | 'expire';
}

/**
 * The steps of a restore. Each may be repeated, and goes on where an attempt before it was broken off. Each reads from the database
 * what was requested and which manifest it is about, and fails for good with a RestoreNotRequestedError where nobody requested it.
 */
export interface RestoreActivities {
  /** Fails for good, with the reason, where there is nothing to restore. */
  readonly beginRestore: (month: string) => Promise<RestorePlan>;
  /** Verifies and loads one table beside the others. Answers its rows. */
  readonly loadRestoredTable: (month: string, table: string) => Promise<number>;
  /** Attaches the month. Answers until when it stays. */
  readonly attachRestoredMonth: (month: string) => Promise<string>;
  /** Takes away what was loaded and is not to be attached, and the request. */
  readonly abandonRestore: (month: string) => Promise<void>;
}

/**
 * The steps of retention. Each may be repeated, and goes on where an attempt before it was broken off. Each does what the plan of
 * the database has for the month at that moment, and fails for good with a StepNotDueError where that is something else.
 */
export interface RetentionActivities {
  /** The months for which there is something to do, oldest first. */
  readonly planRetention: () => Promise<readonly RetentionDecision[]>;
  /** Answers the tables to export. */
  readonly freezeMonth: (month: string) => Promise<readonly string[]>;
  /** Copies one table of the month into the store. Answers its rows. */
  readonly exportMonth: (month: string, table: string) => Promise<number>;
  /** Reads the table's parts back and holds them against what was written. */
  readonly verifyExport: (month: string, table: string) => Promise<void>;
  /** Writes the signed manifest of what this run has exported. */
  readonly sealMonth: (month: string) => Promise<'detach' | 'awaits-approval'>;
  /** Takes the month out of its tables and compares it with the archive once more. */
  readonly detachMonth: (month: string) => Promise<'detached' | 'in-grace' | 'reopened' | 'held'>;
  readonly dropMonth: (month: string) => Promise<'dropped' | 'held' | 'awaits-approval'>;
  readonly reattachMonth: (month: string) => Promise<void>;
  /** Removes the archive of a month whose time there is over. */
  readonly expireMonth: (month: string) => Promise<'expired' | 'held'>;
  /** Removes objects that no manifest names, where archives may be removed at all; answers how many. */
  readonly removeOrphans: () => Promise<number>;
  /** Keeps why a month stopped, for the plan to show. */
  readonly noteRetentionFault: (month: string, fault: string) => Promise<void>;
}
