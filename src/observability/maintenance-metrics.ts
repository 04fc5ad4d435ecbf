import type { Registry } from 'prom-client';
import { Counter, Gauge } from 'prom-client';

/** Metrics of partitions, of retention and of the schedules of both. */
export interface MaintenanceMetrics {
  readonly partitionsAhead: Gauge;
  readonly lastRollover: Gauge;
  readonly blockedRollovers: Counter;
  readonly archivedRows: Counter<'table'>;
  readonly droppedMonths: Counter;
  readonly restoredMonths: Counter;
  readonly expiredMonths: Counter;
  /** Retention stopped at a month because its archive is not what it should be. Somebody must look. */
  readonly archiveAlarms: Counter<'reason'>;
  readonly archiveHolds: Gauge<'state'>;
  readonly scheduleNextRun: Gauge<'schedule'>;
  readonly scheduleLastRun: Gauge<'schedule'>;
  readonly scheduleMissedRuns: Gauge<'schedule'>;
  readonly scheduleSkippedRuns: Gauge<'schedule'>;
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
