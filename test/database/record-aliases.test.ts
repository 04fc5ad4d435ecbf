import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { selectRecordLocation } from '../../src/database/recording/record-location.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { aiAnalysisAudit } from '../../src/domain/records/ai-analysis-audit.ts';
import type { Columns, RecordDefinition } from '../../src/domain/records/definition.ts';
import { kubernetesExecutionAudit } from '../../src/domain/records/kubernetes-execution-audit.ts';
import { signalProcessingAudit } from '../../src/domain/records/signal-processing-audit.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { recordId } from '../../src/identity/identities.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { inspectRecords } from '../support/record-checks.ts';
import { accept } from '../unit/fixtures/intake/posting.ts';

let database: TestDatabase;
let store: RecordStore;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createRecordStore(database.writer);
});
afterAll(() => database.close());

const posted = (definition: RecordDefinition, body: object): Observation =>
  accept(definition, JSON.stringify(body)).observation;

async function stored(...observations: Observation[]): Promise<string[]> {
  const outcomes = await store.record(observations);
  expect(outcomes.map(({ status }) => status)).toEqual(observations.map(() => 'stored'));
  return outcomes.map(({ id }) => id);
}

/** What the watcher says of a resource that nobody has met yet. */
function watched(definition: RecordDefinition, name: string, columns: Columns): Observation {
  const remediationUid = randomUUID();
  return {
    ...{ table: definition.table, cluster: 'default', key: naturalKey(remediationUid, name) },
    ...{ phase: 'execution', sourceVersion: '7', createdAtSource: 'resource', actor: 'watcher' },
    ...{ createdAt: '2026-11-21T09:59:58.000000Z', observedAt: '2026-11-21T10:00:01.000000Z' },
    columns: { ...columns, source_kind: 'a resource', remediation_uid: remediationUid },
  };
}

async function rowsOf(
  definition: RecordDefinition,
  column: string,
  value: string,
): Promise<Record<string, unknown>[]> {
  const { rows } = await database.owner.query<Record<string, unknown>>(
    `select * from ${definition.table} where ${column} = $1 order by created_at`,
    [value],
  );
  return rows;
}

async function actorsOf(id: string): Promise<string[]> {
  const { rows } = await database.owner.query<{ actor: string }>(
    'select distinct actor from audit_ledger where record_id = $1 order by actor',
    [id],
  );
  return rows.map(({ actor }) => actor);
}

const find = async (definition: RecordDefinition, id: string): Promise<string | undefined> =>
  (await selectRecordLocation(database.writer, definition.table, id))?.id;

interface Both {
  readonly kind: string;
  readonly definition: RecordDefinition;
  /** As a source posts it, with a name of its own. */
  readonly post: (name: string) => object;
  /** What the watcher reads of the same. */
  readonly columns: (name: string) => Columns;
  readonly name: string;
}

const START = '2026-11-21T10:00:00Z';
const STARTED = '2026-11-21T10:00:00.000000Z';
const BOTH: readonly Both[] = [
  {
    ...{ kind: 'an execution', definition: workflowExecutionAudit, name: 'remediation_id' },
    post: (name) => ({ remediation_id: name, workflow_id: 'w', started_at: START, phase: 'Completed' }),
    columns: (name) => ({ remediation_id: name, workflow_id: 'w', started_at: STARTED, phase: 'Running' }),
  },
  {
    ...{ kind: 'an action', definition: kubernetesExecutionAudit, name: 'execution_id' },
    post: (name) => ({
      execution_id: name,
      workflow_ref: 'we',
      step_index: 0,
      start_time: START,
      success: true,
    }),
    columns: (name) => ({ execution_id: name, workflow_ref: 'we', start_time: STARTED, phase: 'Running' }),
  },
  {
    ...{ kind: 'a signal', definition: signalProcessingAudit, name: 'remediation_id' },
    post: (name) => ({
      ...{ remediation_id: name, signal_fingerprint: 'f', status: 'completed' },
      processing_phases: [{ phase: 'enriching', start_time: START }],
    }),
    columns: (name) => ({
      ...{ remediation_id: name, signal_fingerprint: 'f', status: 'enriching' },
      processing_phases: `[{"phase":"enriching","start_time":"${STARTED}"}]`,
    }),
  },
  {
    ...{ kind: 'an analysis', definition: aiAnalysisAudit, name: 'crd_name' },
    post: (name) => ({
      crd_name: name,
      crd_namespace: 'ns',
      investigation_start: START,
      confidence_score: 0.5,
    }),
    columns: (name) => ({ crd_name: name, crd_namespace: 'ns', investigation_start: STARTED }),
  },
];

