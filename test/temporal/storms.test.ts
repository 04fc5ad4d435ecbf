import { afterEach, beforeEach, expect, test } from 'vitest';

import { ClusterClient } from '../../dev/simulator/cluster-client.ts';
import { ClusterObjects } from '../../dev/simulator/cluster-objects.ts';
import { deleteAll } from '../../dev/simulator/sweep.ts';
import { inspectRecords } from '../support/record-checks.ts';
import { RecordedCluster } from '../support/recorded-cluster.ts';
import { sizeOf } from '../support/soak.ts';
import { until } from '../support/until.ts';

const SEED = 21;
/** Long enough for each resource to have several states, and still seconds. */
const SPEED = 60;
const DEADLINE_MS = 240_000;
const NAMESPACE = 'kubernaut-system';

/** Of alerts that come all at once, most are about the same thing. */
const STORM = sizeOf('STORM', { usual: 25, soak: 200 });
const STORM_BRANCHES = ['remediated', 'no-action', 'duplicate-remediated', 'duplicate-failed'] as const;

const IN_NAMESPACE = sizeOf('STORM', { usual: 25, soak: 225 });
/** Each has some resources then, and none has ended. */
const WRITES_BEFORE_DELETION = 6 * IN_NAMESPACE;

let cluster: RecordedCluster;

beforeEach(async () => {
  cluster = await RecordedCluster.create();
});
afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
});

async function untilRecorded(versions: ReadonlySet<string>): Promise<void> {
  let missing: readonly string[] = [];
  await until(
    async () => {
      const recorded = await cluster.recordedVersions();
      missing = [...versions].filter((version) => !recorded.has(version));
      return missing.length === 0;
    },
    () =>
      `all of ${versions.size} states are recorded; ${missing.length} are not: ${missing.slice(0, 5).join()}`,
    DEADLINE_MS,
  );
}

/** Nothing in the ledger that the cluster did not write, nothing twice, and rows that follow from it. */
async function expectNothingDoubled(): Promise<void> {
  const written = new Set(cluster.writes.map(({ version }) => String(version)));
  expect([...(await cluster.recordedVersions())].filter((version) => !written.has(version))).toEqual([]);
  expect((await inspectRecords(cluster.stage.database.owner)).contradictions).toEqual([]);
}

async function countOf(sql: string): Promise<unknown> {
  return (await cluster.stage.database.owner.query(sql)).rows;
}

test(`a storm of ${STORM} remediations: every state is recorded, and none twice`, async () => {
  await cluster.watch();
  const { remediations } = await cluster.play({
    ...{ branches: STORM_BRANCHES, seed: SEED, speed: SPEED, burst: true },
    ...{ count: STORM, concurrency: STORM },
  });
  expect(remediations).toHaveLength(STORM);
  await untilRecorded(cluster.versionsWithNews());
  await expectNothingDoubled();
  expect(
    await countOf('select verdict, count(*)::integer as records from remediation_audit group by verdict'),
  ).toEqual([{ verdict: 'terminal', records: STORM }]);
}, 300_000);

test(`a namespace with ${IN_NAMESPACE} remediations is deleted: the end of each is recorded once, and nothing before it is lost`, async () => {
  await cluster.watch();
  const stopping = new AbortController();
  const playing = cluster.play({
    ...{ branches: ['remediated'], seed: SEED, speed: SPEED, burst: true, namespace: NAMESPACE },
    ...{ count: IN_NAMESPACE, concurrency: IN_NAMESPACE, signal: stopping.signal },
  });
  await until(() => cluster.writes.length > WRITES_BEFORE_DELETION, 'the namespace is full', DEADLINE_MS);
  stopping.abort();
  await playing;
  await using client = new ClusterClient(cluster.target);
  const deleted = await deleteAll(new ClusterObjects(client, NAMESPACE));
  expect(deleted).toHaveLength(IN_NAMESPACE);
  const resources = cluster.resources.size;
  const isOver = async (): Promise<boolean> =>
    JSON.stringify(
      await countOf('select count(*)::integer as gone from observed_resource where deleted_at is not null'),
    ) === JSON.stringify([{ gone: resources }]);
  await until(isOver, `the deletion of ${resources} resources is recorded`, DEADLINE_MS);
  await untilRecorded(cluster.versionsWithNews());
  await expectNothingDoubled();
  expect(
    await countOf('select verdict, count(*)::integer as records from remediation_audit group by verdict'),
  ).toEqual([{ verdict: 'deleted-before-terminal', records: IN_NAMESPACE }]);
  expect(
    await countOf(`
      select count(*)::integer as closures, count(distinct remediation_uid)::integer as remediations
      from audit_ledger where phase = 'closure'`),
  ).toEqual([{ closures: IN_NAMESPACE, remediations: IN_NAMESPACE }]);
}, 300_000);
