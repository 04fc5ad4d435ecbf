import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { remediationWorkflowId } from '../../src/temporal/identifiers.ts';
import { closeAudit } from '../../src/workflows/messages.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import type { PlayedRemediation } from '../support/remediations.ts';
import { until } from '../support/until.ts';

let stage: RecordingStage;

beforeAll(async () => {
  stage = await openRecordingStage({ orphanGraceSeconds: 2 });
});
afterAll(() => stage.close());

async function recordOf({ name }: PlayedRemediation): Promise<Record<string, unknown> | undefined> {
  const { rows } = await stage.database.owner.query<Record<string, unknown>>(
    'select overall_phase, verdict, revision, extra from remediation_audit where remediation_uid = $1::text',
    [name.uid],
  );
  return rows[0];
}

async function stored(remediation: PlayedRemediation, revision: number): Promise<void> {
  await until(
    async () => (await stage.executions(remediation))[0]?.['revision'] === revision,
    `${revision} observations of the execution are stored`,
  );
}

test('a run stays open while the remediation does, and closes after its closure and a grace', async () => {
  const remediation = stage.newRemediation();
  await remediation.send(remediation.progress(1, 'Executing'));
  await remediation.send(remediation.execution(2, 'Running'));
  await remediation.send(remediation.execution(3, 'Completed'));
  await stored(remediation, 2);
  expect(await stage.statusOf(remediation)).toBe('RUNNING');

  await remediation.send(remediation.closure(4));
  await stage.closed(remediation);
  expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 2 }]);
  expect(await recordOf(remediation)).toMatchObject({ overall_phase: 'Completed', verdict: 'terminal' });
  expect(await stage.statusOf(remediation)).toBe('COMPLETED');
});

test('a remediation that is deleted before its end closes too, with that verdict', async () => {
  const remediation = stage.newRemediation();
  await remediation.send(remediation.progress(1, 'Executing'));
  const deletion = { overall_phase: 'Executing', verdict: 'deleted-before-terminal' };
  await remediation.send(remediation.closure(2, deletion));
  await stage.closed(remediation);
  expect(await recordOf(remediation)).toMatchObject({ verdict: 'deleted-before-terminal' });
});

test('the workflow id names cluster, namespace, remediation and uid', () => {
  const name = { cluster: 'prod', namespace: 'payments', name: 'rr-7', uid: '0a1b' };
  expect(remediationWorkflowId(name)).toBe('prod/payments/rr-7/0a1b');
  expect(remediationWorkflowId({ ...name, name: 'x'.repeat(400) })).toHaveLength(255);
  expect(remediationWorkflowId({ ...name, name: 'x'.repeat(400) })).toMatch(/\/0a1b$/);
});

describe('what comes after the end', () => {
  test('within the grace is recorded by the same run', async () => {
    const remediation = stage.newRemediation();
    await remediation.send(remediation.closure(5));
    await until(async () => (await recordOf(remediation)) !== undefined, 'the closure is stored');
    await remediation.send(remediation.execution(6, 'Completed'));
    await stage.closed(remediation);
    expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 1 }]);
  });

  test('opens a short run that sees only a child, records it and closes', async () => {
    const remediation = stage.newRemediation();
    await remediation.send(remediation.closure(5));
    await stage.closed(remediation);
    await remediation.send(remediation.execution(6, 'Completed'));
    await remediation.send(remediation.execution(4, 'Running'));
    await stage.closed(remediation);
    expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 2 }]);
    expect(await stage.handleOf(remediation).result()).toBe(
      'late observations recorded; its verdict was terminal already',
    );
  });

  test('does not wait for a closure when an older state of the remediation itself comes late', async () => {
    const remediation = stage.newRemediation();
    await remediation.send(remediation.closure(5));
    await stage.closed(remediation);
    await remediation.send(remediation.progress(3, 'Executing'));
    await stage.closed(remediation);
    expect(await recordOf(remediation)).toMatchObject({ overall_phase: 'Completed', revision: 2 });
  });
});