describe.each(BOTH)('$kind that the watcher and a client of its source record', ({ definition, ...both }) => {
  const pair = (name: string): [Observation, Observation] => [
    watched(definition, name, both.columns(name)),
    posted(definition, both.post(name)),
  ];

  test.each([
    ['the watcher first', (pairOf: [Observation, Observation]) => pairOf],
    ['the client first', ([one, other]: [Observation, Observation]) => [other, one]],
  ])('is one record, of both: %s', async (order, inOrder) => {
    const name = `${order} ${definition.kind}`;
    const ids: string[] = [];
    for (const observation of inOrder(pair(name))) ids.push(...(await stored(observation)));
    expect(new Set(ids).size).toBe(1);
    const rows = await rowsOf(definition, both.name, name);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ source_kind: 'a resource', created_at_source: 'resource', revision: 2 });
    expect(await actorsOf(ids[0] ?? '')).toEqual(['system:serviceaccount:kubernaut:executor', 'watcher']);
    // And so it stays, whatever comes again.
    expect(await stored(...pair(name).slice(1))).toEqual(ids.slice(0, 1));
    expect((await inspectRecords(database.owner)).contradictions).toEqual([]);
  });

  test('is one record when both come at once, in one list or in two transactions', async () => {
    const names = Array.from({ length: 20 }, (_, nth) => `at once ${nth} ${definition.kind}`);
    await Promise.all(
      names.flatMap((name, nth) =>
        nth % 2 === 0 ? [stored(...pair(name))] : pair(name).map((one) => stored(one)),
      ),
    );
    for (const name of names) expect(await rowsOf(definition, both.name, name), name).toHaveLength(1);
    expect((await inspectRecords(database.owner)).contradictions).toEqual([]);
  });

  test('is never the record of another resource', async () => {
    const name = `two resources ${definition.kind}`;
    const resources = [
      watched(definition, name, both.columns(name)),
      watched(definition, name, both.columns(name)),
    ];
    const ids = await stored(...resources);
    expect(new Set(ids).size).toBe(2);
    expect(new Set(await stored(posted(definition, both.post(name)), ...resources))).toEqual(new Set(ids));
  });
});

describe('analyses of one name', () => {
  const name = { crd_name: 'ai-recurring', crd_namespace: 'ns' };
  const investigation = (start: string, more: object = {}) =>
    posted(aiAnalysisAudit, { ...name, investigation_start: start, id: randomUUID(), ...more });
  const completion = (recommended: string) =>
    posted(aiAnalysisAudit, { ...name, top_recommendation: recommended, completion_status: 'completed' });

  test('are records of their own, and each completion meets the investigation before it', async () => {
    const [first] = await stored(investigation('2026-11-20T10:00:00Z', { root_cause_count: 1 }));
    expect(await stored(completion('restart'))).toEqual([first]);
    const [second] = await stored(investigation('2026-11-21T10:00:00Z', { root_cause_count: 2 }));
    expect(second).not.toBe(first);
    expect(await stored(completion('scale'))).toEqual([second]);
    const rows = await rowsOf(aiAnalysisAudit, 'crd_name', name.crd_name);
    expect(rows.map((row) => [row['root_cause_count'], row['top_recommendation']])).toEqual([
      [1, 'restart'],
      [2, 'scale'],
    ]);
    // An old investigation that is sent once more does not become the newest.
    expect(await stored(investigation('2026-11-20T10:00:00Z', { root_cause_count: 1 }))).toEqual([first]);
    expect(await stored(completion('scale up'))).toEqual([second]);
  });

  test('of which the completion comes first meet it', async () => {
    const other = { crd_name: 'ai-late', crd_namespace: 'ns' };
    const ids = [
      ...(await stored(posted(aiAnalysisAudit, { ...other, completion_status: 'completed' }))),
      ...(await stored(
        posted(aiAnalysisAudit, { ...other, investigation_start: START, root_cause_count: 3 }),
      )),
    ];
    expect(new Set(ids).size).toBe(1);
    expect(await rowsOf(aiAnalysisAudit, 'crd_name', 'ai-late')).toMatchObject([
      { root_cause_count: 3, completion_status: 'completed' },
    ]);
  });
});

