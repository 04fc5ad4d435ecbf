import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { JsonObject } from '../../src/domain/json.ts';
import { createTestApi } from '../support/api.ts';
import { type Components, documentSchema, reportAnswer } from '../support/command-schema.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createValidator } from '../support/json-schema.ts';
import { recordStories, runPlugin } from '../support/kubectl-plugin.ts';
import { repositoryPath } from '../support/repository.ts';

/*
 * docs/kubectl/COMMAND.schema.json is what `-o json` of a command holds: the answer of the API with the version of its form. It is
 * made from the description of the API (`npx vitest run --project api kubectl-schemas --update`).
 */

let database: TestDatabase;
let api: FastifyInstance;
let server: string;
let name: string;
let components: Components;

beforeAll(async () => {
  database = await createTestDatabase();
  api = createTestApi(database);
  server = await api.listen({ port: 0, host: '127.0.0.1' });
  [name = ''] = await recordStories(database, [
    ['approval-granted', 20],
    ['blocked-resource-busy', 9],
  ]);
  const description = (await api.inject({ url: '/openapi.json' })).json<{
    components: { schemas: Components };
  }>();
  components = description.components.schemas;
});
afterAll(async () => {
  await api.close();
  await database.close();
});

const reference = (schema: string): JsonObject => ({ $ref: `#/$defs/${schema}` });
const member = (schema: string, property: string): JsonObject => {
  const { properties } = components[schema] as unknown as { properties: JsonObject };
  return properties[property] as JsonObject;
};

const REASONS = ['headline', 'cluster', 'namespace', 'name', 'uid', 'why', 'decided', 'blocks', 'missing'];

interface Described {
  readonly kind: string;
  readonly answer: () => JsonObject;
  readonly args: () => readonly string[];
}

const COMMANDS: Readonly<Record<string, Described>> = {
  list: { kind: 'RemediationList', answer: () => reference('RemediationPage'), args: () => ['list'] },
  show: { kind: 'Remediation', answer: () => reference('Remediation'), args: () => ['show', name] },
  timeline: {
    kind: 'RemediationTimeline',
    answer: () => reference('RemediationTimeline'),
    args: () => ['timeline', name],
  },
  why: {
    kind: 'RemediationReason',
    answer: () => ({
      type: 'object',
      required: [...REASONS, 'unsearched'],
      properties: {
        ...Object.fromEntries(REASONS.map((reason) => [reason, member('RemediationSummary', reason)])),
        unsearched: member('RemediationTimeline', 'unsearched'),
      },
    }),
    args: () => ['why', name],
  },
  diff: { kind: 'RemediationDiff', answer: () => reference('RemediationDiff'), args: () => ['diff', name] },
  'diff-list': {
    kind: 'RemediationLedger',
    answer: () => reference('LedgerPage'),
    args: () => ['diff', name, '--list'],
  },
  gaps: { kind: 'GapList', answer: () => reference('Completeness'), args: () => ['gaps'] },
  similar: {
    kind: 'SimilarInvestigationList',
    answer: () => reference('SimilarInvestigationList'),
    args: () => ['similar', '--text', 'out of memory'],
  },
  report: {
    kind: 'Report',
    answer: () => reportAnswer(components),
    args: () => ['report', 'workflow-outcomes', '--since', '3650d'],
  },
};

test.each(Object.entries(COMMANDS))(
  '%s -o json is as its schema says',
  async (command, { kind, answer, args }) => {
    const title = `kubectl remediation ${command.replace('-', ' --')} -o json`;
    const schema = documentSchema({ title, kind, answer: answer() }, components);
    await expect(`${JSON.stringify(schema, undefined, 2)}\n`).toMatchFileSnapshot(
      repositoryPath(`docs/kubectl/${command}.schema.json`),
    );
    const { stdout, stderr } = await runPlugin([...args(), '-o', 'json'], {
      REMEDIATION_AUDIT_SERVER: server,
    });
    const isValid = createValidator({ strict: false, validateFormats: false }).compile(schema);
    const document = JSON.parse(stdout) as JsonObject;
    expect(isValid(document), `${stderr}${stdout}`).toBe(true);
    expect(isValid({ ...document, apiVersion: 'remediation-audit/v2' })).toBe(false);
    expect(isValid({ ...document, kind: 'Other' })).toBe(false);
  },
);
