import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/**
 * Metrics of partitions, of retention and of the schedules of both. Every process has them; only a worker
 * that serves the maintenance queue gives them values.
 */
export interface MaintenanceMetrics {
  /** Months after this one. Has no sample until it was counted once; an alert fires below 2. */
  readonly partitionsAhead: Gauge;
  /** In seconds since 1970, as all the timestamps here. */
  readonly lastRollover: Gauge;
  /** Somebody held a lock for longer than the lock timeout; the log names the sessions. */
  readonly blockedRollovers: Counter;
  /** Counted when they were read back from the store and compared, not when they were written. */
  readonly archivedRows: Counter<'table'>;
  readonly droppedMonths: Counter;
  /** Restores over the API; one by `archive restore` is another process and counts nowhere. */
  readonly restoredMonths: Counter;
  readonly expiredMonths: Counter;
  /**
   * Retention stopped at a month because its archive is not what it should be. Somebody must look. The
   * reasons are mismatch, conflict, missing and manifest.
   */
  readonly archiveAlarms: Counter<'reason'>;
  /** Rows and ledger of a month were compared, daily or before it was archived, and differ. Has a sample only then. */
  readonly recordDifferences: Gauge<'month'>;
  /**
   * By state: held, unsupported (the store knows no legal holds), or pending. A month under two holds counts
   * twice.
   */
  readonly archiveHolds: Gauge<'state'>;
  /** An alert fires when this is an hour in the past: a schedule that nothing runs. */
  readonly scheduleNextRun: Gauge<'schedule'>;
  readonly scheduleLastRun: Gauge<'schedule'>;
  /** This and the next are totals that Temporal keeps, so they are set and never incremented. */
  readonly scheduleMissedRuns: Gauge<'schedule'>;
  readonly scheduleSkippedRuns: Gauge<'schedule'>;
  /** 1 or 0. An operator may pause a schedule, and no start of ours un-pauses it. */
  readonly schedulePaused: Gauge<'schedule'>;
}

export function createMaintenanceMetrics(registers: Registry[]): MaintenanceMetrics {
  return {
    partitionsAhead: gauge(registers, {
      name: 'remediation_audit_partitions_ahead',
      help: 'Months after this one that every partitioned table has, without a gap; alarm below 2',
    }),
    lastRollover: gauge(registers, {
      name: 'remediation_audit_last_rollover_timestamp_seconds',
      help: 'When the months ahead were last made or found to be there',
    }),
    blockedRollovers: new Counter({
      name: 'remediation_audit_blocked_rollovers_total',
      help: 'Attempts to make a month that a lock was in the way of; each is retried',
      registers,
    }),
    archivedRows: new Counter({
      name: 'remediation_audit_archived_rows_total',
      help: 'Rows exported, read back and found equal, by table',
      labelNames: ['table'],
      registers,
    }),
    droppedMonths: new Counter({
      name: 'remediation_audit_dropped_months_total',
      help: 'Months dropped after their archive was read back and matched',
      registers,
    }),
    restoredMonths: new Counter({
      name: 'remediation_audit_restored_months_total',
      help: 'Months brought back from the archive after it was verified',
      registers,
    }),
    expiredMonths: new Counter({
      name: 'remediation_audit_expired_months_total',
      help: 'Months whose archive was removed because of its age',
      registers,
    }),
    archiveAlarms: new Counter({
      name: 'remediation_audit_archive_alarms_total',
      help: 'Times an archive was damaged or incomplete; nothing of that month is dropped',
      labelNames: ['reason'],
      registers,
    }),
    recordDifferences: new Gauge({
      name: 'remediation_audit_record_differences',
      help: 'Differences between rows and ledger of a month when it was last compared; nothing of it is archived',
      labelNames: ['month'],
      registers,
    }),
    archiveHolds: new Gauge({
      name: 'remediation_audit_archive_holds',
      help: 'Archived months under a legal hold, once per hold: held, unsupported by the store, or pending there',
      labelNames: ['state'],
      registers,
    }),
    ...createScheduleMetrics(registers),
  };
}

/** Without a value until it gets one: every process has the metrics of all, and a 0 would be an alarm. */
function gauge(
  registers: Registry[],
  { name, help }: { readonly name: string; readonly help: string },
): Gauge {
  const made = new Gauge({ name, help, registers });
  made.remove();
  return made;
}

type ScheduleMetrics = Pick<
  MaintenanceMetrics,
  'scheduleNextRun' | 'scheduleLastRun' | 'scheduleMissedRuns' | 'scheduleSkippedRuns' | 'schedulePaused'
>;

function createScheduleMetrics(registers: Registry[]): ScheduleMetrics {
  const labelNames = ['schedule'] as const;
  return {
    scheduleNextRun: new Gauge({
      name: 'remediation_audit_schedule_next_run_timestamp_seconds',
      help: 'When a schedule runs next',
      labelNames,
      registers,
    }),
    scheduleLastRun: new Gauge({
      name: 'remediation_audit_schedule_last_run_timestamp_seconds',
      help: 'When a schedule last started a run',
      labelNames,
      registers,
    }),
    scheduleMissedRuns: new Gauge({
      name: 'remediation_audit_schedule_missed_runs',
      help: 'Runs that a schedule missed beyond its catch-up window',
      labelNames,
      registers,
    }),
    scheduleSkippedRuns: new Gauge({
      name: 'remediation_audit_schedule_skipped_runs',
      help: 'Runs that a schedule skipped because an earlier one was still going',
      labelNames,
      registers,
    }),
    schedulePaused: new Gauge({
      name: 'remediation_audit_schedule_paused',
      help: '1 while an operator has paused a schedule',
      labelNames,
      registers,
    }),
  };
}

/** What questions to the archive cost. */
export interface ArchiveQuestionMetrics {
  /**
   * Seconds, the wait for a free place included, by how a question ended: answered, refused because too many
   * waited, failed, or abandoned because nobody waited for it any more.
   */
  readonly questions: Histogram<'result'>;
  /** Parts that were opened for questions. */
  readonly parts: Counter<'table'>;
}

/** In seconds. The last one is the default of REMEDIATION_AUDIT_ARCHIVE_QUERY_SECONDS. */
const BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createArchiveQuestionMetrics(registers: Registry[]): ArchiveQuestionMetrics {
  return {
    questions: new Histogram({
      name: 'remediation_audit_archive_question_duration_seconds',
      help: 'Time of a question to the archive, its wait included, by how it ended: answered, refused, failed or abandoned',
      labelNames: ['result'],
      buckets: BUCKETS,
      registers,
    }),
    parts: new Counter({
      name: 'remediation_audit_archive_parts_opened_total',
      help: 'Parts of the archive that were opened for questions, by table',
      labelNames: ['table'],
      registers,
    }),
  };
}
