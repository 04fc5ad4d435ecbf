import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createQuarantine } from '../../src/database/recording/quarantine.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { COMPILE_CACHE } from '../support/processes.ts';
import { repositoryPath } from '../support/repository.ts';
import { recordExecutions } from '../support/retention.ts';

/* Commands of who operates the service, as processes on a database: `partitions` and `quarantine`. */

let database: TestDatabase;
let api: FastifyInstance;
let ids: readonly string[];

const POISON = '00000000-0000-4000-8000-00000000000';

beforeAll(async () => {
  database = await createTestDatabase();
  api = createTestApi(database);
  await recordExecutions(database, '2020-01-01', 2);
  const observation = executionObservation();
  const quarantine = createQuarantine(database.writer);
  const poison = { ...observation, columns: { ...observation.columns, effectiveness_score: '7' } };
  const reasons = ['effectiveness_score is above 1 \u001b[31m', 'column was too narrow'];
  for (const [index, one] of [poison, observation].entries())
    await quarantine.insert(one, {
      ...{ status: 'refused', id: randomUUID(), sqlstate: '23514' },
      reason: reasons[index] ?? '',
    });
  // What a golden output shows is the same every time.
  const { rows } = await database.owner.query<{ id: string }>(
    `update audit_quarantine set id = ($1::text || row_number)::uuid,
       received_at = '2026-09-01T10:00:00Z', last_refused_at = '2026-09-01T10:00:00Z'
     from (select id as known, row_number() over (order by received_at) from audit_quarantine) as ordered
     where id = known returning id`,
    [POISON],
  );
  ids = rows.map(({ id }) => id).toSorted();
  await database.owner.query(
    `update audit_partition set approved_by = 'dana', approved_at = '2026-09-02T08:00:00Z' where month = '2020-01-01'`,
  );
});
afterAll(async () => {
  await api.close();
  await database.close();
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function command(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const given = { ...COMPILE_CACHE, DATABASE_URL: database.url('audit_writer'), ...env };
  try {
    const program = [repositoryPath('src/main.ts'), ...args];
    return { code: 0, ...(await promisify(execFile)(process.execPath, program, { env: given })) };
  } catch (error: unknown) {
    const { code, stdout, stderr } = error as Outcome;
    return { code, stdout, stderr };
  }
}

/** The answer without what it is. */
async function jsonOf(...args: readonly string[]): Promise<unknown> {
  const { apiVersion, kind, ...answer } = JSON.parse((await command([...args, '--json'])).stdout) as Record<
    string,
    unknown
  >;
  expect([apiVersion, kind]).toEqual(['remediation-audit/v1', expect.any(String)]);
  return answer;
}

async function ofApi(url: string): Promise<unknown> {
  return (await api.inject({ url })).json();
}

describe('partitions', () => {
  test('lists each month with its size, holds and approval', async () => {
    const { code, stdout, stderr } = await command(['partitions']);
    expect([code, stderr]).toEqual([0, '']);
    const [titles, ...lines] = stdout.trimEnd().split('\n');
    expect(titles?.split(/ {2,}/)).toEqual([
      ...['MONTH', 'STATE', 'SIZE', 'ROWS', 'HOLDS', 'APPROVAL', 'ARCHIVED', 'RESTORED UNTIL'],
    ]);
    expect(lines.at(-1)).toMatch(
      /^2020-01 {2}live +\d+(?:\.\d)? (?:KiB|MiB) +~\d+ +0 {2}by dana, 2026-09-02 +– +–$/,
    );
  });

  test('is for programs what the API answers', async () => {
    expect(await jsonOf('partitions')).toEqual(await ofApi('/api/v1/partitions'));
  });

  test('fits a terminal of 40 columns', async () => {
    const { stdout } = await command(['partitions'], { COLUMNS: '40' });
    expect(stdout).toMatch(/^MONTH +STATE .*HOLDS/);
    for (const line of stdout.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(40);
  });
});

describe('quarantine', () => {
  test('list says what was refused and why, and obeys nothing of it', async () => {
    const { code, stdout, stderr } = await command(['quarantine', 'list'], { COLUMNS: '140' });
    expect(stdout).toMatchInlineSnapshot(`
      "RECEIVED              ID                                    TABLE                     CLUSTER  REFUSALS  REASON
      2026-09-01T10:00:00Z  00000000-0000-4000-8000-000000000001  workflow_execution_audit  test            1  effectiveness_score is above 1 �[3…
      2026-09-01T10:00:00Z  00000000-0000-4000-8000-000000000002  workflow_execution_audit  test            1  column was too narrow
      "
    `);
    expect([code, stderr]).toEqual([0, '']);
    const narrow = await command(['quarantine', 'list'], { COLUMNS: '60' });
    expect(narrow.stdout).toMatchInlineSnapshot(`
      "ID                                    REFUSALS  REASON
      00000000-0000-4000-8000-000000000001         1  effectivene…
      00000000-0000-4000-8000-000000000002         1  column was …
      "
    `);
  });

  test('list and show are for programs what the API answers', async () => {
    const listed = await ofApi('/api/v1/quarantine');
    expect(await jsonOf('quarantine', 'list')).toEqual(listed);
    const { items } = listed as { items: readonly object[] };
    expect(await jsonOf('quarantine', 'show', ids[0] ?? '')).toEqual(items[0]);
  });

  test('list says that there may be more than its limit', async () => {
    const { stdout, stderr } = await command(['quarantine', 'list', '--limit', '1']);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(stderr).toMatch(/there may be more than these 1; --limit lists more/);
  });

  test('show has what was observed', async () => {
    const { stdout } = await command(['quarantine', 'show', ids[0] ?? '']);
    expect(stdout).toMatch(new RegExp(`^id +${ids[0] ?? ''}\n`));
    expect(stdout).toMatch(/^sqlstate +23514$/m);
    expect(stdout).toMatch(/^ +"effectiveness_score": "7"/m);
    expect(stdout).not.toContain('\u001b');
  });

  test('redrive stores what can be stored now, settles it, and says who did it', async () => {
    const [poison = '', storable = ''] = ids;
    const redrive = (id: string) => command(['quarantine', 'redrive', id, '--by', 'dana']);
    const refused = await redrive(poison);
    expect(refused.stderr).toMatch(
      /PostgreSQL refuses it again \(SQLSTATE \w+\): effectiveness_score is above 1/,
    );
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    const stored = await redrive(storable);
    expect(stored).toMatchObject({ code: 0, stderr: '' });
    expect(stored.stdout).toMatch(new RegExp(`^${storable}: stored as record \\S+, and settled by dana\n$`));
    const again = await redrive(storable);
    expect(again.stderr).toMatch(/it was settled by dana at 20/);
    expect(again.code).toBe(1);
    expect((await command(['quarantine', 'list'])).stdout).not.toContain(storable);
    expect((await command(['quarantine', 'list', '--settled'])).stdout).toMatch(/by dana, 20\S+Z$/m);
  });

  test('an id that nobody has is refused with where to look', async () => {
    const { code, stderr } = await command(['quarantine', 'show', randomUUID()]);
    expect(stderr).toMatch(/no quarantined observation has this id; .*`remediation-audit quarantine list`/);
    expect(code).toBe(1);
  });

  test('without a database it is a matter of configuration', async () => {
    const { code, stderr } = await command(['quarantine', 'list'], { DATABASE_URL: '' });
    expect(stderr).toMatch(/DATABASE_URL or DATABASE_OWNER_URL is not set/);
    expect(code).toBe(3);
  });
});
