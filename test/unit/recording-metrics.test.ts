import { expect, test } from 'vitest';

import { createReceiver } from '../../src/activities/receive-observation.ts';
import { createRecordingActivities } from '../../src/activities/recording.ts';
import type { RecordOutcome } from '../../src/database/recording/prepared-observation.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { executionObservation } from '../support/observations.ts';

const STORED = {
  status: 'stored',
  id: '00000000-0000-4000-8000-000000000001',
  createdAt: '2026-11-21T10:00:00.000000Z',
  revision: 1,
  repaired: [],
} as const satisfies RecordOutcome;

function recording(outcome: () => Promise<RecordOutcome>) {
  const metrics = createMetrics();
  const insert = (): Promise<void> => Promise.resolve();
  const record = (observations: readonly Observation[]) => Promise.allSettled(observations.map(outcome));
  const verdicts = { selectVerdict: () => Promise.resolve('unknown' as const) };
  return {
    metrics,
    activities: createRecordingActivities({
      ...{ record, quarantine: { insert }, verdicts, metrics },
      receive: createReceiver({ redactor: createRedactor(), metrics }),
    }),
  };
}

test('what the worker stores counts under the names of the sources, too', async () => {
  const { metrics, activities } = recording(() =>
    Promise.resolve({ ...STORED, phases: { from: 'Running', to: 'Completed' } }),
  );
  await activities.recordExecution([executionObservation({ columns: { phase: 'Completed' } })]);
  const text = await metrics.registry.metrics();
  expect(text).toContain('kubernaut_workflowexecution_audit_records_total{phase="Completed"} 1');
  expect(text).toContain('kubernaut_workflowexecution_audit_record_duration_seconds_count 1');
  expect(text).toContain('kubernaut_workflowexecution_audit_record_errors_total 0');
});

test.each([
  ['that goes on', { from: undefined, to: 'Running' }],
  ['that had ended before', { from: 'Failed', to: 'Failed' }],
  ['of which nothing was new', undefined],
])('an execution %s is no record of the sources, who record an end once', async (_what, phases) => {
  const { metrics, activities } = recording(() =>
    Promise.resolve({ ...STORED, ...(phases === undefined ? {} : { phases }) }),
  );
  await activities.recordExecution([executionObservation({ columns: { phase: 'Completed' } })]);
  expect(await metrics.registry.metrics()).not.toContain('kubernaut_workflowexecution_audit_records_total{');
});

test('an attempt that fails is an error of the sources, and is thrown so that it is made again', async () => {
  const { metrics, activities } = recording(() => Promise.reject(new Error('the database is away')));
  await expect(activities.recordExecution([executionObservation()])).rejects.toThrow('the database is away');
  const text = await metrics.registry.metrics();
  expect(text).toContain('kubernaut_workflowexecution_audit_record_errors_total 1');
  expect(text).not.toContain('kubernaut_workflowexecution_audit_records_total{');
});
