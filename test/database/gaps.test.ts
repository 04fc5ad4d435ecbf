import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { selectCompleteness, selectRecordState } from '../../src/database/reading/completeness.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { naturalKey, type Observation } from '../../src/domain/observation.ts';
import { createRecordedDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';

const MOST_GAPS = 1_000;
const DELETED_AT = '2026-11-21T10:00:09.000000Z';

let database: TestDatabase;
let store: RecordStore;

beforeAll(async () => {
  ({ database, store } = await createRecordedDatabase());
});
afterAll(() => database.close());

/** What is observed of one remediation, whose cluster is its own. */
interface Observed {
  readonly cluster: string;
  readonly open: Observation;
  readonly deletedWhileOpen: Observation;
  readonly ended: Observation;
  readonly deleted: Observation;
  readonly execution: Observation;
  readonly executionLater: Observation;
}

function observed(cluster = `of-${randomUUID()}`): Observed {
  const uid = randomUUID();
  const names = { kind: 'RemediationRequest', namespace: 'kubernaut-system', name: `rr-${uid}`, uid };
  const request = (
    version: number,
    verdict: 'open' | 'terminal',
    resource: { readonly deletedAt?: string } = {},
  ): Observation => ({
    ...executionObservation({ cluster, sourceVersion: String(version) }),
    table: 'remediation_audit',
    key: naturalKey(uid, names.name),
    phase: verdict === 'open' ? 'progress' : 'closure',
    columns: { remediation_id: names.name, remediation_uid: uid, verdict },
    resource: { ...names, ...resource },
  });
  const execution = (version: number): Observation => ({
    ...executionObservation({ cluster, sourceVersion: String(version) }),
    key: naturalKey(uid, 'we-1'),
    columns: { remediation_id: names.name, remediation_uid: uid, phase: 'Running' },
    resource: { ...names, kind: 'WorkflowExecution', name: `we-${uid}`, uid: `we-${uid}` },
  });
  return {
    cluster,
    open: request(2, 'open'),
    deletedWhileOpen: request(3, 'open', { deletedAt: DELETED_AT }),
    ended: request(4, 'terminal'),
    deleted: request(5, 'terminal', { deletedAt: DELETED_AT }),
    execution: execution(1),
    executionLater: execution(6),
  };
}

/** Since when a remediation is open is not what these tests are about. */
async function gapsOf(cluster: string): Promise<string[]> {
  const { gaps } = await selectRecordState(database.watcher, { cluster, mostGaps: MOST_GAPS });
  return gaps
    .filter(({ reason }) => reason !== 'overdue')
    .map(({ reason, name }) => `${reason} ${name ?? ''}`)
    .sort();
}

/** The same by its meaning: every resource is looked at. */
async function gapsOfAll(cluster: string): Promise<string[]> {
  const { rows } = await database.owner.query<{ gap: string }>(
    `select 'without-verdict ' || request.name as gap
     from observed_resource as request
     left join remediation_audit as remediation
       on remediation.cluster = request.cluster and remediation.remediation_uid = request.source_uid
     where request.cluster = $1::text and request.kind = 'RemediationRequest' and request.deleted_at is not null
       and coalesce(remediation.verdict, 'open') = 'open'
     union all
     select 'remediation-unseen ' || child.name
     from observed_resource as child
     where child.cluster = $1::text and child.kind <> 'RemediationRequest'
       and not exists (select from observed_resource as request
         where request.cluster = child.cluster and request.source_uid = child.remediation_uid)`,
    [cluster],
  );
  return rows.map(({ gap }) => gap).sort();
}

async function lookedAt(cluster: string): Promise<readonly string[]> {
  const { rows } = await database.owner.query<{ kind: string }>(
    'select kind from observed_resource where unmatched and cluster = $1::text order by kind',
    [cluster],
  );
  return rows.map(({ kind }) => kind);
}

test('a resource that is observed before its remediation is a gap until the remediation is observed', async () => {
  const { cluster, execution, executionLater, open } = observed();
  await store.record([execution]);
  expect(await gapsOf(cluster)).toEqual([`remediation-unseen ${execution.resource?.name ?? ''}`]);
  await store.record([open]);
  expect(await gapsOf(cluster)).toEqual([]);
  await store.record([executionLater]);
  expect(await lookedAt(cluster)).toEqual(['RemediationRequest']);
});

test('a remediation that is deleted is a gap until it has a verdict', async () => {
  const { cluster, open, deletedWhileOpen, ended, deleted } = observed();
  await store.record([open]);
  expect(await gapsOf(cluster)).toEqual([]);
  await store.record([deletedWhileOpen]);
  expect(await gapsOf(cluster)).toEqual([`without-verdict ${open.resource?.name ?? ''}`]);
  await store.record([ended]);
  expect(await gapsOf(cluster)).toEqual([]);
  await store.record([deleted]);
  expect(await lookedAt(cluster)).toEqual([]);
});

test('nothing is looked at again once a remediation has come to its end', async () => {
  const { cluster, open, execution, executionLater, ended, deleted } = observed();
  for (const observation of [open, execution, executionLater, ended, deleted])
    await store.record([observation]);
  expect(await lookedAt(cluster)).toEqual([]);
  const together = observed();
  await store.record([together.open, together.execution, together.deleted]);
  expect(await lookedAt(together.cluster)).toEqual([]);
});

test('a remediation whose month has left the database is no gap', async () => {
  const { cluster, open, execution, deleted } = observed();
  const createdAt = '2025-02-03T10:00:00.000000Z';
  for (const observation of [open, execution, deleted]) await store.record([{ ...observation, createdAt }]);
  await database.owner.query('alter table remediation_audit detach partition remediation_audit_2025_02');
  expect(await gapsOfAll(cluster)).toHaveLength(1);
  expect(await gapsOf(cluster)).toEqual([]);
});

test('the gaps are those of all resources, in whatever order and parts they were recorded', async () => {
  const seed = chooseSeed();
  const random = seededRandom(seed);
  for (let round = 0; round < 12; round += 1) {
    const cluster = `of-${randomUUID()}`;
    const all = Array.from({ length: 8 }, () => observed(cluster)).flatMap(
      ({ open, deletedWhileOpen, ended, deleted, execution, executionLater }) => [
        ...[open, deletedWhileOpen, ended, deleted, execution, executionLater],
      ],
    );
    const recorded = random.shuffled(all).filter(() => random.below(3) > 0);
    const flushes = [...Map.groupBy(recorded, () => random.below(5)).values()];
    await Promise.all(flushes.map((flush) => store.record(flush)));
    expect(await gapsOf(cluster), `seed ${seed}, round ${round}`).toEqual(await gapsOfAll(cluster));
  }
});

test('the state without numbers is that of the whole answer', async () => {
  const { cluster, execution } = observed();
  await store.record([execution]);
  const whole = await selectCompleteness(database.reader, { cluster });
  const { clusters, gaps, has_more_gaps: hasMore } = whole;
  expect(await selectRecordState(database.reader, { cluster })).toEqual({
    ...{ clusters, gaps },
    has_more_gaps: hasMore,
  });
  expect(clusters.map((one) => one.cluster)).toEqual([cluster]);
});
