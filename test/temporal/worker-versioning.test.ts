import { randomUUID } from 'node:crypto';

import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type RunningWorker, startWorker } from '../../src/worker/start-worker.ts';
import { auditProgress } from '../../src/workflows/messages.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import { until } from '../support/until.ts';

const DEADLINE_MS = 110_000;
const deploymentName = `audit-${randomUUID()}`;

let stage: RecordingStage;

beforeAll(async () => {
  stage = await openRecordingStage();
  await stage.stopWorker();
});
afterAll(() => stage.close());

function startBuild(buildId: string): Promise<RunningWorker> {
  const { access, taskQueue } = stage.temporal;
  return startWorker({
    temporal: access,
    queues: [{ taskQueue, activities: stage.activities() }],
    shutdownGraceSeconds: 1,
    version: { deploymentName, buildId },
  });
}

/** As `temporal worker deployment set-current-version` does, once the server has met the build. */
async function makeCurrent(buildId: string): Promise<void> {
  const { workflowService } = stage.temporal.connection;
  const { namespace } = stage.temporal.access;
  await until(
    () =>
      workflowService.setWorkerDeploymentCurrentVersion({ namespace, deploymentName, buildId }).then(
        () => true,
        () => false,
      ),
    `build ${buildId} is current`,
    DEADLINE_MS,
  );
}

async function buildOf(handle: WorkflowHandle): Promise<string | undefined> {
  const { raw } = await handle.describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId ?? undefined;
}

test(
  'a versioned worker waits for its build to become current, and open runs go on with the next build',
  { timeout: 3 * DEADLINE_MS },
  async () => {
    const remediation = stage.newRemediation();
    const handle = stage.handleOf(remediation);
    const first = await startBuild('build-1');
    await remediation.send(remediation.execution(1, 'Running'));
    expect(await buildOf(handle)).toBeUndefined();
    await makeCurrent('build-1');
    const recorded = async (): Promise<number> =>
      Object.values((await handle.query(auditProgress)).records)[0]?.stored ?? 0;
    await until(async () => (await recorded()) === 1, 'build 1 has recorded', DEADLINE_MS);
    expect(await buildOf(handle)).toBe('build-1');

    const second = await startBuild('build-2');
    await makeCurrent('build-2');
    await first.stop();
    await remediation.send(remediation.execution(2, 'Completed'));
    await remediation.send(remediation.closure(3));
    await stage.closed(remediation);
    expect(await buildOf(handle)).toBe('build-2');
    expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 2 }]);
    await second.stop();
  },
);
