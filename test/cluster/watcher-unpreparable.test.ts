import { expect, test } from 'vitest';

import { until } from '../support/until.ts';
import { WatcherWorld } from '../support/watcher-world.ts';

test('a resource whose state cannot travel is recorded reduced, and is offered no second time', async () => {
  await using world = await WatcherWorld.create();
  world.create('rr-1', 'uid-1');
  world.setStatus('rr-1', { overallPhase: 'Running'.repeat(100_000) });
  world.create('rr-2', 'uid-2');
  world.startWatcher();
  await until(
    () => world.record.reported.has('uid-1') && world.record.reported.has('uid-2'),
    'both are sent',
  );
  await until(() => world.watcher.completeness().gaps.length === 0, 'nothing is missing any more');
  const ofFirst = world.record.taken.filter(({ observation }) => observation.resource?.uid === 'uid-1');
  expect(ofFirst.map(({ observation }) => observation.columns['extra'])).toEqual([
    expect.stringMatching(/^\{"reduced":\{"reason":"too-large","state_sha256":"[0-9a-f]{64}"\}\}$/),
  ]);
  const { values } = await world.metrics.watcher.statesReduced.get();
  expect(values).toEqual([
    { labels: { cluster: 'test', kind: 'RemediationRequest', reason: 'too-large' }, value: 1 },
  ]);
});
