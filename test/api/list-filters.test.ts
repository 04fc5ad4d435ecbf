import { randomUUID } from 'node:crypto';

import { beforeAll, describe, expect, test } from 'vitest';

import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { ACTIONS, callsOf, serveTests } from '../support/api.ts';
import { executionObservation } from '../support/observations.ts';

const served = serveTests();
const { get, postAction } = callsOf(served);

type Json = Record<string, unknown>;

describe('a list is narrowed', () => {
  const scope = `list-${randomUUID()}`;
  beforeAll(async () => {
    for (const [name, more] of Object.entries({
      first: { success: false, start_time: '2026-11-01T00:00:00Z', retry_count: 0 },
      second: { success: true, start_time: '2026-11-02T00:00:00Z', target_namespace: 'prod-payments' },
      third: { success: true, start_time: '2026-11-03T00:00:00Z', duration: 1_500_000_000 },
    })) {
      await postAction({ execution_id: name, workflow_ref: scope, ...more });
    }
  });
  const names = async (query: string): Promise<unknown[]> => {
    const { items } = await get<{ items: Json[] }>(`${ACTIONS}?workflow_ref=${scope}&${query}`);
    return items.map((item) => item['execution_id']);
  };
  test.each([
    ['', ['third', 'second', 'first']],
    ['order=oldest', ['first', 'second', 'third']],
    ['success=true', ['third', 'second']],
    ['retry_count=0', ['first']],
    ['target_namespace_prefix=prod-', ['second']],
    ['target_namespace=', ['third', 'first']],
    ['duration=1500000000', ['third']],
    ['duration=1.5s', ['third']],
    ['since=2026-11-02T00:00:00Z', ['third', 'second']],
    ['until=2026-11-02T00:00:00Z', ['first']],
    ['start_time=2026-11-03T01:00:00%2B01:00', ['third']],
    ['execution_id=first&execution_id=third', ['third', 'first']],
    ['target_namespace=&target_namespace=prod-payments', ['third', 'second', 'first']],
    ['execution_id_prefix=se&execution_id_prefix=th', ['third', 'second']],
  ])('by %s', async (query, expected) => {
    expect(await names(query)).toEqual(expected);
  });

  test('page by page in either order, and a page is no longer than asked for', async () => {
    for (const order of ['newest', 'oldest']) {
      const seen: unknown[] = [];
      let cursor = '';
      for (let page = 0; page < 3; page += 1) {
        const url = `${ACTIONS}?workflow_ref=${scope}&order=${order}&limit=1${cursor}`;
        const { items, next_cursor } = await get<{ items: Json[]; next_cursor: string | null }>(url);
        seen.push(...items.map((item) => item['execution_id']));
        cursor = `&cursor=${String(next_cursor)}`;
        expect(next_cursor === null).toBe(page === 2);
      }
      expect(seen).toEqual(order === 'newest' ? ['third', 'second', 'first'] : ['first', 'second', 'third']);
    }
  });

  test('and comes as lines or as a table, with the next page in a header', async () => {
    const url = `${ACTIONS}?workflow_ref=${scope}&limit=2`;
    const lines = await served.api.inject({ url, headers: { accept: 'application/x-ndjson' } });
    expect(lines.headers['content-type']).toContain('application/x-ndjson');
    expect(
      lines.body
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as Json)['execution_id']),
    ).toEqual(['third', 'second']);
    expect(lines.headers['link']).toMatch(
      /^<\/api\/v1\/audit\/kubernetes-execution\?.*cursor=.*>; rel="next"$/,
    );

    const table = await served.api.inject({ url, headers: { accept: 'text/csv' } });
    const [header = '', first = ''] = table.body.split('\r\n');
    const column = header.split(',').indexOf('duration');
    expect(first.split(',')[column]).toBe('00:00:01.5');
    expect((await served.api.inject({ url, headers: { accept: 'image/png' } })).statusCode).toBe(406);
  });

  test.each([
    ['success=perhaps', '?success'],
    ['step_index=2.5', '?step_index'],
    ['step_index=99999999999', '?step_index'],
    ['id=7', '?id'],
    ['start_time=yesterday', '?start_time'],
    ['order=random', '?order'],
    ['action_parameters=x', '?action_parameters'],
    ['success_prefix=t', '?success_prefix'],
    ['execution_id=%00', '?execution_id'],
    ['execution_id=a&execution_id=%00', '?execution_id'],
    [`execution_id=${'a&execution_id='.repeat(20)}b`, '?execution_id'],
    ['since=soon', '?since'],
    ['since=1h&since=2h', '?since'],
  ])('but not by %s', async (query, pointer) => {
    const problem = await get(`${ACTIONS}?${query}`, 400);
    expect(problem).toMatchObject({ errors: [{ pointer }] });
  });
});

test('since and until of a list take a length of time before now', async () => {
  const scope = `ago-${randomUUID()}`;
  const minute = 60_000;
  for (const minutes of [30, 90, 180])
    await postAction({
      execution_id: String(minutes),
      workflow_ref: scope,
      start_time: new Date(Date.now() - minutes * minute).toISOString(),
    });
  const minutesBack = async (window: string): Promise<unknown[]> => {
    const { items } = await get<{ items: Json[] }>(`${ACTIONS}?workflow_ref=${scope}&${window}`);
    return items.map((item) => item['execution_id']);
  };
  expect(await minutesBack('since=1h')).toEqual(['30']);
  expect(await minutesBack('since=2%20hours&until=PT1H')).toEqual(['90']);
  expect(await minutesBack('until=100m')).toEqual(['180']);
});

describe('a column with words of its own', () => {
  const workflow = `words-${randomUUID()}`;
  const names = async (query: string): Promise<unknown[]> => {
    const { items } = await get<{ items: Json[] }>(
      `/api/v1/audit/remediation?workflow_id=${workflow}&order=oldest&${query}`,
    );
    return items.map((item) => item['remediation_id']);
  };
  beforeAll(async () => {
    const base = executionObservation();
    const observations = ['Failed', 'TimedOut', 'Completed', 'Hibernating'].map((phase, index) => ({
      ...base,
      table: 'remediation_audit',
      key: naturalKey(workflow, phase),
      createdAt: `2026-11-0${index + 1}T00:00:00.000000Z`,
      columns: { remediation_id: phase, workflow_id: workflow, overall_phase: phase },
    }));
    await createRecordStore(served.database.writer).record(observations);
  });

  test.each([
    ['overall_phase=Failed', ['Failed']],
    ['overall_phase=failed', ['Failed']],
    ['overall_phase=Failed,TimedOut', ['Failed', 'TimedOut']],
    ['overall_phase=Completed&overall_phase=timeout', ['TimedOut', 'Completed']],
    ['overall_phase_prefix=H', ['Hibernating']],
  ])('%s finds it, however it is spelled', async (query, expected) => {
    expect(await names(query)).toEqual(expected);
  });

  test.each([
    ['overall_phase=Nonsense', 'must be one of Pending, '],
    ['overall_phase=Failed,Nonsense', 'not "Nonsense"; overall_phase_prefix takes any text'],
    ['phase=Failed', 'did you mean overall_phase?'],
    ['verdikt=open', 'did you mean verdict?'],
  ])('%s is refused with what was probably meant', async (query, detail) => {
    const problem = await get<{ detail: string }>(`/api/v1/audit/remediation?${query}`, 400);
    expect(problem.detail).toContain(detail);
  });
});
