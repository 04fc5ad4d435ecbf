import { writeFile } from 'node:fs/promises';

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { collectionOf } from '../../dev/sandbox/kinds.ts';
import type { StoredObject } from '../../dev/sandbox/object.ts';
import { keyOf } from '../../dev/sandbox/object.ts';
import type { Sandbox } from '../../dev/sandbox/sandbox.ts';
import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { isUnread } from '../../src/kubernaut/observed-remediation.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';
import { until } from '../support/until.ts';
import { CONTEXT, REFERENCE } from '../unit/kubernaut/samples/parts.ts';
import { fuzz, Fuzzed } from './fuzzing.ts';
import { hostileJson } from './hostile-json.ts';
import { objectOf, oddValue } from './odd-resources.ts';

/** etcd takes no larger object. */
const LARGEST = 1_500_000;
/** Names, phases and hashes that are recorded of every resource, however small. */
const FREE_SIZE = 8 * 1_024;
const NAMESPACE = 'default';
const ROUNDS_PER_LIFE = 10;

let folder: TestFolder;
let database: TestDatabase;
let sandbox: Sandbox;
let fuzzed: Fuzzed;

beforeAll(async () => {
  folder = await createTestFolder();
  sandbox = await startSandbox({ historyLimit: 20, watch: { bookmarkIntervalMs: 1_000 } });
  await writeFile(folder.file('kubeconfig'), sandbox.kubeconfig);
  database = await createTestDatabase();
  fuzzed = await Fuzzed.start(database.url('audit_writer'), folder.file('kubeconfig'));
});
afterAll(async () => {
  fuzzed.stop();
  await sandbox.stop();
  await database.close();
  await folder.remove();
});

/** A resource as somebody writes it: the API server says its name, uid and version. */
interface ResourceInput {
  readonly kind: string;
  readonly object: JsonObject;
}

const inputs: fc.Arbitrary<ResourceInput> = fc.constantFrom(...KUBERNAUT_KINDS).chain((kind) => {
  // What needs its digits is another test's; the server here writes numbers as JavaScript does.
  const value = fc
    .oneof({ weight: 3, arbitrary: hostileJson }, { weight: 1, arbitrary: oddValue })
    .map(plain);
  return objectOf(kind, value)
    .filter((object) => JSON.stringify(object).length <= LARGEST)
    .map((object) => ({ kind: kind.kind, object }));
});

function plain(value: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

interface Placed {
  readonly collection: string;
  readonly object: StoredObject;
}

function place(kindName: string, name: string, parts: JsonObject): Placed {
  const kind = KUBERNAUT_KINDS.find((candidate) => candidate.kind === kindName);
  const group = kind?.served[0]?.group;
  if (kind === undefined || group === undefined) throw new Error(`there is no kind ${kindName}`);
  const { metadata } = parts;
  const object = {
    ...parts,
    apiVersion: `${group}/${kind.served[0]?.version ?? ''}`,
    kind: kindName,
    metadata: {
      ...(metadata as JsonObject | undefined),
      ...{ name, namespace: NAMESPACE, uid: name, resourceVersion: '' },
      creationTimestamp: '2026-11-21T10:00:00Z',
    },
  };
  const placed = { collection: collectionOf({ group, plural: kind.plural }), object };
  commit('ADDED', placed);
  return placed;
}

function commit(type: 'ADDED' | 'DELETED', { collection, object }: Placed): void {
  sandbox.store.commit({ type, collection, key: keyOf(NAMESPACE, object.metadata.name), object });
}

/** Whether the watcher has something to send of it. */
function isRecorded({ object }: Placed): boolean {
  const kind = KUBERNAUT_KINDS.find((candidate) => candidate.kind === object.kind);
  const resource = structuredClone({ ...object, metadata: { ...object.metadata, resourceVersion: '1' } });
  const reading = kind?.read(resource, CONTEXT);
  return reading !== undefined && !isUnread(reading) && reading.observations.length > 0;
}

const isTaken = (uid: string): boolean => {
  fuzzed.requireAlive();
  return fuzzed.taken.has(uid);
};

test('any resource of up to 1.5 MB is recorded or passed by, and those beside it are recorded', async () => {
  await fuzz({
    name: 'resources',
    inputs,
    async run({ kind, object }, round) {
      const placed: Placed[] = [];
      await fuzzed.withoutBlocking(async (attempt) => {
        const name = `${round}-${attempt}`;
        const hostile = place(kind, `hostile-${name}`, object);
        const good = [
          place('RemediationRequest', `good-${name}`, { spec: { signalName: 'KubePodCrashLooping' } }),
          // Of the same kind: it comes by the same watch.
          place(kind, `beside-${name}`, { spec: { remediationRequestRef: REFERENCE } }),
        ];
        placed.push(hostile, ...good);
        const awaited = placed.filter(isRecorded).map(({ object: { metadata } }) => metadata.uid);
        await until(
          () => awaited.every(isTaken),
          () => `the watcher has sent ${awaited.filter((uid) => !isTaken(uid)).join(', ')}`,
        );
        const limit = 2 * JSON.stringify(object).length + FREE_SIZE;
        const { size = 0 } = fuzzed.taken.get(hostile.object.metadata.uid) ?? {};
        expect(size, 'characters that are recorded of it').toBeLessThanOrEqual(limit);
      });
      if (round % ROUNDS_PER_LIFE === 0) await listAgain(placed);
      for (const one of placed) commit('DELETED', one);
      await untilGone(`good-${round}-0`);
      fuzzed.taken.clear();
    },
  });
});

/** A watcher that starts meets what is there in a list. */
async function listAgain(placed: readonly Placed[]): Promise<void> {
  fuzzed.taken.clear();
  await fuzzed.restartWatcher();
  const awaited = placed.filter(isRecorded).map(({ object }) => object.metadata.uid);
  await until(
    () => awaited.every(isTaken),
    () => `a new watcher has sent ${awaited.filter((uid) => !isTaken(uid)).join(', ')}`,
  );
}

async function untilGone(uid: string): Promise<void> {
  const isGone = (): boolean => {
    fuzzed.requireAlive();
    return fuzzed.taken.get(uid)?.isDeleted === true;
  };
  await until(isGone, `the watcher has sent the deletion of ${uid}`);
}
