import { writeFile } from 'node:fs/promises';

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import { POSTABLE_DEFINITIONS } from '../../src/api/routes/post-routes.ts';
import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { canonicalJson } from '../../src/domain/json.ts';
import { MAX_BODY_BYTES, MAX_RECORD_BYTES } from '../../src/domain/limits.ts';
import type { RecordDefinition } from '../../src/domain/records/definition.ts';
import { observedColumns } from '../../src/domain/records/definition.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';
import { fuzz, Fuzzed } from './fuzzing.ts';
import { hostileJson, hostileText } from './hostile-json.ts';
import { oddValue } from './odd-resources.ts';

const FIRST_SERVER_ERROR = 500;
/** Ids, times and hashes of a row, however small the record was. */
const FREE_SIZE = 4 * 1_024;
/** Past on every day: of a month that is not over a restore is refused before anything else. */
const PAST_MONTH = '2020-01';
const RESTORE = `/api/v1/archives/${PAST_MONTH}/restore`;
/** The service has no archive to restore from, and says so there. */
const NOT_CONFIGURED = 501;
const KUBERNETES_EXECUTION = '/api/v1/audit/kubernetes-execution';

let folder: TestFolder;
let database: TestDatabase;
let sandbox: Awaited<ReturnType<typeof startSandbox>>;
let fuzzed: Fuzzed;
/** Every address that takes a body, as the description names them. */
let addresses: readonly string[];

beforeAll(async () => {
  folder = await createTestFolder();
  sandbox = await startSandbox();
  await writeFile(folder.file('kubeconfig'), sandbox.kubeconfig);
  database = await createTestDatabase();
  fuzzed = await Fuzzed.start(database.url('audit_writer'), folder.file('kubeconfig'));
  const description = (await (await fetch(`${fuzzed.url}/openapi.json`)).json()) as {
    readonly paths: Readonly<Record<string, object>>;
  };
  addresses = Object.entries(description.paths)
    .filter(([, methods]) => 'post' in methods)
    .map(([path]) => path);
});
afterAll(async () => {
  fuzzed.stop();
  await sandbox.stop();
  await database.close();
  await folder.remove();
});

interface Answered {
  readonly status: number;
  readonly body: string;
}