describe('whoever posts', () => {
  const analysis = { crd_namespace: 'ns', investigation_start: START };
  const idOf = ({ table, cluster, key }: Observation): string => recordId(table, cluster, key);
  const about = (resource: Observation, name: string, more: object): Observation =>
    posted(aiAnalysisAudit, {
      ...{ remediation_uid: resource.columns['remediation_uid'], crd_name: name, crd_namespace: 'ns' },
      ...more,
    });

  test('brings no resource into the record of another, by an id or by the names of both', async () => {
    const first = watched(aiAnalysisAudit, 'first', { crd_name: 'first', crd_namespace: 'ns' });
    const second = watched(aiAnalysisAudit, 'second', { crd_name: 'second', crd_namespace: 'ns' });
    const client = randomUUID();
    await stored(first);
    await stored(about(first, 'first', { id: client }));
    await stored(about(first, 'first', { id: idOf(second) }));
    await stored(about(second, 'second', { id: client }));
    expect(await stored(second)).toEqual([idOf(second)]);
    expect((await rowsOf(aiAnalysisAudit, 'id', idOf(second)))[0]).toMatchObject({ crd_name: 'second' });
    expect(await find(aiAnalysisAudit, idOf(second))).toBe(idOf(second));
  });

  test('leads the post of another to no record with an id that equals the names of its source', async () => {
    const other = posted(aiAnalysisAudit, { ...analysis, crd_name: 'wanted' });
    await stored(posted(aiAnalysisAudit, { ...analysis, crd_name: 'hidden', id: idOf(other) }));
    expect(await stored(other)).toEqual([idOf(other)]);
    expect(await rowsOf(aiAnalysisAudit, 'crd_name', 'wanted')).toHaveLength(1);
  });

  test('has one record met by one resource, also where the names of several lead there', async () => {
    const named = posted(aiAnalysisAudit, {
      crd_name: 'met',
      crd_namespace: 'ns',
      completion_status: 'completed',
    });
    const [record] = await stored(named);
    const resources = [1, 2].map(() =>
      watched(aiAnalysisAudit, 'met', { crd_name: 'met', crd_namespace: 'ns' }),
    );
    // Posts that name each of the resources, before the watcher has seen one.
    for (const resource of resources) await stored(about(resource, 'met', {}));
    const ids = await stored(...resources);
    expect(ids[0]).toBe(record);
    expect(new Set(ids).size).toBe(2);
  });

  test('makes no analysis the newest for ever with a start that is still to come', async () => {
    const name = { crd_name: 'ai-future', crd_namespace: 'ns' };
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    const next = new Date(Date.now() + 1_800_000).toISOString();
    await stored(posted(aiAnalysisAudit, { ...name, investigation_start: soon }));
    const [newest] = await stored(posted(aiAnalysisAudit, { ...name, investigation_start: next }));
    expect(await stored(posted(aiAnalysisAudit, { ...name, completion_status: 'completed' }))).toEqual([
      newest,
    ]);
  });
});

test('a session whose plans are older than the records reads only those that it looks for', async () => {
  const fresh = await createTestDatabase();
  try {
    for (const table of LOOKED_UP)
      await fresh.owner.query(`alter table ${table} set (autovacuum_enabled = off)`);
    const [batches, perBatch] = [40, 50];
    const young = createRecordStore(fresh.writer);
    for (let batch = 0; batch < batches; batch++) {
      const names = Array.from({ length: perBatch }, (_, nth) => `stale plan ${batch} ${nth}`);
      await young.record(names.map(watchedAnalysis));
    }
    // A session counts what it read before it ends.
    await fresh.writer.query('select pg_stat_force_next_flush()');
    const readOf = async (): Promise<TableReads[]> =>
      (await fresh.owner.query<TableReads>(TABLE_READS, [LOOKED_UP])).rows;
    await expect
      .poll(async () => (await readOf()).every(({ written }) => written >= batches * perBatch))
      .toBe(true);
    for (const { name, read, written } of await readOf())
      expect(read / written, `rows of ${name} read for each that was written`).toBeLessThan(10);
  } finally {
    await fresh.close();
  }
});

