import { afterAll, beforeAll, expect, test } from 'vitest';

import { MAX_RECORD_BYTES, MAX_REDACTED_RECORD_BYTES } from '../../src/domain/limits.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { slownessOfMachine } from '../support/machine-speed.ts';

const ONE = '/api/v1/audit/kubernetes-execution';
/** Of this process; so long as nothing stops it, a busy machine needs a fraction of it. */
const PATIENCE_MS = 8_000 * slownessOfMachine();

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

interface BatchBody {
  readonly results: readonly {
    readonly status: number;
    readonly type?: string;
    readonly id?: string;
    readonly cut_fields?: readonly string[];
  }[];
}

async function postBatch(records: readonly object[], given: Parameters<typeof createTestApi>[1] = {}) {
  const api = createTestApi(database, given);
  const answer = await api.inject({ method: 'POST', url: `${ONE}/batch`, payload: [...records] });
  return { status: answer.statusCode, results: answer.json<BatchBody>().results };
}

async function storedParameters(id: string): Promise<string> {
  const { rows } = await database.owner.query<{ extra: string }>(
    'select extra::text as extra from kubernetes_execution_audit where execution_id = $1',
    [id],
  );
  return rows[0]?.extra ?? '';
}

async function isStored(id: string): Promise<boolean> {
  const { rowCount } = await database.owner.query(
    'select 1 from kubernetes_execution_audit where execution_id = $1',
    [id],
  );
  return rowCount === 1;
}

/** What a call gives, and the milliseconds of the processor that this process took for it. */
async function withProcessorTime<T>(call: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const before = process.cpuUsage();
  const result = await call();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1_000, result };
}

const keysLike = (count: number): Record<string, number> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `AKIA${index.toString(36).toUpperCase().padStart(16, '0')}`,
      1,
    ]),
  );

test('2,000 keys that redact alike are stored quickly, and small', async () => {
  const record = { execution_id: 'alike', success: true, notes: keysLike(2_000) };
  const { length } = JSON.stringify(record);
  const { ms, result } = await withProcessorTime(() => postBatch([record]));
  expect(result.status).toBe(201);
  expect(ms).toBeLessThan(PATIENCE_MS);
  const stored = await storedParameters('alike');
  expect(stored).toContain('[REDACTED:aws-access-key]+2000');
  expect(stored.length).toBeLessThan(2 * length);
});

test.each([
  ['130,000 line breaks', { notes: `Secret data:${'\n'.repeat(130_000)}` }],
  ['quotes without an end', { notes: 'token="'.repeat(30_000) }],
  ['keys that redact alike', { notes: keysLike(9_000) }],
])('a good record is stored beside one with %s', async (name, hostile) => {
  const { results } = await postBatch([
    { execution_id: `good beside ${name}`, success: true },
    { execution_id: `hostile ${name}`, success: true, ...hostile },
  ]);
  expect(results[0]?.status).toBe(201);
  expect(results[1]?.status).toBe(201);
  expect(await isStored(`good beside ${name}`)).toBe(true);
});

test('a record that the service fails on costs only itself, and says nothing of the inside', async () => {
  const redactor = createRedactor();
  const failing = {
    ...redactor,
    redactColumns: (...[definition, columns]: Parameters<typeof redactor.redactColumns>) => {
      if (columns['execution_id'] === 'poison') throw new RangeError('a secret of the code');
      return redactor.redactColumns(definition, columns);
    },
  };
  const { status, results } = await postBatch(
    [
      { execution_id: 'before poison', success: true },
      { execution_id: 'poison', success: true },
      { execution_id: 'after poison', success: true },
    ],
    { redactor: failing },
  );
  expect(status).toBe(207);
  expect(results.map((result) => result.status)).toEqual([201, 422, 201]);
  expect(results[1]).toMatchObject({ type: 'urn:remediation-audit:problem:unpreparable-record' });
  expect(JSON.stringify(results)).not.toContain('a secret of the code');
  expect(await isStored('before poison')).toBe(true);
  expect(await isStored('after poison')).toBe(true);
});

test('a record that is too large once its secrets are replaced is cut once more', async () => {
  const pairs = Array.from({ length: 9_500 }, () => ({ name: 'PWD', value: 1 }));
  const record = { execution_id: 'grown', success: true, notes: pairs };
  expect(JSON.stringify(record).length).toBeLessThan(MAX_RECORD_BYTES);
  const { status, results } = await postBatch([record]);
  expect(status).toBe(201);
  expect(results[0]).toMatchObject({ cut_fields: ['extra'] });
  const stored = await storedParameters('grown');
  expect(stored.length).toBeLessThan(1.1 * MAX_REDACTED_RECORD_BYTES);
  expect(stored).toContain('items left out');
});

/** Nearly as large as a body may be. */
const LARGE = 5_000_000;

test.each<[string, object]>([
  ['one text', { output: 'word '.repeat(LARGE / 5) }],
  ['a text that has to be escaped', { output: '\n'.repeat(LARGE / 2) }],
  ['a million members', { notes: Array.from({ length: LARGE / 5 }, () => 1_000) }],
  ['texts of a few characters', { notes: Array.from({ length: LARGE / 10 }, () => 'abcdefg') }],
  [
    'keys without number',
    { notes: Object.fromEntries(Array.from({ length: 380_000 }, (_, index) => [index + 1e6, 1])) },
  ],
  [
    'lists in lists',
    {
      notes: nested(
        28,
        Array.from({ length: LARGE / 9 }, () => [1, [2]]),
      ),
    },
  ],
])('5 MB in %s are stored in their room, and soon', async (name, large) => {
  const record = { execution_id: `large: ${name}`, success: true, ...large };
  const { ms, result } = await withProcessorTime(() => postBatch([record]));
  expect(result.results[0]).toMatchObject({ status: 201, cut_fields: [expect.any(String)] });
  expect(ms).toBeLessThan(PATIENCE_MS);
});

function nested(levels: number, value: unknown): unknown {
  return levels === 0 ? value : [nested(levels - 1, value)];
}

test('a record with a fault in each of 131,000 items costs only itself, and its answer is short', async () => {
  const workflow = '/api/v1/audit/workflow-execution/batch';
  const steps = Array.from({ length: 131_000 }, () => 1);
  const good = { remediation_id: 'beside many faults', workflow_id: 'restart', phase: 'Completed' };
  const answer = await createTestApi(database).inject({
    method: 'POST',
    url: workflow,
    payload: [{ ...good, remediation_id: 'many faults', step_executions: steps }, good],
  });
  const { results } = answer.json<BatchBody>();
  expect(results.map(({ status }) => status)).toEqual([422, 201]);
  expect(results[0]).toMatchObject({ type: 'urn:remediation-audit:problem:invalid-record' });
  expect(answer.body.length).toBeLessThan(32 * 1024);
});