async function post(path: string, body: string | Uint8Array<ArrayBuffer>, type: string): Promise<Answered> {
  fuzzed.requireAlive();
  const answer = await fetch(`${fuzzed.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
  });
  return { status: answer.status, body: await answer.text() };
}

const short = ({ status, body }: Answered): string => `${status} ${body.slice(0, 500)}`;

const value: fc.Arbitrary<JsonValue> = fc.oneof(hostileJson, oddValue);

/** Fields of a definition and others, with anything in them; mostly with what the record must have. */
function recordOf(definition: RecordDefinition): fc.Arbitrary<JsonObject> {
  const names = observedColumns(definition).map(({ name }) => name);
  const field = fc.tuple(fc.oneof(fc.constantFrom(...names), hostileText), value);
  return fc.tuple(fc.boolean(), fc.array(field, { maxLength: 8 })).map(([isComplete, fields]) => ({
    ...Object.fromEntries(fields),
    ...(isComplete ? COMPLETE[definition.kind] : {}),
  }));
}

/** What each kind cannot be stored without. */
const COMPLETE: Readonly<Record<string, JsonObject>> = {
  'kubernetes-execution': { execution_id: 'any', success: true },
  'workflow-execution': { remediation_id: 'any', workflow_id: 'restart', phase: 'Completed' },
  'signal-processing': { remediation_id: 'any', signal_fingerprint: 'any' },
  'ai-analysis': { crd_name: 'any', crd_namespace: 'default' },
};

interface RecordInput {
  readonly kind: string;
  /** As it is posted: digits of numbers and all. */
  readonly record: string;
}

const records: fc.Arbitrary<RecordInput> = fc.constantFrom(...POSTABLE_DEFINITIONS).chain((definition) =>
  recordOf(definition)
    .map((record) => ({ kind: definition.kind, record: canonicalJson(record) }))
    .filter(({ record }) => Buffer.byteLength(record) <= MAX_RECORD_BYTES),
);

interface BatchBody {
  readonly results: readonly { readonly status: number; readonly id?: string; readonly revision?: number }[];
}

/** As many hostile records as a body has room for, or as a batch may have, between two good ones. */
const RECORDS_PER_BATCH = 15;

test('any record of up to 256 KiB is stored or refused, and those of its batch are stored', async () => {
  const goodOf = (kind: string, name: string): JsonObject =>
    kind === 'kubernetes-execution'
      ? { execution_id: name, success: true }
      : { ...COMPLETE[kind], remediation_id: name, crd_name: name };
  await fuzz({
    name: 'records',
    inputs: records,
    run: async ({ kind, record }, round) => {
      await fuzzed.withoutBlocking(async (attempt) => {
        const good = [`first-${round}-${attempt}`, `last-${round}-${attempt}`].map((name) =>
          canonicalJson(goodOf(kind, name)),
        );
        const own = record.replaceAll('"any"', `"any-${round}-${attempt}"`);
        const hostile = Array.from({ length: RECORDS_PER_BATCH }, () => own);
        const body = `[${[good[0], ...hostile, good[1]].join(',')}]`;
        const answered = await post(`/api/v1/audit/${kind}/batch`, body, 'application/json');
        expect(answered.status, short(answered)).toBeLessThan(FIRST_SERVER_ERROR);
        const { results } = JSON.parse(answered.body) as BatchBody;
        expect(results.filter(({ status }) => status >= FIRST_SERVER_ERROR)).toEqual([]);
        for (const result of [results[0], results.at(-1)]) await expectStored(kind, result);
        await expectNoLarger(kind, results[1], record.length);
      });
      const alone = await post(`/api/v1/audit/${kind}`, record, 'application/json');
      expect(alone.status, short(alone)).toBeLessThan(FIRST_SERVER_ERROR);
    },
  });
});

async function storedLength(kind: string, id: string): Promise<number | undefined> {
  const { table } = POSTABLE_DEFINITIONS.find((definition) => definition.kind === kind) ?? { table: '' };
  const { rows } = await database.owner.query<{ length: number }>(
    `select length(to_jsonb(stored)::text) as length from ${table} as stored where id = $1::uuid`,
    [id],
  );
  return rows[0]?.length;
}

async function expectStored(kind: string, result: BatchBody['results'][number] | undefined): Promise<void> {
  expect(result).toMatchObject({ status: 201 });
  expect(await storedLength(kind, result?.id ?? ''), `the row of ${kind} ${result?.id ?? ''}`).toBeDefined();
}

async function expectNoLarger(
  kind: string,
  result: BatchBody['results'][number] | undefined,
  length: number,
): Promise<void> {
  // Of an identity that another input had before, the row has what both said.
  if (result?.id === undefined || result.revision !== 1) return;
  const stored = await storedLength(kind, result.id);
  expect(stored, 'characters that are stored of it').toBeLessThanOrEqual(2 * length + FREE_SIZE);
}

interface BytesInput {
  /** Chooses one of the addresses. */
  readonly address: number;
  readonly type: string;
  readonly body: string;
}

const TYPES = ['application/json', 'application/x-ndjson', 'text/plain', 'application/json; charset=utf-16'];
const bytes: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 4_096, size: 'max' }).map((array) => Buffer.from(array)),
  hostileJson.map((json) => Buffer.from(JSON.stringify(json))),
  // JSON that ends too early, or in which one byte is another.
  fc.tuple(hostileJson, fc.nat(), fc.nat({ max: 255 })).map(([json, position, byte]) => {
    const text = Buffer.from(JSON.stringify(json));
    const at = position % Math.max(1, text.length);
    if (position % 2 === 0) return text.subarray(0, at);
    text[at] = byte;
    return text;
  }),
  fc
    .tuple(fc.constantFrom('[', '{"a":', '"\\u0000', '1e', '-', '\ud800', '[{}],', ' ', '\n', '1,'), fc.nat())
    .map(([unit, times]) => Buffer.from(unit.repeat(times % 1_000_000))),
);
const bodies: fc.Arbitrary<BytesInput> = fc.record({
  address: fc.nat(),
  type: fc.constantFrom(...TYPES),
  // A larger one is refused while it is sent: whether its sender still reads the answer is a matter of luck.
  body: bytes.filter(({ length }) => length <= MAX_BODY_BYTES).map((buffer) => buffer.toString('base64')),
});

test('any bytes are answered without an error of the service, and the next record is stored', async () => {
  await fuzz({
    name: 'bytes',
    inputs: bodies,
    run: async ({ address, type, body }, round) => {
      const path = (addresses[address % addresses.length] ?? '')
        .replace('{month}', PAST_MONTH)
        .replace(/\{\w+\}/g, '1');
      await fuzzed.withoutBlocking(async (attempt) => {
        const answered = await post(path, Uint8Array.from(Buffer.from(body, 'base64')), type);
        if (path !== RESTORE || answered.status !== NOT_CONFIGURED)
          expect(answered.status, `POST ${path} ${type}: ${short(answered)}`).toBeLessThan(
            FIRST_SERVER_ERROR,
          );
        const next = canonicalJson({ execution_id: `next-${round}-${attempt}`, success: true });
        const good = await post(KUBERNETES_EXECUTION, next, 'application/json');
        expect(good.status, short(good)).toBe(201);
      });
    },
  });
});