/** An analysis looks for all that there is: names with their start and alone, locations, and the resource of its remediation. */
function watchedAnalysis(name: string): Observation {
  const observation = watched(aiAnalysisAudit, name, {
    ...{ crd_name: name, crd_namespace: 'ns', investigation_start: STARTED },
  });
  const resource = { uid: randomUUID(), kind: 'AIAnalysis', namespace: 'ns', name, phase: 'Investigating' };
  return { ...observation, resource };
}

const LOOKED_UP = ['observed_resource', 'record_alias', 'record_home'];

interface TableReads {
  readonly name: string;
  readonly read: number;
  readonly written: number;
}

const TABLE_READS = `
  select one.relname as name, (max(one.seq_tup_read) + sum(key.idx_tup_read))::integer as read, max(one.n_tup_ins)::integer as written
  from pg_stat_user_tables as one
  join pg_stat_user_indexes as key using (relid)
  where one.relname = any($1)
  group by one.relname`;

/** One that a source executes, as it posts its begin and its end. */
interface Execution {
  readonly definition: RecordDefinition;
  readonly begin: object;
  readonly end: object;
}

const KEYS = 3;

function executionsOf({ definition, post }: Both, count: number, withIds: boolean): Execution[] {
  return Array.from({ length: count }, (_, nth) => {
    const at = new Date(Date.UTC(2026, 10, 20, 0, nth)).toISOString();
    const body = JSON.parse(
      JSON.stringify(post(`random ${withIds} ${nth % KEYS} ${definition.kind}`)).replaceAll(START, at),
    ) as object;
    const id = withIds ? { id: randomUUID() } : {};
    const begin = { ...body, ...id, extra: { nth } };
    return { definition, begin, end: { ...begin, extra: { nth, ended: true } } };
  });
}

test.each([true, false])(
  'random executions of every kind, repeated and by four writers, are one record each (ids: %s)',
  async (withIds) => {
    const random = seededRandom(chooseSeed());
    const executions = BOTH.flatMap((both) => executionsOf(both, 30, withIds));
    const posts = executions.flatMap((execution) =>
      [execution.begin, execution.end, execution.begin].map((body) => ({ execution, body })),
    );
    const shuffled = posts.map((post) => ({ post, at: random.below(1_000_000) })).sort((a, b) => a.at - b.at);
    const acknowledged = new Map<Execution, Set<string>>();
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (const { post } of shuffled.filter((_one, nth) => nth % 4 === writer)) {
        const [id = ''] = await stored(posted(post.execution.definition, post.body));
        acknowledged.set(post.execution, (acknowledged.get(post.execution) ?? new Set()).add(id));
      }
    });
    await Promise.all(writers);
    expect([...acknowledged.values()].map((ids) => ids.size)).toEqual(executions.map(() => 1));
    expect(new Set([...acknowledged.values()].flatMap((ids) => [...ids])).size).toBe(executions.length);
    expect((await inspectRecords(database.owner)).contradictions).toEqual([]);
  },
);

test('every id that was acknowledged finds its record for good', async () => {
  const acknowledged = new Map<string, string>();
  const record = async (definition: RecordDefinition, body: object): Promise<void> => {
    const id = randomUUID();
    const [own = ''] = await stored(posted(definition, { ...body, id }));
    for (const known of [id, own]) acknowledged.set(`${definition.kind} ${known}`, own);
  };
  for (const { definition, post, columns } of BOTH) {
    const name = `many ids ${definition.kind}`;
    const resource = watched(definition, name, columns(name));
    // The watcher's own key in a post, and the source's.
    const ofResource = { remediation_uid: String(resource.columns['remediation_uid']), crd_name: name };
    for (const body of [post(name), { ...post(name), ...ofResource }]) {
      await record(definition, body);
      await record(definition, body);
    }
    await stored(resource);
    await record(definition, post(name));
  }
  for (const [known, own] of acknowledged) {
    const [kind, id = ''] = known.split(' ');
    const { definition } = BOTH.find((both) => both.definition.kind === kind) ?? {
      definition: aiAnalysisAudit,
    };
    if ((await find(definition, id)) === own) continue;
    // Where the id is the identity, the record itself says it.
    const rows = await rowsOf(definition, "extra ->> 'client_id'", id);
    expect(
      rows.map((row) => row['id']),
      known,
    ).toEqual([own]);
  }
});
