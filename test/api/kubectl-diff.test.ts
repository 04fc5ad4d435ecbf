import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import type { JsonObject } from '../../src/domain/json.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { recordStories, runPlugin } from '../support/kubectl-plugin.ts';

/* `kubectl remediation diff` over the API, on what the simulator's remediations leave in the database. */

let database: TestDatabase;
let api: FastifyInstance;
let server: string;
let name: string;
let entries: readonly { kind: string; record_id: string; phase: string; content_hash: string }[];

beforeAll(async () => {
  database = await createTestDatabase();
  api = createTestApi(database);
  server = await api.listen({ port: 0, host: '127.0.0.1' });
  [name = ''] = await recordStories(database, [['approval-granted', 20]]);
  const { items } = JSON.parse((await ask('diff', name, '--list', '-o', 'json')).stdout) as {
    items: typeof entries;
  };
  entries = items;
});
afterAll(async () => {
  await api.close();
  await database.close();
});

const ask = (...args: readonly string[]) =>
  runPlugin(args, { REMEDIATION_AUDIT_SERVER: server, COLUMNS: '100' });

const hashesOf = (kind: string): string[] =>
  entries.filter((entry) => entry.kind === kind).map(({ content_hash: hash }) => hash);

test('without more it compares the last observation of the remediation with the one before it of the same phase', async () => {
  const { code, stdout, stderr } = await ask('diff', name, '--utc');
  expect(stdout).toMatchInlineSnapshot(`
    "record        remediation a20206a2-9336-5660-af8a-991d9c63d510
    from          736782bb8219, closure, 2026-09-05T00:00:00Z
    to            d463aee0b254, closure, 2026-09-05T00:00:00Z

    PATH                         BEFORE  AFTER
    extra/notification_requests  –       ["nr-completion-rr-0dbefdf2d5d3-f314652a"]
    extra/notification_status    –       Sent
    "
  `);
  expect([code, stderr]).toEqual([0, '']);
});

test('any two are compared, named by the beginning of their hashes', async () => {
  const [[first = ''], last = ''] = [hashesOf('remediation'), hashesOf('remediation').at(-1)];
  const args = ['diff', name, '--from', first.slice(0, 8), '--to', last.slice(0, 8)];
  const found = JSON.parse((await ask(...args, '-o', 'json')).stdout) as JsonObject;
  expect(found).toMatchObject({
    ...{ kind: 'RemediationDiff', from: { content_hash: first }, to: { content_hash: last } },
    items: expect.arrayContaining([
      expect.objectContaining({ path: '/overall_phase', after: 'Completed' }),
    ]) as unknown,
  });
  expect(parse((await ask(...args, '-o', 'yaml')).stdout)).toEqual(found);
  const same = await ask('diff', name, '--from', first, '--to', first);
  expect([same.code, same.stderr]).toEqual([0, 'the two observations say the same\n']);
});

test('where one is named, the other is of the same phase: the last, or the one before it', async () => {
  const progress = entries.filter(({ phase }) => phase === 'progress').map(({ content_hash: hash }) => hash);
  const from = await ask('diff', name, '--from', progress[0] ?? '', '-o', 'json');
  expect(JSON.parse(from.stdout)).toMatchObject({ to: { content_hash: progress.at(-1) } });
  const to = await ask('diff', name, '--to', progress[2] ?? '', '-o', 'json');
  expect(JSON.parse(to.stdout)).toMatchObject({ from: { content_hash: progress[1] } });
});

test('a record is chosen by its kind or its id', async () => {
  const byKind = await ask('diff', name, '--record', 'workflow-execution', '-o', 'csv');
  expect(byKind.stdout).toMatch(/^path,before,after\r\n\//);
  const id = entries.find(({ kind }) => kind === 'workflow-execution')?.record_id ?? '';
  expect(await ask('diff', name, '--record', id, '-o', 'csv')).toEqual(byKind);
});

test('--list shows what can be compared', async () => {
  const { stdout } = await ask('diff', name, '--list', '--record', 'workflow-execution', '--utc');
  expect(stdout).toMatchInlineSnapshot(`
    "            OBSERVED  HASH          KIND                PHASE      ACTOR
    2026-09-05T00:00:00Z  f3e3538a226c  workflow-execution  execution  remediationorche…rator-controller
    2026-09-05T00:00:00Z  fe0064ea96b2  workflow-execution  execution  workflowexecution-controller
    2026-09-05T00:00:00Z  2f368fed831e  workflow-execution  execution  workflowexecution-controller
    2026-09-05T00:00:00Z  c3a59056e4f7  workflow-execution  execution  workflowexecution-controller
    2026-09-05T00:00:00Z  c3a59056e4f7  workflow-execution  execution  workflowexecution-controller
    "
  `);
});

test.each([40, 60])('no line is wider than a terminal of %i columns', async (width) => {
  for (const args of [
    ['diff', name],
    ['diff', name, '--list'],
  ]) {
    const { stdout } = await runPlugin(args, { REMEDIATION_AUDIT_SERVER: server, COLUMNS: String(width) });
    for (const line of stdout.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(width);
  }
});

describe('what cannot be compared is an error with the remedy', () => {
  test.each([
    [['--from', 'xyz'], 2, /--from takes at least the first 4 characters of a content hash, not xyz/],
    [
      ['--to', 'ffffffffffff'],
      1,
      /no observation has a content hash that begins with ffffffffffff \(--to\); there are [0-9a-f]{12} \(/,
    ],
    [
      ['--record', 'nonsense'],
      1,
      /no observation of a record nonsense is known; there are remediation \S+, /,
    ],
  ])('%j', async (args, exit, message) => {
    const { code, stdout, stderr } = await ask('diff', name, ...args);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([exit, '']);
  });

  test('the first observation has none before it', async () => {
    const { code, stderr } = await ask('diff', name, '--to', hashesOf('remediation')[0] ?? '');
    expect(stderr).toMatch(
      /no other observation to compare with: [0-9a-f]{12} is the first of its record; `--list`/,
    );
    expect(code).toBe(1);
  });

  test('observations of two records', async () => {
    const [from, to] = ['remediation', 'workflow-execution'].map((kind) => hashesOf(kind)[0]);
    const { code, stderr } = await ask('diff', name, '--from', from ?? '', '--to', to ?? '');
    expect(stderr).toMatch(/only observations of one record can be compared/);
    expect(code).toBe(1);
  });
});
