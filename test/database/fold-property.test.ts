import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { compareMonth } from '../../src/database/comparison/compare-month.ts';
import type { Difference } from '../../src/database/comparison/compared-month.ts';
import { selectMonths } from '../../src/database/months/month-states.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { quoteIdentifier } from '../../src/database/sql.ts';
import type { Observation } from '../../src/domain/observation.ts';
import type { Columns, RecordDefinition } from '../../src/domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { recordId } from '../../src/identity/identities.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import type { History } from '../support/histories.ts';
import { expectedRecord, randomDeliveries, randomHistory } from '../support/histories.ts';
import type { Random } from '../support/random.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { storedColumns } from '../support/record-checks.ts';
import { repositoryPath } from '../support/repository.ts';
import { sizeOf } from '../support/soak.ts';

/** Records per table; `CASES` in the environment raises it for a long run. */
const CASES = sizeOf('CASES', { usual: 150, soak: 500 });
const WRITERS_PER_PROCESS = 2;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

function inFlushes(deliveries: readonly Observation[], random: Random): Observation[][] {
  const flushes: Observation[][] = [];
  for (let from = 0; from < deliveries.length;) {
    const size = 1 + random.below(40);
    flushes.push(deliveries.slice(from, from + size));
    from += size;
  }
  return flushes;
}

/** Two writers here: each takes the next flush when its last one is stored. */
async function storeHere(flushes: Observation[][]): Promise<void> {
  const store = createRecordStore(database.writer);
  const writer = async (): Promise<void> => {
    for (let flush = flushes.pop(); flush !== undefined; flush = flushes.pop()) await store.record(flush);
  };
  await Promise.all(Array.from({ length: WRITERS_PER_PROCESS }, writer));
}

/** Two writers in another process. */
async function storeElsewhere(flushes: readonly Observation[][]): Promise<void> {
  const script = repositoryPath('test/support/writer-process.ts');
  const child = spawn(process.execPath, [script, database.url('audit_writer'), String(WRITERS_PER_PROCESS)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = text(child.stdout);
  child.stdin.end(flushes.map((flush) => `${JSON.stringify(flush)}\n`).join(''));
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
  expect((await answers).trim().split('\n')).toHaveLength(flushes.length);
}

interface StoredRow {
  columns: Columns;
  newestVersion: string;
  revision: number;
}

async function readRows(definition: RecordDefinition): Promise<Map<string, StoredRow>> {
  const columns = definition.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const { rows } = await database.owner.query<Row>(
    `select ${columns} from ${quoteIdentifier(definition.table)} where cluster = 'property'`,
  );
  return new Map(
    rows.map((row) => [
      String(row['id']),
      {
        columns: storedColumns(definition, row),
        newestVersion: String(row['source_version']),
        revision: Number(row['revision']),
      },
    ]),
  );
}

type Row = Readonly<Record<string, string | number | boolean | null>>;

async function countEntries(): Promise<Map<string, number>> {
  const { rows } = await database.owner.query<{ id: string; entries: number }>(
    `select record_id as id, count(*)::integer as entries from audit_ledger where cluster = 'property' group by 1`,
  );
  return new Map(rows.map(({ id, entries }) => [id, entries]));
}

test(`any order, repetition and split of ${CASES * RECORD_DEFINITIONS.length} histories, stored by 4 writers in 2 processes, ends in their fold`, async () => {
  const random = seededRandom(chooseSeed());
  const histories: History[] = RECORD_DEFINITIONS.flatMap((definition) =>
    Array.from({ length: CASES }, (_, index) => randomHistory(definition, `case-${index}`, random)),
  );
  const flushes = inFlushes(randomDeliveries(histories, random), random);
  const middle = Math.floor(flushes.length / 2);
  await Promise.all([storeHere(flushes.slice(0, middle)), storeElsewhere(flushes.slice(middle))]);

  const entries = await countEntries();
  for (const definition of RECORD_DEFINITIONS) {
    const rows = await readRows(definition);
    const own = histories.filter((history) => history.definition === definition);
    expect(rows.size).toBe(CASES);
    for (const history of own) {
      const id = recordId(definition.table, 'property', history.observations[0]?.key ?? '');
      const expected = expectedRecord(history);
      const description = `${definition.table} ${JSON.stringify(history.observations, null, 1)}`;
      expect(rows.get(id), description).toEqual({
        columns: expected.columns,
        newestVersion: expected.newestVersion,
        revision: expected.entries,
      });
      expect(entries.get(id), description).toBe(expected.entries);
    }
  }
  const differences: Difference[] = [];
  const client = await database.writer.connect();
  try {
    for (const { month } of await selectMonths(client))
      await compareMonth(client, month, (difference) => differences.push(difference));
  } finally {
    client.release();
  }
  expect(differences).toEqual([]);
});
