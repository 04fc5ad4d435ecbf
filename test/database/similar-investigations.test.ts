import { afterAll, beforeAll, expect, test } from 'vitest';

import { createEmbeddingActivities } from '../../src/activities/embedding.ts';
import { similarCommand } from '../../src/cli/similar.ts';
import { UsageError } from '../../src/config/settings.ts';
import type { EmbeddingStore } from '../../src/database/embeddings/embedding-store.ts';
import { createEmbeddingStore } from '../../src/database/embeddings/embedding-store.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { createOfflineEmbedder } from '../../src/embedding/offline-embedder.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { SimilarQuestion } from '../../src/query/similar-investigations.ts';
import { findSimilarInvestigations } from '../../src/query/similar-investigations.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';

const embedder = createOfflineEmbedder();

let database: TestDatabase;
let store: EmbeddingStore;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createEmbeddingStore(database.writer);
  await investigate(
    'oom',
    'production',
    'The api pod was killed because it used more memory than its limit allows.',
  );
  await investigate(
    'oom-2',
    'production',
    'The worker pod was killed, its memory limit is lower than what it uses.',
  );
  await investigate(
    'disk',
    'production',
    'The volume of the database is full, old segments were not removed.',
  );
  await investigate(
    'oom-dev',
    'development',
    'The api pod was killed because it used more memory than its limit.',
  );
});
afterAll(() => database.close());

async function investigate(fingerprint: string, environment: string, report: string): Promise<void> {
  const [stored] = await createRecordStore(database.writer).record([
    executionObservation({
      table: 'ai_analysis_audit',
      key: fingerprint,
      columns: {
        crd_name: fingerprint,
        alert_fingerprint: fingerprint,
        environment,
        investigation_report: report,
      },
    }),
  ]);
  if (stored?.status !== 'stored') throw new Error('not stored');
  const activities = createEmbeddingActivities({
    store,
    embedder,
    logger: createLogger('silent', 'test'),
    metrics: createMetrics(),
  });
  expect(await activities.embedInvestigation({ id: stored.id, createdAt: stored.createdAt })).toBe('placed');
  expect(await activities.embedInvestigation({ id: stored.id, createdAt: stored.createdAt })).toBe(
    'unchanged',
  );
}

const search = (question: SimilarQuestion) => findSimilarInvestigations(store, embedder, question);
const fingerprints = async (question: SimilarQuestion): Promise<(string | null)[]> =>
  (await search(question)).map(({ alertFingerprint }) => alertFingerprint);

test('a text finds what was said about something alike, in the environment that was asked for', async () => {
  const text = 'pod killed, memory above its limit';
  expect((await fingerprints({ text, environment: 'production', limit: 2 })).sort()).toEqual([
    'oom',
    'oom-2',
  ]);
  expect(await fingerprints({ text, environment: 'development', limit: 5 })).toEqual(['oom-dev']);
});

test('a fingerprint finds its neighbours and not itself', async () => {
  expect(await fingerprints({ fingerprint: 'oom', limit: 2 })).toEqual(['oom-dev', 'oom-2']);
  await expect(search({ fingerprint: 'never-seen', limit: 2 })).rejects.toThrow('ask with a text instead');
});

test('the command prints a table or JSON, and refuses what it does not understand', async () => {
  const output: string[] = [];
  const run = (...args: string[]) => similarCommand(args, search, (text) => void output.push(text));
  await run('--text', 'disk full', '--limit', '1');
  expect(output.pop()).toMatch(/^ *0\.\d{3} {2}2026-11-21 {2}production {3}disk +The volume/m);
  await run('--text', 'disk full', '--limit', '1', '--format', 'json');
  expect(JSON.parse(output.pop() ?? '')).toMatchObject({
    kind: 'SimilarInvestigationList',
    items: [{ alert_fingerprint: 'disk' }],
  });
  for (const wrong of [
    [],
    ['--text', 'a', '--fingerprint', 'b'],
    ['--text', 'a', '--limit', '0'],
    ['--nothing'],
  ]) {
    await expect(run(...wrong)).rejects.toBeInstanceOf(UsageError);
  }
});
