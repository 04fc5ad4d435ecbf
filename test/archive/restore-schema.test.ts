import { afterAll, beforeAll, expect, test } from 'vitest';

import { ArchiveSchemaError } from '../../src/archive/archive-errors.ts';
import { exportTable } from '../../src/archive/export/export-table.ts';
import { countRows, createManifestChain } from '../../src/archive/manifest/manifest.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import { verifyArchive } from '../../src/archive/manifest/verify-archive.ts';
import type { ArchivedTable } from '../../src/archive/parquet/archive-schema.ts';
import { ARCHIVED_TABLES } from '../../src/archive/parquet/archive-schema.ts';
import { withWorkFolder } from '../../src/archive/parquet/duckdb.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { withMaintenanceClient } from '../../src/database/maintenance.ts';
import { partitionsOf } from '../../src/database/months/month-detach.ts';
import { addMonths, instantOf } from '../../src/domain/instant.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { restoreSteps, rowsOfMonth, runRestore } from '../support/restore.ts';
import { recordExecutions } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const MONTH = '2020-01-01';
const TABLE = 'workflow_execution_audit';

let source: TestDatabase;
let target: TestDatabase;
let folder: TestFolder;
let key: SigningKey;

beforeAll(async () => {
  source = await createTestDatabase({ monthsAhead: 1 });
  target = await createTestDatabase({ monthsAhead: 1 });
  folder = await createTestFolder();
  key = await readOrCreateSigningKey(folder.file('key.pem'));
  await recordExecutions(source, MONTH, 5);
});
afterAll(async () => {
  await source.close();
  await target.close();
  await folder.remove();
});

/** Archives the month as another release would, whose table has other columns. */
async function archiveAs(store: ObjectStore, change: (table: ArchivedTable) => ArchivedTable): Promise<void> {
  const parts = await withMaintenanceClient(
    { connectionString: source.url('audit_owner'), lockTimeoutMs: 500 },
    (client) =>
      withWorkFolder(folder.path, async (work) => {
        const exported = [];
        for (const table of ARCHIVED_TABLES) {
          const written = table.table === TABLE ? change(table) : table;
          const given = { held: false, reached: () => Promise.resolve() };
          exported.push(
            ...(await exportTable(written, {
              client,
              store,
              folder: work,
              month: MONTH,
              partRows: 10,
              ...given,
            })),
          );
        }
        return exported;
      }),
  );
  await createManifestChain(store, key, trusted()).append({
    month: MONTH,
    createdAt: instantOf(Date.now()),
    schemaVersion: 1,
    range: [`${MONTH}T00:00:00.000000Z`, `${addMonths(MONTH, 1)}T00:00:00.000000Z`],
    rows: countRows(parts),
    parts,
  });
}

const trusted = () => new Map([[key.keyId, key.publicKey]]);
const restore = (store: ObjectStore) =>
  runRestore(restoreSteps({ ownerUrl: target.url('audit_owner'), store, key, folder: folder.path }), {
    month: MONTH,
    days: 7,
    by: 'auditor',
  });

test('an archive with a column that this schema does not know is refused by its name, and nothing is attached', async () => {
  const store = createFolderStore(folder.file('newer'));
  await source.owner.query(`alter table ${TABLE} add column invented_later text default 'kept'`);
  await archiveAs(store, (table) => ({
    ...table,
    columns: [...table.columns, { name: 'invented_later', type: 'VARCHAR' }],
  }));
  const restoring = restore(store);
  await expect(restoring).rejects.toBeInstanceOf(ArchiveSchemaError);
  await expect(restoring).rejects.toThrow(/does not know: workflow_execution_audit\.invented_later;/);
  expect(new Set((await partitionsOf(target.owner, MONTH)).map(({ attachment }) => attachment))).toEqual(
    new Set(['absent']),
  );
});

test('an archive from before a column was added is verified as it was written, and restored with null there', async () => {
  const store = createFolderStore(folder.file('older'));
  await source.owner.query(`update ${TABLE} set workflow_version = 'v1', extra = '{"a": 1.10}'`);
  await archiveAs(store, (table) => ({
    ...table,
    columns: table.columns.filter(({ name }) => name !== 'workflow_version'),
  }));
  expect(await verifyArchive({ store, trusted: trusted(), workFolder: folder.path })).toMatchObject({
    faults: [],
    rows: 10,
  });
  await restore(store);
  await source.owner.query(`update ${TABLE} set workflow_version = null`);
  expect(await rowsOfMonth(target.owner, MONTH)).toEqual(await rowsOfMonth(source.owner, MONTH));
});
