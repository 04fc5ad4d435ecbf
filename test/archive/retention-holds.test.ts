import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createFolderStore } from '../../src/archive/folder-store.ts';
import type { FaultPoint } from '../../src/archive/retention-steps.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/signing-key.ts';
import { placeHold } from '../../src/database/holds.ts';
import { partitionsOf } from '../../src/database/month-detach.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let month = '2017-12-01';

beforeAll(async () => {
  [database, folder] = await Promise.all([createTestDatabase(), createTestFolder()]);
  key = await readOrCreateSigningKey(folder.file('key.pem'));
});
afterAll(async () => {
  await database.close();
  await folder.remove();
});
beforeEach(() => {
  month = addMonths(month, 1);
});

const DURING: readonly FaultPoint[] = [
  'frozen',
  'copied',
  'uploaded',
  'verified',
  'manifest-written',
  'archived',
  'detaching',
  'detached-by-catalogue',
  'compared',
  'detached',
  'verified-again',
];

test.each(DURING)('a hold placed when a month is %s wins over the run', async (point) => {
  const store = createFolderStore(folder.file(`archive-${month}`));
  await recordExecutions(database, month, 12);
  const holds: string[] = [];
  const scope = { from: `${month}T00:00:00Z`, to: `${addMonths(month, 1)}T00:00:00Z` };
  const report = await runRetention(
    retentionSteps(
      { ownerUrl: database.url('audit_owner'), store, key, folder: folder.path },
      {
        reached: async (at) => {
          if (at === point && holds.length === 0)
            holds.push((await placeHold(database.writer, scope, { by: 'auditor', reason: 'case 17' })).id);
        },
      },
    ),
    month,
  );
  expect(report).toEqual([`${month.slice(0, 7)}: kept and attached again because of a hold`]);
  const places = (await partitionsOf(database.owner, month)).map(({ place: where }) => where);
  expect(new Set(places)).toEqual(new Set(['attached']));
  const { rows } = await database.owner.query<{ count: string }>(
    'select count(*) from workflow_execution_audit where created_at >= $1 and created_at < $2',
    [month, addMonths(month, 1)],
  );
  expect(rows).toEqual([{ count: '12' }]);
});
