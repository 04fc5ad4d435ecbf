import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { createMonth, monthsAhead, rollOver } from '../../src/database/months/partitions.ts';
import { planRetention } from '../../src/database/months/retention-plan.ts';
import { createPool } from '../../src/database/pool.ts';
import { addMonths, instantOf, monthOf } from '../../src/domain/instant.ts';
import { DAY_MS } from '../../src/domain/time.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** A zone behind UTC with daylight-saving time: its months begin, end and change length elsewhere. */
const ZONE = 'America/New_York';
const zoneBefore = process.env['TZ'];

let database: TestDatabase;
/** What the product opens, on a database that has another zone. */
let pool: pg.Pool;
/** A session of somebody else, in that zone. */
let administrator: pg.Client;

beforeAll(async () => {
  process.env['TZ'] = ZONE;
  database = await createTestDatabase();
  // Before the setting of the role, which bootstrap/roles.sql may have made.
  await database.owner.query(`alter role audit_owner in database ${database.name} set timezone = '${ZONE}'`);
  pool = createPool({
    connectionString: database.url('audit_owner'),
    applicationName: 'calendar test',
    statementTimeoutMs: 30_000,
    logger: createLogger('silent', 'test'),
  });
  administrator = new pg.Client(database.url('audit_owner'));
  await administrator.connect();
});
afterAll(async () => {
  if (zoneBefore === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zoneBefore;
  await Promise.all([pool.end(), administrator.end()]);
  await database.close();
});

/** Each month of a table with the first instant in it and the first after it, as PostgreSQL has them. */
async function boundsOf(table: string): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ month: string; bounds: string }>(
    `select replace(right(child.relname, 7), '_', '-') as month, pg_get_expr(child.relpartbound, child.oid) as bounds
     from pg_inherits join pg_class as child on child.oid = inhrelid where inhparent = $1::text::regclass`,
    [table],
  );
  return new Map(rows.map(({ month, bounds }) => [month, bounds]));
}

const INSTANTS: readonly [name: string, now: string, coming: readonly string[]][] = [
  ['the last day of a long month', '2027-01-31T23:59:59.999999Z', ['2027-01', '2027-02', '2027-03']],
  ['the first day after a short one', '2027-03-01T00:00:00.000000Z', ['2027-03', '2027-04', '2027-05']],
  ['29 February', '2028-02-29T12:00:00.000000Z', ['2028-02', '2028-03', '2028-04']],
  ['the last seconds of a year', '2026-12-31T23:59:50.000000Z', ['2026-12', '2027-01', '2027-02']],
  [
    'the first of a year, the old one in New York',
    '2027-01-01T00:00:10.000000Z',
    ['2027-01', '2027-02', '2027-03'],
  ],
  ['the hour that New York has twice', '2027-11-07T05:59:50.000000Z', ['2027-11', '2027-12', '2028-01']],
  ['the hour that New York misses', '2027-03-14T06:59:50.000000Z', ['2027-03', '2027-04', '2027-05']],
];

describe('months are those of UTC whatever the zones of process, database and session:', () => {
  test('the process and a session without a zone of its own are in New York', async () => {
    expect(new Date('2027-07-01T00:00:00Z').getHours()).toBe(20);
    const { rows } = await administrator.query('show timezone');
    expect(rows).toEqual([{ TimeZone: ZONE }]);
  });

  test.each(INSTANTS)(
    'the rollover on %s makes its month and those that follow',
    async (_name, now, coming) => {
      const { months } = await rollOver(pool, now, coming.length - 1);
      for (const month of coming) expect(months).toContain(`${month}-01`);
      expect(await monthsAhead(pool, now)).toBeGreaterThanOrEqual(coming.length - 1);
      for (const table of ['audit_ledger', 'workflow_execution_audit']) {
        const bounds = await boundsOf(table);
        for (const month of coming) {
          const next = addMonths(`${month}-01`, 1);
          expect(bounds.get(month), `${table} ${month}`).toBe(
            `FOR VALUES FROM ('${month}-01 00:00:00+00') TO ('${next} 00:00:00+00')`,
          );
        }
      }
    },
  );

  test('a month that a session in New York makes has the same bounds', async () => {
    await createMonth(administrator, '2026-03-01');
    await createMonth(administrator, '2026-11-01');
    const bounds = await boundsOf('audit_ledger');
    expect(bounds.get('2026-03')).toBe(
      "FOR VALUES FROM ('2026-03-01 00:00:00+00') TO ('2026-04-01 00:00:00+00')",
    );
    expect(bounds.get('2026-11')).toBe(
      "FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')",
    );
  });
});

const RULES = { hotDays: 90, dropGraceHours: 24, requireApproval: false, archiveDays: 365 };

