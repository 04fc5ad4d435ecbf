import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { findFreePort } from '../../dev/servers/process/ports.ts';
import { newestByMonth, readChain } from '../../src/archive/manifest/verify-archive.ts';
import { createS3Store } from '../../src/archive/store/s3-store.ts';
import { createTestApi } from '../support/api.ts';
import { testArchiveReader } from '../support/archive-reader.ts';
import type { MonthsStage } from '../support/archived-months.ts';
import { createMonthsStage, EXECUTIONS, FEBRUARY, JANUARY } from '../support/archived-months.ts';

const TABLE = 'workflow_execution_audit';
const PROBLEM = 'urn:remediation-audit:problem:';

test('an answer that would lack the rows of a store out of reach names the store; the database still answers', async () => {
  await using stage = await createMonthsStage();
  await stage.archive(JANUARY);
  const away = createS3Store({
    bucket: 'audit',
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${await findFreePort()}`,
    pathStyle: true,
    credentials: { accessKeyId: 'nobody', secretAccessKey: 'nothing' },
  });
  const { reader } = testArchiveReader({ store: away, key: stage.key, folder: stage.folder.file('away') });
  const api = createTestApi(stage.database, { archive: { reader } });
  const problem = (await api.inject({ url: `${EXECUTIONS}?limit=1000` })).json<{ detail: string }>();
  expect(problem).toMatchObject({ status: 503, type: `${PROBLEM}archive-unavailable` });
  expect(problem.detail).toContain('s3://audit/');
  expect((await api.inject({ url: `${EXECUTIONS}?limit=5` })).statusCode).toBe(200);
  expect((await api.inject({ url: `${EXECUTIONS}?include_archive=false` })).statusCode).toBe(200);
  await api.close();
  await reader.close();
});

test.each([
  [
    'damaged',
    async (path: string) => {
      await chmod(path, 0o644);
      await writeFile(path, 'no parquet');
    },
  ],
  ['gone', (path: string) => rm(path)],
])('an answer that would lack the rows of a part that is %s names the part', async (_name, spoil) => {
  await using stage = await createMonthsStage();
  await stage.archive(JANUARY);
  await stage.archive(FEBRUARY);
  const part = await partOf(stage, '2020-01');
  await spoil(join(stage.folder.file('archive'), part));
  const all = `${EXECUTIONS}?limit=1000`;
  const problem = (await stage.api.inject({ url: all })).json<{ detail: string }>();
  expect(problem).toMatchObject({ status: 503, type: `${PROBLEM}archive-damaged` });
  expect(problem.detail).toContain(part);
  expect((await stage.api.inject({ url: `${all}&since=2020-02-01T00:00:00Z` })).statusCode).toBe(200);
});

async function partOf({ store, key }: MonthsStage, month: string): Promise<string> {
  const { manifests } = await readChain(store, new Map([[key.keyId, key.publicKey]]));
  const parts = [...newestByMonth(manifests).values()].flatMap((manifest) => manifest.parts);
  const found = parts.find((part) => part.table === TABLE && part.key.includes(`month=${month}`));
  if (found === undefined) throw new Error(`${store.location} has no part of ${TABLE} for ${month}`);
  return found.key;
}
