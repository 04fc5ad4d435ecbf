import { randomUUID } from 'node:crypto';

import { expect, test } from 'vitest';

import { createQuarantine } from '../../src/database/recording/quarantine.ts';
import { createTestApi, serveTests } from '../support/api.ts';
import { executionObservation } from '../support/observations.ts';

const served = serveTests();

type Json = Record<string, unknown>;

async function get<T = Json>(url: string): Promise<T> {
  const answer = await served.api.inject({ url });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
}

const redrive = (id: string, service = served.api) =>
  service.inject({ method: 'POST', url: `/api/v1/quarantine/${id}/redrive` });

test('a quarantined observation is listed, and settled once it can be stored', async () => {
  const observation = executionObservation();
  const poison = { ...observation, columns: { ...observation.columns, effectiveness_score: '7' } };
  const quarantine = createQuarantine(served.database.writer);
  const refused = { status: 'refused', id: randomUUID(), reason: 'not yet', sqlstate: '23514' } as const;
  await quarantine.insert(poison, refused);
  await quarantine.insert(observation, refused);
  const { items } = await get<{ items: Json[] }>('/api/v1/quarantine');
  expect(items).toHaveLength(2);
  const [stillPoison, storable] = items.map(({ id }) => String(id));
  expect((await redrive(stillPoison ?? '')).statusCode).toBe(422);
  const driven = await redrive(storable ?? '');
  expect(driven.statusCode, driven.body).toBe(200);
  expect(
    await get(`/api/v1/audit/workflow-execution/${driven.json<{ record_id: string }>().record_id}`),
  ).toMatchObject({
    phase: 'Running',
  });
  expect((await redrive(storable ?? '')).statusCode).toBe(409);
  expect((await redrive(randomUUID())).statusCode).toBe(404);
  expect(await get('/api/v1/quarantine')).toMatchObject({ items: [{ reason: 'not yet' }] });
});

test('an observation that PostgreSQL cannot take now stays quarantined, and the answer says who has it', async () => {
  const refused = { status: 'refused', id: randomUUID(), reason: 'not yet', sqlstate: '23514' } as const;
  const observation = executionObservation();
  await createQuarantine(served.database.writer).insert(observation, refused);
  const { items } = await get<{ items: Json[] }>('/api/v1/quarantine');
  const id = String(items.at(-1)?.['id']);
  const away = createTestApi(served.database, {
    durability: {
      keep: () => Promise.resolve([{ status: 'deferred', id: refused.id, createdAt: observation.createdAt }]),
      pending: () => 0,
      drain: () => Promise.resolve(),
    },
  });
  const answer = await redrive(id, away);
  await away.close();
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toMatchObject({
    type: 'urn:remediation-audit:problem:database-unavailable',
    detail: expect.stringContaining('Temporal keeps the observation now') as string,
  });
  expect(await get('/api/v1/quarantine')).toMatchObject({
    items: expect.arrayContaining([expect.objectContaining({ id, resolved_at: null })]) as Json[],
  });
});