describe('a remediation whose own resource is never seen', () => {
  test('is waited for, and recorded as ever when it comes', async () => {
    const remediation = stage.newRemediation();
    await remediation.send(remediation.execution(1, 'Running'));
    await stored(remediation, 1);
    await remediation.send(remediation.progress(2, 'Executing'));
    await remediation.send(remediation.closure(3));
    await stage.closed(remediation);
    expect(await recordOf(remediation)).toMatchObject({ verdict: 'terminal' });
  });

  test('closes without a verdict when nothing more comes for long', async () => {
    const remediation = stage.newRemediation();
    await remediation.send(remediation.execution(1, 'Running'));
    await stage.closed(remediation);
    expect(await recordOf(remediation)).toBeUndefined();
    expect(await stage.handleOf(remediation).result()).toMatch(/^closed without a verdict/);
  });

  test('closes when all that was seen of it is deleted', async () => {
    const remediation = stage.newRemediation({ orphanGraceSeconds: 3_600 });
    const last = remediation.execution(2, 'Failed');
    if (last.resource === undefined) throw new Error('an execution is a resource');
    await remediation.send(remediation.execution(1, 'Running'));
    await remediation.send({ ...last, resource: { ...last.resource, deletedAt: last.observedAt } });
    await stage.closed(remediation);
    expect(await stage.executions(remediation)).toEqual([{ phase: 'Failed', revision: 2 }]);
  });
});

describe('an operator', () => {
  test('closes an audit, which is recorded with reason and name, and invents no verdict', async () => {
    const remediation = stage.newRemediation();
    await remediation.send(remediation.progress(1, 'Executing'));
    await until(async () => (await recordOf(remediation)) !== undefined, 'the remediation is recorded');
    const request = { reason: 'its cluster is gone', by: 'alice@example.com' };
    const progress = await stage.handleOf(remediation).executeUpdate(closeAudit, { args: [request] });
    expect(progress.end).toEqual({ by: 'operator', reason: 'alice@example.com: its cluster is gone' });
    await stage.closed(remediation);
    const record = await recordOf(remediation);
    expect(record).toMatchObject({ overall_phase: 'Executing', verdict: 'open' });
    expect(JSON.parse(String(record?.['extra']))).toMatchObject({ closed_by_operator: request });
    const { rows } = await stage.database.owner.query(
      "select actor from audit_ledger where remediation_uid = $1::text and phase = 'closure'",
      [remediation.name.uid],
    );
    expect(rows).toEqual([{ actor: 'alice@example.com' }]);
  });

  test.each([
    ['an empty reason', { reason: '', by: 'alice' }, 'needs a reason'],
    ['no name', { reason: 'gone', by: ' ' }, 'needs a by'],
    ['a novel', { reason: 'x'.repeat(1_001), by: 'alice' }, 'longer than 1000 characters'],
  ])('who gives %s is refused', async (_what, request, complaint) => {
    const remediation = stage.newRemediation();
    await remediation.send(remediation.progress(1, 'Executing'));
    const update = stage.handleOf(remediation).executeUpdate(closeAudit, { args: [request] });
    await expect(update).rejects.toHaveProperty('cause.message', expect.stringContaining(complaint));
    expect(await stage.statusOf(remediation)).toBe('RUNNING');
    await stage.handleOf(remediation).terminate();
  });

  test('who cancels a run has what it holds recorded first', async () => {
    const remediation = stage.newRemediation();
    await stage.stopWorker();
    await remediation.send(remediation.execution(1, 'Running'));
    await remediation.send(remediation.progress(2, 'Executing'));
    await stage.handleOf(remediation).cancel();
    await stage.startWorker();
    await stage.closed(remediation);
    expect(await stage.executions(remediation)).toEqual([{ phase: 'Running', revision: 1 }]);
    expect(JSON.parse(String((await recordOf(remediation))?.['extra']))).toMatchObject({
      closed_by_operator: { by: 'temporal', reason: 'the workflow was cancelled' },
    });
  });
});
