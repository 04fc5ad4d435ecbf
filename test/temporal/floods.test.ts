import { afterAll, beforeAll, expect, test } from 'vitest';

import { MAX_SIGNAL_OBSERVATIONS } from '../../src/domain/limits.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { HOUR_MS } from '../../src/domain/time.ts';
import { classifySignalFailure } from '../../src/watcher/delivery/signal-failure.ts';
import { REMEDIATION_AUDIT } from '../../src/workflows/messages.ts';
import { heldBytes, heldBytesOfThreads } from '../support/heap.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { entryKeyOf, inspectRecords } from '../support/record-checks.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import { type PlayedRemediation, SUMMARY } from '../support/remediations.ts';
import { measureRuns } from '../support/runs.ts';
import { IS_SOAK, sizeOf } from '../support/soak.ts';
import { startTemporalWith } from '../support/started-servers.ts';
import { until } from '../support/until.ts';

const SENDERS = 25;
/** Observations of the largest flood; `FLOOD=200000` for a long run. */
const FLOOD = sizeOf('FLOOD', { usual: 2_000, soak: 20_000 });

/** Single ones: more than the events after which the server wants another run. In the soak those are the 4,096 of every server. */
const SIGNALS = sizeOf('SIGNALS', { usual: 1_200, soak: 5_000 });
const EARLY = { 'limit.historyCount.suggestContinueAsNew': '1000' };

let stage: RecordingStage;

let stopServer: () => Promise<void> = () => Promise.resolve();

beforeAll(async () => {
  if (IS_SOAK) {
    stage = await openRecordingStage();
    return;
  }
  const server = await startTemporalWith('floods', EARLY);
  stopServer = () => server.stop();
  stage = await openRecordingStage({}, server.access);
});
afterAll(async () => {
  await stage.close();
  await stopServer();
});

async function sendAll(play: PlayedRemediation, observations: readonly Observation[]): Promise<void> {
  const queue = [...observations].reverse();
  const sender = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) await play.send(next);
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

test(
  `${SIGNALS} signals to one workflow are all recorded, over as many runs as it takes`,
  // A minute on a machine of its own; a busy one may take ten.
  { timeout: 900_000 },
  async () => {
    const remediation = stage.newRemediation();
    const observations = Array.from({ length: SIGNALS - 1 }, (_, index) =>
      remediation.execution(index + 1, 'Running', `we-${index % 100}`),
    );
    // Some before there is a worker at all, the others while it works.
    await stage.stopWorker();
    const before = SIGNALS / 4;
    await sendAll(remediation, observations.slice(0, before));
    await stage.startWorker();
    await sendAll(remediation, observations.slice(before));
    await remediation.send(remediation.closure(SIGNALS));
    await stage.closed(remediation);

    const { rows } = await stage.database.owner.query(
      `select count(*)::integer as records, sum(revision)::integer as observations
       from workflow_execution_audit where remediation_uid = $1::text`,
      [remediation.name.uid],
    );
    expect(rows).toEqual([{ records: 100, observations: SIGNALS - 1 }]);
    const { raw } = await stage.handleOf(remediation).describe();
    const firstRun = raw.workflowExecutionInfo?.firstRunId;
    expect(firstRun).not.toBe(raw.workflowExecutionInfo?.execution?.runId);
    expect(await stage.handleOf(remediation).describe()).toMatchObject({ type: REMEDIATION_AUDIT });
    // Given at the start alone, and every run of the chain still has it.
    expect((await stage.handleOf(remediation).describe()).memo).toEqual({ summary: SUMMARY });
    expect(await stage.handleOf(remediation).result()).toBe('remediated in 4m12s');
  },
);

/** Bounds of a run that is far from what a server refuses. */
const MAX_EVENTS = 10_000;
const MAX_BLOB_BYTES = 1024 * 1024;

