import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import type { ArchiveReader } from '../../src/archive/reader/archive-reader.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { createTestApi } from '../support/api.ts';
import { testArchiveReader } from '../support/archive-reader.ts';
import { ARCHIVED_MONTH, OVER_TWO_MONTHS } from '../support/archived-blocker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runPlugin } from '../support/kubectl-plugin.ts';
import { retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

/* The remediation that was in the way of another one is looked up where it is. */

let database: TestDatabase;
let folder: TestFolder;
let reader: ArchiveReader;
let api: FastifyInstance;
let server: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await createTestFolder();
  const key = await readOrCreateSigningKey(folder.file('key.pem'));
  const store = createFolderStore(folder.file('archive'));
  await createRecordStore(database.writer).record(OVER_TWO_MONTHS);
  ({ reader } = testArchiveReader({ store, key, folder: folder.path }));
  const steps = { ownerUrl: database.url('audit_owner'), store, key, folder: folder.path };
  expect(await runRetention(retentionSteps(steps), ARCHIVED_MONTH)).toEqual(['2020-01: dropped']);
  api = createTestApi(database, { archive: { reader } });
  server = await api.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  await api.close();
  await reader.close();
  await database.close();
  await folder.remove();
});

const address = (name: string): string => `/api/v1/remediations/test/payments/${name}`;

async function blocksOf(path: string): Promise<object[]> {
  const answer = await api.inject({ url: path });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<{ summary: { blocks: object[] } }>().summary.blocks;
}

async function why(name: string): Promise<string> {
  const { code, stdout, stderr } = await runPlugin(['why', `test/payments/${name}`], {
    REMEDIATION_AUDIT_SERVER: server,
  });
  expect(code, stderr).toBe(0);
  return stdout;
}

test('whose execution was in the way is said where only the archive knows it, and where that was read', async () => {
  const other = { namespace: 'payments', name: 'running', uid: 'uid-running', source: 'archive' };
  expect(await blocksOf(address('blocked'))).toMatchObject([
    { conflicting_execution: 'payments/we-running', conflicting_remediation: other },
  ]);
  expect(await why('blocked')).toMatch(
    /^blocked +ResourceBusy, by execution payments\/we-running of remediation running \(in the archive\)$/m,
  );
  const found = await api.inject({ url: `${address(other.name)}?uid=${other.uid}&view=full` });
  expect(found.json()).toMatchObject({ remediation: { remediation_uid: other.uid, source: 'archive' } });
});

test('without the archive no record is found, and the month that was not searched is named', async () => {
  const answer = await api.inject({ url: `${address('blocked')}?include_archive=false` });
  expect(answer.json()).toMatchObject({
    summary: { blocks: [{ conflicting_remediation: null }] },
    unsearched: { months: ['2020-01'] },
  });
});

test('that nobody recorded what was in the way is said', async () => {
  expect(await blocksOf(address('waiting'))).toMatchObject([{ conflicting_remediation: null }]);
  expect(await why('waiting')).toMatch(
    /^blocked +ResourceBusy, by execution payments\/we-unseen \(no record of it was found\)$/m,
  );
});
