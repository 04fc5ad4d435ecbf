import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import { placeHold } from '../../src/database/holds/holds.ts';
import { createQuarantine } from '../../src/database/recording/quarantine.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { createTestApi } from '../support/api.ts';
import {
  type Components,
  documentSchema,
  documentsIn,
  expectDocuments,
  reportAnswer,
} from '../support/command-schema.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { recordStories } from '../support/kubectl-plugin.ts';
import { executionObservation } from '../support/observations.ts';
import { COMPILE_CACHE } from '../support/processes.ts';
import { repositoryPath } from '../support/repository.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

/*
 * docs/commands/NAME.schema.json is what a command of operators prints as JSON. Where it answers as the API does, the schema is made from the
 * description of the API; `npx vitest run --project database command-schemas --update` writes them.
 * Those of `strict` are held against a cluster, in test/cluster/strict-mode-apiserver.test.ts.
 */

let database: TestDatabase;
let folder: TestFolder;
let components: Components;
let story: string;
let entry: string;
let hold: string;

/** Months of their own: whose ledger and rows differ, whose drop is decided, and which is restored. */
const [DIFFERING, DECIDED, DROPPED] = ['2021-03', '2020-01', '2020-02'];

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
  const scope = { namespace: 'orders' };
  ({ id: hold } = await placeHold(database.writer, scope, { by: 'me', reason: 'case 2' }));
  await prepareMonths();
});
afterAll(async () => {
  await database.close();
  await folder.remove();
});

async function prepareMonths(): Promise<void> {
  for (const month of [DIFFERING, DECIDED, DROPPED]) await recordExecutions(database, `${month}-01`, 2);
  const key = await readOrCreateSigningKey(folder.file('key.pem'));
  const store = createFolderStore(folder.file('archive'));
  const setting = { ownerUrl: database.url('audit_owner'), store, key, folder: folder.path };
  await runRetention(retentionSteps(setting), `${DROPPED}-01`);
  await database.owner.query(
    `update audit_partition set state = 'archived', manifest = 'm', manifest_sha256 = sha256('m') where month = '${DECIDED}-01'`,
  );
  await database.owner.query(
    `update workflow_execution_audit set outcome = 'Success' where date_trunc('month', created_at at time zone 'UTC') = '${DIFFERING}-01'`,
  );
}

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
  /** For a command that prints an object per line: what those of this kind are about, in the title of the schema. */
  readonly line?: string;
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
  'retention-approve': {
    kind: 'Approval',
    answer: () => reference('Approval'),
    args: () => ['retention', 'approve', DECIDED, '--by', 'me', '--json'],
  },
  'retention-revoke': {
    kind: 'RevokedApproval',
    answer: () => reference('RevokedApproval'),
    args: () => ['retention', 'revoke', DECIDED, '--by', 'me', '--json'],
  },
  'hold-place': { kind: 'Hold', answer: () => reference('Hold'), args: () => HOLD },
  'hold-list': { kind: 'HoldList', answer: () => listOf('Hold'), args: () => ['hold', 'list', '--json'] },
  'hold-release': {
    kind: 'Hold',
    answer: () => reference('Hold'),
    args: () => ['hold', 'release', hold, '--by', 'me', '--json'],
  },
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
    line: 'of a month',
    answer: () => object({ month: text, records: count, entries: count, differences: count }),
    args: () => ['verify', '--month', DIFFERING, '--json'],
    code: 1,
  },
  'verify-difference': {
    kind: 'LedgerDifference',
    line: 'of a difference',
    answer: () => object({ month: text, table: text, id: text, column: text, detail: text }),
    args: () => ['verify', '--month', DIFFERING, '--json'],
    code: 1,
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
  'archive-restore': {
    kind: 'RestoredMonth',
    answer: () =>
      object({
        month: text,
        // Null where it was in the database already, and only stays longer.
        rows: { type: ['integer', 'null'], minimum: 0 },
        restored_until: { type: 'string', format: 'date-time' },
      }),
    args: () => ['archive', 'restore', DROPPED, '--by', 'me', '--json'],
  },
  'cluster-restored': {
    kind: 'ClusterEpoch',
    answer: () => object({ cluster: text, epoch: count }),
    args: () => ['cluster', 'restored', 'G3', '--json'],
  },
  'cluster-replaced': {
    kind: 'ClusterEpoch',
    answer: () => object({ cluster: text, epoch: count }),
    args: () => ['cluster', 'replaced', 'G3', '--json'],
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
    ...COMPILE_CACHE,
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
  async (name, { kind, answer, args, code = 0, line }) => {
    const command = line === undefined ? name.replace('-', ' ') : (name.split('-', 1)[0] ?? '');
    const title = `remediation-audit ${command} --json${line === undefined ? '' : `, a line ${line}`}`;
    const schema = documentSchema({ title, kind, answer: answer() }, components);
    await expect(`${JSON.stringify(schema, undefined, 2)}\n`).toMatchFileSnapshot(
      repositoryPath(`docs/commands/${name}.schema.json`),
    );
    const outcome = await run(args());
    expect(outcome.code, outcome.stderr).toBe(code);
    const documents = documentsIn(outcome.stdout);
    expect(documents.length, 'every line is an object').toBe(outcome.stdout.trimEnd().split('\n').length);
    const described = documents.filter((document) => line === undefined || document['kind'] === kind);
    expect(described, outcome.stdout).not.toEqual([]);
    expectDocuments(described, schema);
  },
);
