import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { GENERATIONS } from '../../dev/simulator/generations.ts';
import { branchesOf } from '../../dev/simulator/stories.ts';
import { declaredAs } from '../sources/differences.ts';
import type { SourceColumn } from '../sources/documents.ts';
import { queries, sourceColumns, sourceIndexes, statements } from '../sources/documents.ts';
import { createRecordedDatabase, type TestDatabase } from '../support/database.ts';
import { observationsOf } from '../support/simulated-states.ts';

/** The tables and questions of the source documents, on every story of every generation as the watcher records it. */
const SEED = 20_261_130;
/** Three hours after the stories begin, inside every window of the documents. */
const NOW = '2026-09-01T12:00:00Z';

let database: TestDatabase;
/** As a person with psql and the role for readers has it. */
let psql: Client;

beforeAll(async () => {
  const recorded = await createRecordedDatabase();
  database = recorded.database;
  const stories = GENERATIONS.flatMap((generation) =>
    branchesOf(generation).map((branch) => observationsOf(branch, generation, SEED).observations),
  );
  for (const observations of stories) await recorded.store.record(observations);
  const [first] = stories[0] ?? [];
  if (first === undefined) throw new Error('the first story says nothing');
  // A record of the month of the documents' examples.
  await recorded.store.record([{ ...first, createdAt: '2025-01-15T00:00:00.000000Z', cluster: 'earlier' }]);
  // Before `pg_catalog` in the path of psql: the queries run as they stand, and the stories stay where they are in time.
  await database.owner.query(
    `create function public.now() returns timestamptz language sql stable as $$ select '${NOW}'::timestamptz $$`,
  );
  psql = new Client({
    connectionString: database.url('audit_reader'),
    options: '-c timezone=UTC -c search_path=public,pg_catalog',
    types: { getTypeParser: () => (text: string) => text },
  });
  await psql.connect();
});
afterAll(async () => {
  await psql.end();
  await database.close();
});

/** Names of the documents' examples, and which names of the stories take their place. */
const IN_THE_STORIES: readonly (readonly [example: string, instead: string])[] = [
  ["= 'alert-12345-workflow'", '= (select max(workflow_ref) from kubernetes_execution_audit)'],
  ["LIKE 'prod-%'", "LIKE 'ord%'"],
  ["= 'mem-pressure-prod-123'", '= (select max(signal_fingerprint) from signal_processing_audit)'],
];

/** What no story answers, because no resource has it; docs/sources.md says so of the column. */
const UNANSWERED = ['job_resource_usage IS NOT NULL'];

describe('a question of the documents', () => {
  test.each(queries())(
    '$source line $line runs as it stands, and finds what the stories give',
    async (query) => {
      const asItStands = await psql.query({ text: query.text, rowMode: 'array' });
      const [example, instead] = IN_THE_STORIES.find(([words]) => query.text.includes(words)) ?? ['', ''];
      const { rows } = await psql.query({ text: query.text.replace(example, instead), rowMode: 'array' });
      expect(asItStands.fields.length).toBeGreaterThan(1);
      if (UNANSWERED.some((words) => query.text.includes(words))) expect(rows).toEqual([]);
      else expect(rows).not.toEqual([]);
    },
  );
});

interface Found {
  readonly type: string;
  readonly nullable: boolean;
  readonly default: string | null;
}

/** As information_schema names a type; a different one must be declared under the words of the document. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  BOOLEAN: ['boolean'],
  'DECIMAL(3,2)': ['numeric'],
  INTEGER: ['integer', 'bigint'],
  INTERVAL: ['interval'],
  JSONB: ['jsonb'],
  TEXT: ['text'],
  TIMESTAMP: ['timestamp with time zone'],
  'TIMESTAMP WITH TIME ZONE': ['timestamp with time zone'],
  UUID: ['uuid'],
  VARCHAR: ['text'],
  'vector(1536)': ['USER-DEFINED', 'ARRAY'],
};

describe('a column of the documents', () => {
  test.each(sourceColumns())('$table.$name has its type; what differs of it is declared', async (column) => {
    const { rows } = await psql.query<Record<string, string | null>>(
      `select data_type, is_nullable, column_default from information_schema.columns
       where table_schema = 'public' and table_name = $1 and column_name = $2`,
      [column.table, column.name],
    );
    const found: Found = {
      type: rows[0]?.['data_type'] ?? 'absent',
      nullable: rows[0]?.['is_nullable'] === 'YES',
      default: rows[0]?.['column_default'] ?? null,
    };
    expect(TYPES[column.type.replace(/VARCHAR.*/, 'VARCHAR')]).toContain(found.type);
    expect(undeclared(column, found)).toEqual([]);
  });
});

/** The words of the document that are not true here, without those that docs/differences.md has. */
function undeclared({ source, type, constraints }: SourceColumn, found: Found): readonly string[] {
  const untrue = [
    ...(type.startsWith('VARCHAR') ? ['VARCHAR(255)'] : []),
    ...(type === 'TIMESTAMP' || type.startsWith('DECIMAL') || found.type === 'bigint' ? [type] : []),
    ...(constraints.includes('NOT NULL') && found.nullable ? ['NOT NULL'] : []),
    ...(constraints.includes('DEFAULT') && found.default === null
      ? [`${type} ${constraints}`, constraints]
      : []),
  ];
  const anywhere = (words: string): boolean =>
    [source, '000' as const].some((candidate) => declaredAs(candidate, words) !== undefined);
  const isDefault = (words: string): boolean => words.includes('DEFAULT');
  const defaults = untrue.filter(isDefault);
  return [
    ...untrue.filter((words) => !isDefault(words) && !anywhere(words)),
    ...(defaults.some(anywhere) ? [] : defaults),
  ];
}

describe('an index of the documents', () => {
  test.each(sourceIndexes())(
    '$table ($columns) is there, or declared',
    async ({ source, table, columns, text }) => {
      const { rows } = await psql.query<{ definition: string }>(
        'select pg_get_indexdef(indexrelid) as definition from pg_index where indrelid = $1::regclass',
        [table],
      );
      const isThere = rows.some(({ definition }) =>
        definition.replaceAll(' text_pattern_ops', '').includes(`(${columns.join(', ')}`),
      );
      expect(isThere || declaredAs(source, text) !== undefined, text).toBe(true);
    },
  );
});

describe('a statement of the documents that is no question', () => {
  const others = statements().filter(
    ({ text }) => !text.startsWith('SELECT') && !/^CREATE TABLE \w+ \(/.test(text),
  );

  test.each(others)('$source line $line is what happens, or declared', async ({ source, text }) => {
    const [, partition, table, from, to] =
      /^CREATE TABLE (\w+) PARTITION OF (\w+)\s+FOR VALUES FROM \('([\d-]+)'\) TO \('([\d-]+)'\)/.exec(
        text,
      ) ?? [];
    if (partition === undefined) {
      expect(declaredAs(source, text.split('\n')[0] ?? '')).toBeDefined();
      return;
    }
    const { rows } = await psql.query(
      `select pg_get_expr(relpartbound, oid) as bounds, inhparent::regclass::text as table
       from pg_class join pg_inherits on inhrelid = oid where relname = $1`,
      [partition],
    );
    expect(rows).toEqual([
      { table, bounds: `FOR VALUES FROM ('${from} 00:00:00+00') TO ('${to} 00:00:00+00')` },
    ]);
  });
});
