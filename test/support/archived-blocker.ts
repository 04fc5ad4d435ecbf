import type { Observation } from '../../src/domain/observation.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { executionObservation } from './observations.ts';

const COMMON = { namespace: 'payments', target_resource: 'payments/Deployment/api' };

/** A remediation and its execution or block, both of that time. */
function remediation(name: string, createdAt: string, execution: Observation['columns']): Observation[] {
  const columns = { ...COMMON, remediation_id: name, remediation_uid: `uid-${name}` };
  const at = { cluster: 'test', createdAt, observedAt: createdAt };
  return [
    executionObservation({
      ...{ ...at, table: 'remediation_audit', key: naturalKey(name), phase: 'closure' },
      columns: { ...columns, overall_phase: 'Completed', verdict: 'terminal' },
    }),
    executionObservation({ ...at, key: naturalKey(name, 'we'), columns: { ...columns, ...execution } }),
  ];
}

/** Only this month of it is archived. */
export const ARCHIVED_MONTH = '2020-01-01';

/** `running` ran at the end of January, and `blocked` of February waited for it; `waiting` waited for what nobody recorded. */
export const OVER_TWO_MONTHS: readonly Observation[] = [
  ...remediation('running', '2020-01-31T23:50:00.000000Z', {
    execution_name: 'we-running',
    phase: 'Completed',
  }),
  ...remediation('blocked', '2020-02-01T00:10:00.000000Z', {
    ...{ phase: 'Skipped', skip_reason: 'ResourceBusy', conflicting_wfe: 'payments/we-running' },
  }),
  ...remediation('waiting', '2020-02-01T00:20:00.000000Z', {
    ...{ phase: 'Skipped', skip_reason: 'ResourceBusy', conflicting_wfe: 'payments/we-unseen' },
  }),
];