describe('a month is due for the archive when its last day is as long ago as the rules say, in UTC:', () => {
  const due: readonly [name: string, month: string, firstDue: string][] = [
    ['on 29 February', '2027-11-01', '2028-02-29T00:00:00.000000Z'],
    ['on 1 March of a year without 29 February', '2026-11-01', '2027-03-01T00:00:00.000000Z'],
    ['after February of a leap year', '2028-02-01', '2028-05-30T00:00:00.000000Z'],
    ['over the turn of the year', '2026-12-01', '2027-04-01T00:00:00.000000Z'],
    ['over the night that New York sets its clocks back', '2027-08-01', '2027-11-30T00:00:00.000000Z'],
    ['over the night that New York sets its clocks forward', '2027-02-01', '2027-05-30T00:00:00.000000Z'],
  ];
  test.each(due)('%s', async (_name, month, firstDue) => {
    await createMonth(pool, month);
    const before = new Date(Date.parse(firstDue) - 1).toISOString();
    const actionAt = async (now: string) =>
      (await planRetention(pool, RULES, now)).find((planned) => planned.month === month);
    expect(await actionAt(before)).toMatchObject({
      action: 'keep',
      reason: `hot until ${firstDue.slice(0, 10)}`,
    });
    expect(await actionAt(firstDue)).toMatchObject({ action: 'archive', reason: 'older than the hot days' });
  });

  test.each(INSTANTS)('never its own month, nor a coming one: %s', async (_name, now) => {
    await rollOver(pool, now, 2);
    const planned = await planRetention(pool, { ...RULES, hotDays: 0 }, now);
    const early = planned.filter(({ month, action }) => month >= monthOf(now) && action !== 'keep');
    expect(early).toEqual([]);
    const last = planned.find(({ month }) => month === addMonths(monthOf(now), -1));
    if (last !== undefined) expect(last.action).toBe('archive');
  });

  test('the archive of a month is removed so many days after its end, over a 29 February', async () => {
    await createMonth(pool, '2027-06-01');
    await pool.query(
      "update audit_partition set state = 'dropped', dropped_at = '2027-10-01T00:00:00Z' where month = '2027-06-01'",
    );
    const endOfArchive = Date.parse('2027-07-01T00:00:00Z') + RULES.archiveDays * DAY_MS;
    expect(new Date(endOfArchive).toISOString()).toBe('2028-06-30T00:00:00.000Z');
    const actionAt = async (ms: number) =>
      (await planRetention(pool, RULES, new Date(ms).toISOString())).find(
        ({ month }) => month === '2027-06-01',
      );
    expect(await actionAt(endOfArchive - 1)).toMatchObject({ action: 'gone' });
    expect(await actionAt(endOfArchive)).toMatchObject({ action: 'expire' });
  });

  test('a grace of 24 hours is 24 hours, in the night that has 25 as well', async () => {
    await createMonth(pool, '2027-05-01');
    await pool.query(
      "update audit_partition set state = 'detached', detached_at = '2027-11-07T04:30:00Z' where month = '2027-05-01'",
    );
    const actionAt = async (now: string) =>
      (await planRetention(pool, RULES, now)).find(({ month }) => month === '2027-05-01')?.action;
    expect(await actionAt('2027-11-08T04:29:59.000000Z')).toBe('in-grace');
    expect(await actionAt('2027-11-08T04:30:00.000000Z')).toBe('drop');
  });
});

describe('today, whatever day the clocks of this run say:', () => {
  test('the rollover makes the month of this process and of PostgreSQL, and the two after it', async () => {
    // Of the moment before: in the last seconds of a month the next one may begin meanwhile.
    const now = new Date();
    await rollOver(pool, instantOf(now.getTime()), 2);
    const months = [0, 1, 2].map((count) =>
      new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + count, 1)).toISOString().slice(0, 7),
    );
    const bounds = await boundsOf('audit_ledger');
    for (const month of months) expect([...bounds.keys()]).toContain(month);
    const { rows } = await pool.query<{ month: string }>(
      `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM') as month`,
    );
    expect(months.slice(0, 2)).toContain(rows[0]?.month);
  });

  test('retention archives the months whose end is 90 days ago or more, and no other', async () => {
    // Of its own: the tests above have put months into states of their own.
    const fresh = await createTestDatabase();
    onTestFinished(() => fresh.close());
    const nowMs = Date.now();
    const now = instantOf(nowMs);
    const past = Array.from({ length: 7 }, (_, count) => addMonths(monthOf(now), -count));
    for (const month of past) await createMonth(fresh.owner, month);
    const planned = await planRetention(fresh.owner, RULES, now);
    const isDue = (month: string) => nowMs - Date.parse(addMonths(month, 1)) >= RULES.hotDays * DAY_MS;
    expect(past.map((month) => planned.find((one) => one.month === month)?.action)).toEqual(
      past.map((month) => (isDue(month) ? 'archive' : 'keep')),
    );
    // Three months are 89 to 92 days.
    expect(past.filter(isDue).length).toBeGreaterThanOrEqual(2);
    expect(past.filter(isDue).length).toBeLessThanOrEqual(4);
  });
});
