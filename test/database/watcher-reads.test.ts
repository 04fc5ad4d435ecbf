import { afterAll, beforeAll, expect, test } from 'vitest';

import { selectCompleteness } from '../../src/database/reading/completeness.ts';
import type { ObservedResourceRow } from '../../src/database/reading/observed-resource-reader.ts';
import { createObservedResourceReader } from '../../src/database/reading/observed-resource-reader.ts';
import { raiseEpoch } from '../../src/database/reading/watched-cluster.ts';
import type { TestDatabase } from '../support/database.ts';
import { createTestDatabase } from '../support/database.ts';

const ROWS = 2_100;
const UNKNOWN = { seen: null, recorded: null, waiting: null, open: null, overdue: null };

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.owner.query(
    `insert into observed_resource (cluster, source_uid, kind, namespace, name, remediation_uid, source_version,
       projection_hash, phase, first_seen, last_seen, deleted_at)
     select 'prod', 'uid-' || i, 'WorkflowExecution', 'payments', 'we-' || i, 'uid-rr', i, sha256(i::text::bytea),
       'Running', '2026-11-21T10:00:00Z', now(), case when i % 3 = 0 then now() end
     from generate_series(1, $1::integer) as i`,
    [ROWS],
  );
  await database.owner.query(
    `insert into observed_resource (cluster, source_uid, kind, namespace, name, remediation_uid, source_version,
       first_seen, last_seen, deleted_at)
     values ('prod', 'uid-rr', 'RemediationRequest', 'payments', 'rr-1', 'uid-rr', 9, now(), now(), null),
       ('prod', 'uid-lost', 'RemediationRequest', 'payments', 'rr-lost', 'uid-lost', 9, now(), now(), now()),
       ('prod', 'uid-orphan', 'AIAnalysis', 'payments', 'ai-rr-2', 'uid-nobody', 9, now(), now(), null),
       ('other', 'uid-1', 'WorkflowExecution', 'payments', 'we-1', 'uid-rr', 1, now(), now(), null)`,
  );
});
afterAll(async () => {
  await database.close();
});

async function openResources(cluster: string, kind: string): Promise<ObservedResourceRow[]> {
  const rows: ObservedResourceRow[] = [];
  for await (const page of createObservedResourceReader(database.watcher).openResources(cluster, kind))
    rows.push(...page);
  return rows;
}

test('the watcher reads what is there, over all pages, each with the name of its remediation', async () => {
  const rows = await openResources('prod', 'WorkflowExecution');
  expect(new Set(rows.map(({ uid }) => uid)).size).toBe((ROWS / 3) * 2);
  expect(rows.find(({ uid }) => uid === 'uid-1')).toEqual({
    uid: 'uid-1',
    namespace: 'payments',
    name: 'we-1',
    remediation: { namespace: 'payments', name: 'rr-1', uid: 'uid-rr' },
    sourceVersion: '1',
    projectionHash: '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b',
    phase: 'Running',
    firstSeen: '2026-11-21T10:00:00.000000Z',
  });
});

test('a resource without a complete state has no hash that any state could match', async () => {
  const [remediation] = await openResources('prod', 'RemediationRequest');
  expect(remediation).toMatchObject({ uid: 'uid-rr', projectionHash: undefined });
});

test('of the resources that are gone the watcher learns which ends are recorded', async () => {
  const reader = createObservedResourceReader(database.watcher);
  const ends = await reader.recordedEnds('prod', ['uid-1', 'uid-3', 'uid-6', 'uid-nobody']);
  expect(new Set(ends)).toEqual(new Set(['uid-3', 'uid-6']));
  expect(await reader.recordedEnds('other', ['uid-3'])).toEqual([]);
});

test('the epoch of a cluster begins at 0 and each restore raises it', async () => {
  const reader = createObservedResourceReader(database.watcher);
  expect(await reader.epoch('restored')).toBe(0n);
  const owner = await database.owner.connect();
  try {
    expect(await raiseEpoch(owner, 'restored', 'somebody')).toBe(1n);
    expect(await raiseEpoch(owner, 'restored', 'somebody')).toBe(2n);
  } finally {
    owner.release();
  }
  expect(await reader.epoch('restored')).toBe(2n);
  expect(await reader.epoch('prod')).toBe(0n);
});

test('completeness counts what is recorded and names what is missing', async () => {
  const {
    clusters,
    kinds,
    gaps,
    has_more_gaps: hasMoreGaps,
  } = await selectCompleteness(database.watcher, { cluster: 'prod' });
  expect(kinds).toContainEqual({
    cluster: 'prod',
    kind: 'WorkflowExecution',
    ever: ROWS,
    present: (ROWS / 3) * 2,
    ...UNKNOWN,
  });
  expect(kinds).toContainEqual({
    cluster: 'prod',
    kind: 'RemediationRequest',
    ever: 2,
    present: 1,
    ...UNKNOWN,
  });
  expect(clusters).toMatchObject([
    { cluster: 'prod', state: 'unknown', detail: 'no watcher has reported on this cluster' },
  ]);
  expect(gaps.map(({ reason, name }) => [reason, name])).toEqual(
    expect.arrayContaining([
      ['without-verdict', 'rr-lost'],
      ['remediation-unseen', 'ai-rr-2'],
    ]),
  );
  expect(hasMoreGaps).toBe(false);
});
