import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { repositoryPath } from '../support/repository.ts';
import type { TestFolder } from '../support/test-folder.ts';
import { createTestFolder } from '../support/test-folder.ts';
import { until } from '../support/until.ts';
import { isWatch } from '../support/watcher-faults.ts';
import type { Held } from '../support/watcher-process.ts';
import { WatcherWorld } from '../support/watcher-world.ts';

const LIVE = 10_000;
const RECONNECTS = 500;
/** The first ones fill caches, and what the compiler of the engine keeps. */
const WARM_UP = 4;
const LISTS = 12;
/** A list of so many leaves a megabyte and more behind if anything of it is kept. */
const NOISE_BYTES = 3_000_000;
/** Connections that are just being opened or closed. */
const IN_PASSING = 5;
const DEADLINE_MS = 120_000;

let world: WatcherWorld;
let folder: TestFolder;
let watcher: ChildProcess;
let lists = 0;
let watches = 0;

function count(request: IncomingMessage): void {
  if (isWatch(request)) watches += 1;
  else if (/[?&]limit=/.test(request.url ?? '') && !/[?&]continue=/.test(request.url ?? '')) lists += 1;
}

async function startWatcherProcess(): Promise<void> {
  const kubeconfig = folder.file('kubeconfig');
  await writeFile(kubeconfig, world.sandbox.kubeconfig);
  watcher = fork(repositoryPath('test/support/watcher-process.ts'), [kubeconfig], {
    execArgv: ['--expose-gc'],
  });
}

async function held(): Promise<Held> {
  watcher.send('measure');
  const [answer] = (await once(watcher, 'message')) as [Held];
  return answer;
}

const untilListed = (times: number): Promise<void> =>
  until(
    () => lists >= times,
    () => `everything is listed ${times} times; it was ${lists} times`,
    DEADLINE_MS,
  );

beforeEach(async () => {
  [lists, watches] = [0, 0];
  folder = await createTestFolder();
  world = await WatcherWorld.create({
    sandbox: {
      intercept: (request, response) => {
        count(request);
        return world.faults.intercept(request, response);
      },
    },
  });
});
afterEach(async () => {
  const ended = once(watcher, 'exit');
  watcher.kill('SIGKILL');
  await ended;
  await world[Symbol.asyncDispose]();
  await folder.remove();
});

test(`the heap is steady over repeated lists of ${LIVE} resources`, async () => {
  for (let index = 0; index < LIVE; index += 1) world.create(`rr-${index}`, `uid-${index}`);
  await startWatcherProcess();
  await untilListed(WARM_UP);
  const before = await held();
  await untilListed(LISTS);
  const after = await held();
  expect(after.heapBytes - before.heapBytes).toBeLessThan(NOISE_BYTES);
});

test(`no descriptor is left behind by ${RECONNECTS} reconnects`, async () => {
  world.create('rr', 'uid');
  await startWatcherProcess();
  const untilWatched = (times: number): Promise<void> =>
    until(
      () => watches >= times,
      () => `it watches for the ${times}th time`,
    );
  await untilWatched(1);
  const before = await held();
  while (watches <= RECONNECTS) {
    const reconnected = watches + 1;
    // First every connection breaks; then the server ends its answers and keeps the connections.
    if (watches < RECONNECTS / 2) world.faults.cutAll();
    else world.faults.start('end-watches');
    world.faults.stop();
    await untilWatched(reconnected);
  }
  const after = await held();
  expect(after.descriptors - before.descriptors).toBeLessThanOrEqual(IN_PASSING);
});