async function expectSmallRuns({ workflowId }: PlayedRemediation): Promise<void> {
  const { access, taskQueue } = stage.temporal;
  const runs = await measureRuns(access, taskQueue, workflowId);
  expect(runs.length).toBeGreaterThan(0);
  for (const { events, largestEvent, status } of runs) {
    expect(['COMPLETED', 'CONTINUED_AS_NEW']).toContain(status);
    expect(events).toBeLessThan(MAX_EVENTS);
    expect(largestEvent).toBeLessThan(MAX_BLOB_BYTES);
  }
}

async function expectStored(remediation: PlayedRemediation, observations: number): Promise<void> {
  const { rows } = await stage.database.owner.query(
    'select sum(revision)::integer as observations from workflow_execution_audit where remediation_uid = $1::text',
    [remediation.name.uid],
  );
  expect(rows).toEqual([{ observations }]);
}

/** Sends lists with several at once, as watchers of several kinds do; each list is made when it is sent. */
async function sendLists(play: PlayedRemediation, lists: Iterable<readonly Observation[]>): Promise<void> {
  const queue = lists[Symbol.iterator]();
  const sender = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) await sendUntilTaken(play, next.value);
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

/** As the watcher does: what was not answered in time goes again, and the ledger knows what it has. A refusal is thrown. */
async function sendUntilTaken(play: PlayedRemediation, list: readonly Observation[]): Promise<void> {
  for (;;) {
    try {
      await play.sendTogether(list);
      return;
    } catch (error: unknown) {
      if (!classifySignalFailure(error).isAway) throw error;
    }
  }
}

test('sixty signals of 100 kB are recorded', { timeout: 300_000 }, async () => {
  const remediation = stage.newRemediation();
  const large = Array.from({ length: 60 }, (_, index) => {
    const observation = remediation.execution(index + 1, 'Running', `we-${index % 7}`);
    return [{ ...observation, columns: { ...observation.columns, failure_message: 'x'.repeat(100_000) } }];
  });
  await sendLists(remediation, large);
  await remediation.send(remediation.closure(100));
  await stage.closed(remediation);
  await expectStored(remediation, 60);
  await expectSmallRuns(remediation);
});

test('ten signals of two hundred observations are recorded', async () => {
  const remediation = stage.newRemediation();
  await sendLists(remediation, listsOfTwoHundred(remediation, 10));
  await remediation.send(remediation.closure(1_000_000));
  await stage.closed(remediation);
  await expectStored(remediation, 2_000);
  await expectSmallRuns(remediation);
});

/** Small ones, each with a version of its own. */
function* listsOfTwoHundred(remediation: PlayedRemediation, lists: number): Generator<Observation[]> {
  for (let list = 0; list < lists; list += 1) {
    yield Array.from({ length: MAX_SIGNAL_OBSERVATIONS }, (_none, place) =>
      remediation.execution(1 + list * MAX_SIGNAL_OBSERVATIONS + place, 'Running', `we-${place % 20}`),
    );
  }
}

/**
 * Of this process, which is sender and worker, whatever the size of the flood: what it holds above what it held before.
 * Twenty thousand observations that somebody keeps are more.
 */
const MAX_LEFT_BYTES = 8_000_000;
/** The same while a full run is loaded. */
const MAX_HELD_BYTES = 100_000_000;
const MEASUREMENTS = 40;

/** Other remediations, one after the other, until they are to stop; answers how many were recorded to their end. */
async function playOthers(isOver: () => boolean): Promise<number> {
  let recorded = 0;
  while (!isOver()) {
    const other = stage.newRemediation();
    await other.send(other.closure(1));
    await stage.closed(other);
    recorded += 1;
  }
  return recorded;
}

