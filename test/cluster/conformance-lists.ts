import { describe, expect, test } from 'vitest';

import { until } from '../support/until.ts';
import type { ConformanceCluster } from './conformance-cluster.ts';
import { API, namesIn, PLURAL, versionOf } from './conformance-cluster.ts';

/** Pages, snapshots, versions. */
export function describeLists({ client, create, forget, newCollection }: ConformanceCluster): void {
  describe('lists', () => {
    test('the pages of a list are one snapshot, whatever is written between them', async () => {
      const collection = await newCollection();
      for (const name of ['e', 'c', 'a', 'd', 'b']) await create(collection, name);
      const first = (await client.get(`${collection}?limit=2`)).body;
      expect(first.kind).toBe('WorkflowExecutionList');
      expect(first.metadata.remainingItemCount).toBe(3);
      await create(collection, 'bb');
      await client.delete(`${collection}/e`);
      await client.patch(`${collection}/d`, { spec: { replicas: 9 } });
      const second = (await client.get(`${collection}?limit=2&continue=${first.metadata.continue ?? ''}`))
        .body;
      const third = (await client.get(`${collection}?limit=2&continue=${second.metadata.continue ?? ''}`))
        .body;
      expect([first, second, third].flatMap(namesIn)).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(second.items?.[1]?.spec).toMatchObject({ replicas: 3 });
      expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
      expect(third.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
      expect(third.metadata.continue ?? '').toBe('');
      expect(namesIn((await client.get(collection)).body)).toEqual(['a', 'b', 'bb', 'c', 'd']);
    });

    test('a list across namespaces holds the objects of each, a list of one namespace only its own', async () => {
      const [one, other] = [await newCollection(), await newCollection()];
      const uids = [await create(one, 'x'), await create(other, 'x')].map(({ metadata }) => metadata.uid);
      const everywhere = (await client.get(`${API}/${PLURAL}`)).body.items ?? [];
      expect(everywhere.map(({ metadata }) => metadata.uid)).toEqual(expect.arrayContaining(uids));
      expect((await client.get(one)).body.items?.map(({ metadata }) => metadata.uid)).toEqual([uids[0]]);
    });

    test('the version of a list is not older than any object in it', async () => {
      const collection = await newCollection();
      const created = await create(collection, 'x');
      const list = (await client.get(collection)).body;
      expect(versionOf(list) >= versionOf(created)).toBe(true);
      const again = (await client.get(`${collection}?resourceVersion=${list.metadata.resourceVersion ?? ''}`))
        .body;
      expect(namesIn(again)).toEqual(['x']);
    });

    test('a broken continue token and a version that is no number are refused', async () => {
      const collection = await newCollection();
      for (const query of ['limit=1&continue=zzzz', 'resourceVersion=abc', 'fieldSelector=spec.x=1']) {
        const refused = await client.get(`${collection}?${query}`);
        expect(refused.status, query).toBe(400);
        expect(refused.body).toMatchObject({
          kind: 'Status',
          status: 'Failure',
          reason: 'BadRequest',
          code: 400,
        });
      }
    });

    test('a version from the future is not answered from the past', async () => {
      const refused = await client.get(`${API}/${PLURAL}?resourceVersion=999999999`);
      expect(refused.status).toBe(504);
      expect(refused.body.details?.['causes']).toMatchObject([{ reason: 'ResourceVersionTooLarge' }]);
    });

    test('a page of a forgotten list answers 410 Expired', async () => {
      const collection = await newCollection();
      for (const name of ['a', 'b', 'c']) await create(collection, name);
      const first = (await client.get(`${collection}?limit=1`)).body;
      await create(collection, 'd');
      await forget();
      const next = `${collection}?limit=1&continue=${first.metadata.continue ?? ''}`;
      let answer = await client.get(next);
      await until(async () => {
        answer = await client.get(next);
        return answer.status !== 200;
      }, 'the continue token has expired');
      expect(answer.status).toBe(410);
      expect(answer.body).toMatchObject({ kind: 'Status', reason: 'Expired', code: 410 });
    });
  });
}
