import { randomUUID } from 'node:crypto';

import type { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import { MAINTENANCE_QUEUE, RECORDING_QUEUE } from '../../src/temporal/identifiers.ts';
import { createRemediationSignals } from '../../src/temporal/remediation-signals.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { playRemediation } from '../support/remediations.ts';
import { connectTestTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { type RunningProgram, startProgram } from '../support/up.ts';

const { temporal } = proto;

/** Of its own: `work` serves queues of fixed names, and all files share one server. */
const NAMESPACE = `queues-${randomUUID()}`;
const RETENTION_SECONDS = 86_400;
const START_MS = 110_000;

let database: TestDatabase;
let stage: TestTemporal;
const programs: RunningProgram[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  stage = await connectTestTemporal({ namespace: NAMESPACE });
  await registerNamespace(stage.connection);
}, START_MS);
afterAll(async () => {
  for (const { child } of programs) child.kill('SIGTERM');
  await Promise.all(programs.map(({ exited }) => exited));
  await Promise.all([stage.close(), database.close()]);
});

async function registerNamespace({ workflowService }: Connection): Promise<void> {
  await workflowService.registerNamespace({
    namespace: NAMESPACE,
    workflowExecutionRetentionPeriod: { seconds: RETENTION_SECONDS as never },
  });
  const isKnown = (): Promise<boolean> =>
    workflowService.describeTaskQueue({ namespace: NAMESPACE, taskQueue: { name: 'any' } }).then(
      () => true,
      () => false,
    );
  await until(isKnown, 'the namespace is known', START_MS);
}

/** `work` as a process, serving one of the queues, with the connection that this one needs and no other. */
function work(queues: 'recording' | 'maintenance'): void {
  const env = {
    ...(queues === 'recording'
      ? { DATABASE_URL: database.url('audit_writer') }
      : { DATABASE_OWNER_URL: database.url('audit_owner') }),
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    TEMPORAL_NAMESPACE: NAMESPACE,
    REMEDIATION_AUDIT_WORKER_QUEUES: queues,
    REMEDIATION_AUDIT_WORKER_METRICS_PORT: '0',
    REMEDIATION_AUDIT_LOG_LEVEL: 'error',
  };
  programs.push(startProgram(['work'], { env }));
}

async function isServed(queue: string): Promise<boolean> {
  const { pollers } = await stage.connection.workflowService.describeTaskQueue({
    namespace: NAMESPACE,
    taskQueue: { name: queue },
    taskQueueType: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
  });
  return pollers.length > 0;
}

const said = (): string => programs.map((program) => program.output()).join('');

test(
  'each of the two queues is served alone, recording without the owner and maintenance without the writer',
  { timeout: 3 * START_MS },
  async () => {
    work('recording');
    await until(
      () => isServed(RECORDING_QUEUE),
      () => `recording is served: ${said()}`,
      START_MS,
    );
    expect(await isServed(MAINTENANCE_QUEUE)).toBe(false);
    const signals = createRemediationSignals(stage.client, { lateGraceSeconds: 0 });
    const remediation = playRemediation(signals);
    await remediation.send(remediation.closure(1));
    await stage.client.workflow.getHandle(remediation.workflowId).result();

    const rollover = await stage.client.workflow.start('partitionRollover', {
      workflowId: 'rollover',
      taskQueue: MAINTENANCE_QUEUE,
    });
    work('maintenance');
    expect(await rollover.result()).toBeGreaterThan(0);
    expect(await isServed(MAINTENANCE_QUEUE)).toBe(true);

    const [recording] = programs;
    recording?.child.kill('SIGTERM');
    expect(await recording?.exited).toBe(0);
    const waiting = playRemediation(signals);
    await waiting.send(waiting.closure(1));
    const { rows } = await database.owner.query('select remediation_uid from remediation_audit');
    expect(rows).toEqual([{ remediation_uid: remediation.name.uid }]);
  },
);