test(
  `${FLOOD} observations of one remediation are recorded, none of its runs comes near a limit of the server, and others go on`,
  { timeout: HOUR_MS },
  async () => {
    const remediation = stage.newRemediation();
    let isSent = false;
    const others = playOthers(() => isSent);
    const heldBefore = { main: heldBytes(), threads: await heldBytesOfThreads() };
    const held: number[] = [];
    const lists = FLOOD / MAX_SIGNAL_OBSERVATIONS;
    const noted = function* (): Generator<Observation[]> {
      let list = 0;
      for (const observations of listsOfTwoHundred(remediation, lists)) {
        if (list % Math.ceil(lists / MEASUREMENTS) === 0) held.push(heldBytes() - heldBefore.main);
        list += 1;
        yield observations;
      }
    };
    await sendLists(remediation, noted()).finally(() => {
      isSent = true;
    });
    expect(await others).toBeGreaterThan(0);
    await remediation.send(remediation.closure(1_000_000));
    await stage.closed(remediation);
    const isStored = async (): Promise<boolean> => {
      const { rows } = await stage.database.owner.query<{ observations: number }>(
        'select sum(revision)::integer as observations from workflow_execution_audit where remediation_uid = $1::text',
        [remediation.name.uid],
      );
      return rows[0]?.observations === FLOOD;
    };
    await until(isStored, 'also what has runs of its own is stored', 600_000);
    await expectSmallRuns(remediation);
    // The resident memory says nothing: it is mostly garbage, and free memory that the C library does not give back.
    expect(Math.max(...held)).toBeLessThan(MAX_HELD_BYTES);
    const left = {
      main: heldBytes() - heldBefore.main,
      threads: (await heldBytesOfThreads()) - heldBefore.threads,
    };
    expect(left.main).toBeLessThan(MAX_LEFT_BYTES);
    expect(left.threads).toBeLessThan(MAX_LEFT_BYTES);
    const { raw } = await stage.handleOf(remediation).describe();
    process.stderr.write(
      `${FLOOD} observations: ${String(await others)} others recorded meanwhile, held beyond the beginning ${memoryText(held)} MB, left ${memoryText([left.main, left.threads])} MB, last run ${String(raw.workflowExecutionInfo?.historyLength)} events\n`,
    );
  },
);

const memoryText = (bytes: readonly number[]): string => bytes.map((one) => Math.round(one / 1e6)).join(' ');

test('duplicates and any order give the same records as each once, in order', async () => {
  const random = seededRandom(chooseSeed());
  const remediation = stage.newRemediation();
  const observations = [
    remediation.progress(1, 'Pending'),
    remediation.progress(2, 'Executing'),
    ...Array.from({ length: 10 }, (_, index) => remediation.execution(index + 3, `Step ${index}`)),
    remediation.analysis(20, 'first guess'),
    remediation.analysis(21, 'what it was'),
    remediation.fragment(22, { failure_reason: 'TimedOut' }),
  ];
  for (const observation of random.shuffled([...observations, ...observations])) {
    await remediation.send(observation);
  }
  const closure = remediation.closure(30);
  await remediation.send(closure);
  await stage.closed(remediation);
  const { entries, contradictions } = await inspectRecords(stage.database.owner);
  expect(contradictions).toEqual([]);
  expect(entries).toEqual(expect.arrayContaining([...observations, closure].map(entryKeyOf)));
  expect(await stage.executions(remediation)).toEqual([{ phase: 'Step 9', revision: 10 }]);
});

test('two workers share the load', async () => {
  const remediations = Array.from({ length: 40 }, () => stage.newRemediation());
  const uids = new Set(remediations.map(({ name }) => name.uid));
  const recordedBy = new Map<number, number>();
  const countFor =
    (worker: number) =>
    ({ columns }: Observation): Promise<void> => {
      if (uids.has(String(columns['remediation_uid'])))
        recordedBy.set(worker, (recordedBy.get(worker) ?? 0) + 1);
      return Promise.resolve();
    };
  await stage.stopWorker();
  for (const remediation of remediations) {
    await remediation.send(remediation.execution(1, 'Completed'));
    await remediation.send(remediation.closure(2));
  }
  const workers = await Promise.all([1, 2].map((worker) => stage.startAnother(countFor(worker))));
  await Promise.all(remediations.map((remediation) => stage.closed(remediation)));
  await Promise.all(workers.map((worker) => worker.stop()));
  expect(recordedBy.get(1)).toBeGreaterThan(0);
  expect(recordedBy.get(2)).toBeGreaterThan(0);
  expect((recordedBy.get(1) ?? 0) + (recordedBy.get(2) ?? 0)).toBe(80);
});
