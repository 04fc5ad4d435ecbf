import { afterEach, beforeEach, expect, test } from 'vitest';

import { until } from '../support/until.ts';
import { WatcherWorld } from '../support/watcher-world.ts';

let world: WatcherWorld;

beforeEach(async () => {
  world = await WatcherWorld.create();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** `uid phase key-phase` of every signal. */
const told = (): string[] =>
  world.record.taken.map(({ observation: { resource, phase, columns } }) =>
    [resource?.uid, phase, columns['overall_phase'] ?? columns['skip_reason'] ?? columns['verdict']].join(
      ' ',
    ),
  );
const untilTold = (what: string): Promise<void> =>
  until(
    () => told().includes(what),
    () => `${what} is told; told was ${told().join(', ')}`,
  );

test('what is there, what changes and what is deleted is told, over all pages', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) world.create(name, `uid-${name}`);
  world.startWatcher();
  await untilTold('uid-e progress Pending');
  world.setStatus('c', { overallPhase: 'Executing' });
  await untilTold('uid-c progress Executing');
  world.setStatus('c', { overallPhase: 'Completed' });
  world.delete('c');
  await untilTold('uid-c closure terminal');
  world.delete('a');
  await untilTold('uid-a closure deleted-before-terminal');
  expect(await world.missedOnRelist()).toBe(0);
});
