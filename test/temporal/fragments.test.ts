import { afterAll, beforeAll, expect, test } from 'vitest';

import { auditProgress } from '../../src/workflows/messages.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import type { PlayedRemediation } from '../support/remediations.ts';
import { until } from '../support/until.ts';

let stage: RecordingStage;

beforeAll(async () => {
  stage = await openRecordingStage();
});
afterAll(() => stage.close());

async function analysisOf({ name }: PlayedRemediation): Promise<Record<string, unknown> | undefined> {
  const { rows } = await stage.database.owner.query<Record<string, unknown>>(
    'select failure_reason, investigation_report, revision from ai_analysis_audit where remediation_uid = $1::text',
    [name.uid],
  );
  return rows[0];
}

const parkedOf = async (remediation: PlayedRemediation): Promise<number> =>
  (await stage.handleOf(remediation).query(auditProgress)).parked;

test('a fragment waits until the record it belongs to was stored by its own resource', async () => {
  const remediation = stage.newRemediation();
  await remediation.send(remediation.progress(1, 'Executing'));
  await remediation.send(remediation.fragment(2, { failure_reason: 'TimedOut' }));
  // Behind the fragment in the chain of the same resource: it does not wait with it.
  await remediation.send(remediation.progress(3, 'Verifying'));
  await until(async () => (await parkedOf(remediation)) === 1, 'the fragment waits');
  expect(await analysisOf(remediation)).toBeUndefined();

  await remediation.send(remediation.analysis(4, 'the pod was killed for memory'));
  await until(async () => (await analysisOf(remediation))?.['revision'] === 2, 'both are stored');
  expect(await analysisOf(remediation)).toMatchObject({
    failure_reason: 'TimedOut',
    investigation_report: 'the pod was killed for memory',
  });
  expect(await parkedOf(remediation)).toBe(0);
  await remediation.send(remediation.closure(5));
  await stage.closed(remediation);
});

test('a fragment whose record never comes is recorded when the remediation closes', async () => {
  const remediation = stage.newRemediation();
  await remediation.send(remediation.fragment(1, { failure_reason: 'TimedOut' }));
  await remediation.send(remediation.closure(2));
  await stage.closed(remediation);
  expect(await analysisOf(remediation)).toMatchObject({ failure_reason: 'TimedOut', revision: 1 });
});

test('a fragment that comes after the closure does not wait at all', async () => {
  const remediation = stage.newRemediation();
  await remediation.send(remediation.closure(1));
  await stage.closed(remediation);
  await remediation.send(remediation.fragment(2, { failure_reason: 'TimedOut' }));
  await stage.closed(remediation);
  expect(await analysisOf(remediation)).toMatchObject({ failure_reason: 'TimedOut', revision: 1 });
});

test('a fragment of a remediation that is never seen is recorded when its run gives up', async () => {
  const remediation = stage.newRemediation({ orphanGraceSeconds: 1 });
  await remediation.send(remediation.fragment(1, { failure_reason: 'TimedOut' }));
  await stage.closed(remediation);
  expect(await analysisOf(remediation)).toMatchObject({ failure_reason: 'TimedOut', revision: 1 });
});
