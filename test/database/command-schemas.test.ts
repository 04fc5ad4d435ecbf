import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import { createQuarantine } from '../../src/database/recording/quarantine.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { createTestApi } from '../support/api.ts';
import { type Components, documentSchema, reportAnswer } from '../support/command-schema.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createValidator } from '../support/json-schema.ts';
import { recordStories } from '../support/kubectl-plugin.ts';
import { executionObservation } from '../support/observations.ts';
import { repositoryPath } from '../support/repository.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

/*
 * docs/commands/NAME.schema.json is what a command of operators prints as JSON. Where it answers as the API does, the schema is made from the
 * description of the API; `npx vitest run --project database command-schemas --update` writes them.
 */

let database: TestDatabase;
let folder: TestFolder;
let components: Components;
let story: string;
let entry: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await createTestFolder();
  const api = createTestApi(database);
  const description = (await api.inject({ url: '/openapi.json' })).json<{
    components: { schemas: Components };
  }>();
  components = description.components.schemas;
  await api.close();
  [story = ''] = await recordStories(database, [['approval-granted', 20]]);
  const quarantine = createQuarantine(database.writer);
  const refusal = { status: 'refused' as const, id: randomUUID(), sqlstate: '23514', reason: 'too large' };
  await quarantine.insert(executionObservation(), refusal);
  const { rows } = await database.owner.query<{ id: string }>('select id from audit_quarantine');
  entry = rows[0]?.id ?? '';
  await readOrCreateSigningKey(folder.file('key.pem'));
});
afterAll(async () => {
  await database.close();
  await folder.remove();
});

const reference = (schema: string): JsonObject => ({ $ref: `#/components/schemas/${schema}` });
const listOf = (schema: string): JsonObject => object({ items: { type: 'array', items: reference(schema) } });
const text: JsonObject = { type: 'string' };
const textOrNull: JsonObject = { type: ['string', 'null'] };
const count: JsonObject = { type: 'integer', minimum: 0 };

function object(properties: JsonObject, required = Object.keys(properties)): JsonObject {
  return { type: 'object', required, properties };
}

function member(schema: string, name: string): JsonObject {
  const { properties } = components[schema] as unknown as { properties: Record<string, JsonObject> };
  return properties[name] ?? {};
}

interface Described {
  readonly kind: string;
  readonly answer: () => JsonObject;
  readonly args: () => readonly string[];
  /** Default: 0. */
  readonly code?: number;
}

const HOLD = ['hold', 'place', '--by', 'me', '--reason', 'case 1', '--namespace', 'payments', '--json'];
const FAULT = object({
  key: text,
  row_group: { type: ['integer', 'null'] },
  row: { type: ['integer', 'null'] },
  reason: text,
});
const CHECK = object({
  check: text,
  state: { enum: ['ok', 'wrong', 'not checked', 'not configured'] },
  found: text,
  remedy: textOrNull,
});

const COMMANDS: Readonly<Record<string, Described>> = {
  completeness: {
    kind: 'Completeness',
    answer: () => reference('Completeness'),
    args: () => ['completeness', '--json'],
    code: 3,
  },
  partitions: {
    kind: 'PartitionList',
    answer: () => listOf('Partition'),
    args: () => ['partitions', '--json'],
  },
  'retention-plan': {
    kind: 'RetentionPlan',
    answer: () => listOf('PlannedMonth'),
    args: () => ['retention', 'plan', '--json'],
  },
  'hold-place': { kind: 'Hold', answer: () => reference('Hold'), args: () => HOLD },
  'hold-list': { kind: 'HoldList', answer: () => listOf('Hold'), args: () => ['hold', 'list', '--json'] },
  'quarantine-list': {
    kind: 'QuarantineEntryList',
    answer: () => listOf('QuarantineEntry'),
    args: () => ['quarantine', 'list', '--json'],
  },
  'quarantine-show': {
    kind: 'QuarantineEntry',
    answer: () => reference('QuarantineEntry'),
    args: () => ['quarantine', 'show', entry, '--json'],
  },
  'quarantine-redrive': {
    kind: 'RedrivenEntry',
    answer: () => reference('RedrivenEntry'),
    args: () => ['quarantine', 'redrive', entry, '--by', 'me', '--json'],
  },
  'remediation-show': {
    kind: 'RemediationSummary',
    answer: () => object({ summary: member('Remediation', 'summary') }),
    args: () => ['remediation', 'show', `G3/kubernaut-system/${story}`, '--json'],
  },
  'remediation-timeline': {
    kind: 'RemediationTimeline',
    answer: () => reference('RemediationTimeline'),
    args: () => ['remediation', 'timeline', `G3/kubernaut-system/${story}`, '--json'],
  },
  similar: {
    kind: 'SimilarInvestigationList',
    answer: () => listOf('SimilarInvestigation'),
    args: () => ['similar', '--text', 'out of memory', '--json'],
  },
  report: {
    kind: 'Report',
    answer: () => reportAnswer(components),
    args: () => ['report', 'workflow-outcomes', '--since', '3650d', '--json'],
  },
  verify: {
    kind: 'LedgerComparison',
    answer: () => object({ month: text, records: count, entries: count, differences: count }),
    args: () => ['verify', '--month', '2026-09', '--json'],
  },
  'archive-verify': {
    kind: 'ArchiveVerification',
    answer: () =>
      object({
        ...{ location: text, manifests: count, months: count, parts: count, rows: count },
        faults: { type: 'array', items: FAULT },
        orphans: { type: 'array', items: text },
      }),
    args: () => ['archive', 'verify', '--json'],
  },
  'cluster-restored': {
    kind: 'ClusterEpoch',
    answer: () => object({ cluster: text, epoch: count }),
    args: () => ['cluster', 'restored', 'G3', '--json'],
  },
  doctor: {
    kind: 'DoctorReport',
    answer: () => object({ checks: { type: 'array', items: CHECK } }),
    args: () => ['doctor', '--json'],
    code: 1,
  },
};

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: readonly string[]): Promise<Outcome> {
  const env = {
    ...{ NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] },
    DATABASE_URL: database.url('audit_writer'),
    DATABASE_OWNER_URL: database.url('audit_owner'),
    REMEDIATION_AUDIT_ARCHIVE_URL: `file://${folder.file('archive')}`,
    REMEDIATION_AUDIT_ARCHIVE_KEY_FILE: folder.file('key.pem'),
    // Nobody listens: doctor says so.
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  };
  try {
    const program = [repositoryPath('src/main.ts'), ...args];
    return { code: 0, ...(await promisify(execFile)(process.execPath, program, { env })) };
  } catch (error: unknown) {
    return error as Outcome;
  }
}

test.each(Object.entries(COMMANDS))(
  '%s prints JSON as its schema says, and nothing else on standard output',
  async (name, { kind, answer, args, code = 0 }) => {
    const title = `remediation-audit ${name.replace('-', ' ')} --json`;
    const schema = documentSchema({ title, kind, answer: answer() }, components);
    await expect(`${JSON.stringify(schema, undefined, 2)}\n`).toMatchFileSnapshot(
      repositoryPath(`docs/commands/${name}.schema.json`),
    );
    const outcome = await run(args());
    expect(outcome.code, outcome.stderr).toBe(code);
    const isValid = createValidator({ strict: false, validateFormats: false }).compile(schema);
    const document = JSON.parse(outcome.stdout) as JsonObject;
    expect(isValid(document), outcome.stdout).toBe(true);
    expect(isValid({ ...document, apiVersion: 'remediation-audit/v2' })).toBe(false);
    expect(isValid({ ...document, kind: 'Other' })).toBe(false);
  },
);
