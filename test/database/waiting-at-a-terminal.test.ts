import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { PLUGIN, recordStories } from '../support/kubectl-plugin.ts';
import { repositoryPath } from '../support/repository.ts';
import { startOnTerminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';

/*
 * What somebody sees who waits at a terminal: a real one, behind which both programs run. The database answers when the test lets it.
 */

let database: TestDatabase;
let api: ReturnType<typeof createTestApi>;
let server: string;

beforeAll(async () => {
  database = await createTestDatabase();
  await recordStories(database, [['approval-granted', 20]]);
  await database.owner.query(
    `insert into watched_cluster (cluster, first_watched_at) values ('G3', '2026-08-01')`,
  );
  api = createTestApi(database);
  server = await api.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(async () => {
  await api.close();
  await database.close();
});

const CLEAR_LINE = '\r\u001b[K';
const COLOUR = /\u001b\[\d+m/;

interface Waiting {
  readonly program: string;
  readonly args: readonly string[];
  /** What it reads, and cannot. */
  readonly table: string;
  /** The line while it waits. */
  readonly line: string;
  /** Its answer begins so; an expression. */
  readonly answer: string;
}

const PROGRAMS: readonly [string, Waiting][] = [
  [
    'remediation-audit',
    {
      program: repositoryPath('src/main.ts'),
      args: ['completeness'],
      table: 'watched_cluster',
      line: 'waiting for completeness',
      answer: 'G3',
    },
  ],
  [
    'kubectl remediation',
    {
      program: PLUGIN,
      args: ['list', '--cluster', 'G3'],
      table: 'remediation_audit',
      line: 'waiting for list',
      answer: ' *STARTED +NAME',
    },
  ],
];

/** Runs it while the table is locked, until it says for how long it has waited, and then to its end. */
async function waitFor(
  { program, args, table, line }: Waiting,
  given: Readonly<Record<string, string>> = {},
): Promise<string> {
  const lock = await database.owner.connect();
  try {
    await lock.query(`begin; lock table ${table} in access exclusive mode`);
    const env = {
      REMEDIATION_AUDIT_SERVER: server,
      DATABASE_URL: database.url('audit_writer'),
      ...given,
    };
    const terminal = startOnTerminal([program, ...args], env);
    const shown = new RegExp(`${line}: [2-9] s`);
    await until(
      () => shown.test(terminal.output()),
      () => `it says that it waits: ${terminal.output()}`,
    );
    await lock.query('rollback');
    await terminal.closed;
    return terminal.output();
  } finally {
    lock.release();
  }
}

describe.each(PROGRAMS)('%s at a terminal', (_name, waiting) => {
  test('says in one line that it waits, takes the line away, and answers in colours', async () => {
    const output = await waitFor(waiting);
    const [before, ...later] = output.split(CLEAR_LINE);
    expect(before).toBe('');
    // Each step is written over the one before, and the last is followed by the answer alone.
    const answer = later.pop() ?? '';
    for (const step of later) expect(step).toMatch(new RegExp(`^${waiting.line}: \\d+ s$`));
    expect(answer.replaceAll(new RegExp(COLOUR, 'g'), '')).toMatch(new RegExp(`^${waiting.answer}`));
    expect(answer).toMatch(COLOUR);
  });

  test('waits alike with NO_COLOR, and answers without colours', async () => {
    const output = await waitFor(waiting, { NO_COLOR: '1' });
    expect(output).toContain(CLEAR_LINE);
    expect(output).not.toMatch(COLOUR);
  });
});
