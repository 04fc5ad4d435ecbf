import { expect, test } from 'vitest';

import { loadReportRows, REPORTED_TABLES } from '../../bench/report-rows.ts';
import { createTestDatabase } from '../support/database.ts';

const ROWS = 4_000;

/** Six average months before 1 March begin on 30 August: February has 28 days. */
test.each(['2026-03-01T00:00:00Z', '2028-02-29T12:00:00Z', '2026-12-31T23:59:50Z'])(
  'the rows of a benchmark until %s find their months',
  async (until) => {
    const database = await createTestDatabase();
    await loadReportRows(database.owner, { rows: ROWS, months: 6, until, report: () => undefined });
    for (const table of REPORTED_TABLES) {
      const { rows } = await database.owner.query(
        `select count(*)::integer as rows, max(created_at) < $1::timestamptz as "isBefore" from ${table}`,
        [until],
      );
      expect(rows, table).toEqual([{ rows: ROWS / REPORTED_TABLES.length, isBefore: true }]);
    }
    await database.close();
  },
);
