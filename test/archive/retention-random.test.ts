import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { verifyArchive } from '../../src/archive/manifest/verify-archive.ts';
import { archivedTable, partitionName } from '../../src/archive/parquet/archive-schema.ts';
import { withWorkspace } from '../../src/archive/parquet/duckdb.ts';
import { digestParquet } from '../../src/archive/parquet/parquet-part.ts';
import { copyOutStatement } from '../../src/archive/parquet/row-text.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { selectMonth } from '../../src/database/months/month-states.ts';
import { quoteLiteral } from '../../src/database/sql.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { copyRows, inHex } from '../support/copy-rows.ts';
import { runScript, type Script } from '../support/processes.ts';
import { chooseSeed, type Random, seededRandom } from '../support/random.ts';
import { RetentionWorld, VICTIMS } from '../support/retention-world.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { sizeOf } from '../support/soak.ts';

/** Months, each with its own seed; `SEED=… SEEDS=200` makes a long run of it. */
const SEEDS = sizeOf('SEEDS', { usual: 1, soak: 3 });
const DEADLINE_MS = 90_000;
const LATEST_KILL_MS = 500;
const PART_ROWS = 40;

let world: RetentionWorld;

beforeAll(async () => {
  world = await RetentionWorld.start();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const first = chooseSeed();
const seeds = Array.from({ length: SEEDS }, (_, index): [number, string] => [
  first + index,
  addMonths('2015-01-01', index % 96),
]);

/** Runs retention of the month again and again, as Temporal does, until it is killed. */
function startWorker(month: string, kind: 'S3' | 'a folder'): Script {
  return runScript(
    `
    const { retentionSteps, runRetention } = await import(source('test/support/retention.ts'));
    const { createFolderStore } = await import(source('src/archive/store/folder-store.ts'));
    const { createS3Store } = await import(source('src/archive/store/s3-store.ts'));
    const { readOrCreateSigningKey } = await import(source('src/archive/manifest/signing-key.ts'));
    const given = JSON.parse(process.env.GIVEN);
    const store = given.folderStore === undefined ? createS3Store(given.s3) : createFolderStore(given.folderStore);
    const key = await readOrCreateSigningKey(given.key);
    const setting = { ownerUrl: given.ownerUrl, store, key, folder: given.folder };
    for (;;) {
      await runRetention(retentionSteps(setting, { partRows: given.partRows }), given.month).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }`,
    {
      env: {
        GIVEN: JSON.stringify({
          ...(kind === 'S3'
            ? { s3: { bucket: 'archive', prefix: month, pathStyle: true, ...world.s3Options() } }
            : { folderStore: join(world.folder, month) }),
          ...{ ownerUrl: world.ownerUrl, key: join(world.folder, 'key.pem'), folder: world.folder },
          ...{ partRows: PART_ROWS, month },
        }),
      },
    },
  );
}

/** Until the server that was killed answers again. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error: unknown) {
      if (Date.now() > deadline) throw error;
      await delay(20);
    }
  }
}

/** Kills at random moments what has a part in it, while rows come late. Ids of those that were acknowledged. */
async function troubled(month: string, kind: 'S3' | 'a folder', random: Random): Promise<string[]> {
  const late: string[] = [];
  let worker = startWorker(month, kind);
  const kills = 3 + random.below(5);
  try {
    for (let count = 0; count < kills; count += 1) {
      await delay(random.below(LATEST_KILL_MS));
      const victim = random.pick([...VICTIMS, 'the worker'] as const);
      if (victim === 'the worker') {
        worker.kill();
        await worker.exited;
        worker = startWorker(month, kind);
      } else await world.kill(victim);
      if (random.below(3) === 0)
        late.push(...(await persistently(() => recordExecutions(world, month, 1 + random.below(5)))));
    }
  } finally {
    worker.kill();
    await worker.exited;
    await world.recovered();
  }
  return late;
}

const hashesOf = (month: string, table: string) =>
  world.asOwner((client) =>
    copyRows(client, copyOutStatement(archivedTable(table), partitionName(table, month))),
  );

interface ArchivedRows {
  readonly ids: string[];
  readonly hashes: string[];
}

/** What the newest manifest of the month names, read by a fresh engine. */
async function archivedRows(store: ObjectStore, month: string, name: string): Promise<ArchivedRows> {
  const { parts } = await world.newestManifest(store, month);
  const table = archivedTable(name);
  const found: ArchivedRows = { ids: [], hashes: [] };
  await withWorkspace(world.folder, async ({ duckdb, folder }) => {
    for (const [index, part] of parts.filter((candidate) => candidate.table === name).entries()) {
      const parquet = join(folder, `read-${index}.parquet`);
      await store.download(part.key, parquet);
      const id = name === 'audit_ledger' ? 'record_id' : 'id';
      const rows = await duckdb.rows(
        `select ${id}::varchar as id from read_parquet(${quoteLiteral(parquet)})`,
      );
      found.ids.push(...rows.map((row) => String(row['id'])));
      const onRows = (rowHashes: Buffer): unknown => found.hashes.push(...inHex(rowHashes));
      await digestParquet(duckdb, table, { parquet, csv: `${parquet}.csv` }, { onRows });
      await rm(parquet);
    }
  });
  return found;
}

test.each(seeds)(
  'with faults at random times (seed %i) every row of a month ends in exactly one place',
  async (seed, month) => {
    const random = seededRandom(seed);
    const kind = random.pick(['S3', 'a folder'] as const);
    const store = kind === 'S3' ? world.s3Store(month) : world.folderStore(month);
    const early = await recordExecutions(world, month, 30 + random.below(150));
    const hashes = {
      rows: await hashesOf(month, 'workflow_execution_audit'),
      entries: await hashesOf(month, 'audit_ledger'),
    };
    const acknowledged = [...early, ...(await troubled(month, kind, random))].sort();
    const steps = retentionSteps(world.setting(store), { partRows: PART_ROWS });
    await persistently(() => runRetention(steps, month));
    expect(await world.rowsInDatabase(month)).toBeUndefined();
    expect((await world.asOwner((client) => selectMonth(client, month)))?.state).toBe('dropped');
    const report = await verifyArchive({ store, trusted: world.trusted(), workFolder: world.folder });
    expect(report).toMatchObject({ faults: [], months: 1 });
    const rows = await archivedRows(store, month, 'workflow_execution_audit');
    const entries = await archivedRows(store, month, 'audit_ledger');
    // As often as it was recorded: not lost, and not twice.
    expect(rows.ids.sort()).toEqual(acknowledged);
    expect(entries.ids.sort()).toEqual(acknowledged);
    expect(rows.hashes).toEqual(expect.arrayContaining(hashes.rows));
    expect(entries.hashes).toEqual(expect.arrayContaining(hashes.entries));
  },
  2 * DEADLINE_MS,
);
