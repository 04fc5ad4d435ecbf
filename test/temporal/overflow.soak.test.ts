import { WorkflowNotFoundError } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { MAX_SIGNAL_BYTES } from '../../src/domain/limits.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { AUDIT_PHASES } from '../../src/domain/observation.ts';
import { closeAudit, RECORD_DEFERRED, REMEDIATION_AUDIT } from '../../src/workflows/messages.ts';
import { entryKeyOf, inspectRecords } from '../support/record-checks.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import type { PlayedRemediation } from '../support/remediations.ts';
import { measureRuns } from '../support/runs.ts';
import { startTemporalWith } from '../support/started-servers.ts';
import { until } from '../support/until.ts';

/** A server that suggests to continue as new early, so that a test need not send ten thousand signals. */
const EVENTS_BEFORE_CONTINUING = '100';
const MAX_EVENTS = 10_000;
const MAX_BLOB_BYTES = 1024 * 1024;
const DEADLINE_MS = 120_000;
/** All but those that end a remediation. */
const PHASES = AUDIT_PHASES.filter((phase) => phase !== 'closure');

let stage: RecordingStage;
let stopServer: () => Promise<void>;

beforeAll(async () => {
  const server = await startTemporalWith('overflow', {
    'limit.historyCount.suggestContinueAsNew': EVENTS_BEFORE_CONTINUING,
  });
  stopServer = () => server.stop();
  stage = await openRecordingStage({}, server.access);
});
afterAll(async () => {
  await stage.close();
  await stopServer();
});

/** Observations of one phase with so many bytes each; versions from `first` on. */
function large(
  play: PlayedRemediation,
  phase: (typeof PHASES)[number],
  first: number,
  sizes: readonly number[],
) {
  return sizes.map((size, place): Observation => {
    const observation = play.execution(first + place, 'Running', `we-${phase}`);
    const text = 'x'.repeat(size);
    return { ...observation, phase, columns: { ...observation.columns, failure_message: text } };
  });
}

async function expectAllStored(observations: readonly Observation[]): Promise<void> {
  const expected = observations.map(entryKeyOf);
  await until(
    async () => {
      const { entries } = await inspectRecords(stage.database.owner);
      const stored = new Set(entries);
      return expected.every((entry) => stored.has(entry));
    },
    'everything that was sent is stored',
    DEADLINE_MS,
  );
  expect((await inspectRecords(stage.database.owner)).contradictions).toEqual([]);
}

test(
  'a flood of megabytes while the database is away: the run continues as new, and what it cannot carry has runs of its own',
  { timeout: 3 * DEADLINE_MS },
  async () => {
    const { access, taskQueue } = stage.temporal;
    let isAway = true;
    stage.hooks.beforeRecording = () =>
      isAway ? Promise.reject(new Error('connect ECONNREFUSED')) : Promise.resolve();
    const remediation = stage.newRemediation();
    const sent: Observation[] = [];
    const flood = async (from: number, signals: number): Promise<void> => {
      for (let number = from; number < from + signals; number += 1) {
        const phase = PHASES[number % PHASES.length] ?? 'execution';
        const list = large(remediation, phase, 10 * number, [25_000, 25_000, 25_000]);
        // Refused by the server, it rejects.
        await remediation.sendTogether(list);
        sent.push(...list);
      }
    };
    await flood(1, 30);
    let closed: unknown;
    const close = async (): Promise<boolean> => {
      try {
        closed = await stage
          .handleOf(remediation)
          .executeUpdate(closeAudit, { args: [{ reason: 'the storm is over', by: 'alice' }] });
        return true;
      } catch (error: unknown) {
        // The server refuses an update that comes in the moment in which the run continues as new: it is sent again.
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    };
    const closing = until(close, 'a run takes the request to close', DEADLINE_MS);
    await flood(31, 50);
    expect(JSON.stringify(sent).length).toBeGreaterThan(5_000_000);

    // While the database is away.
    await closing;
    expect(closed).toMatchObject({ remediation: remediation.name });
    await until(
      async () => {
        const runs = await measureRuns(access, taskQueue);
        return (
          runs.some(({ wasContinued }) => wasContinued) && runs.some(({ type }) => type === RECORD_DEFERRED)
        );
      },
      'the run has continued as new, and what it could not carry has a run of its own',
      DEADLINE_MS,
    );
    expect((await inspectRecords(stage.database.owner)).entries).toEqual([]);

    isAway = false;
    await stage.closed(remediation);
    expect(await stage.handleOf(remediation).result()).toBe(
      'closed by an operator: alice: the storm is over',
    );
    await expectAllStored(sent);
    const runs = await measureRuns(access, taskQueue);
    expect(new Set(runs.map(({ type }) => type))).toEqual(new Set([REMEDIATION_AUDIT, RECORD_DEFERRED]));
    for (const { events, largestEvent, status } of runs) {
      expect(['COMPLETED', 'CONTINUED_AS_NEW']).toContain(status);
      expect(events).toBeLessThan(MAX_EVENTS);
      expect(largestEvent).toBeLessThan(MAX_BLOB_BYTES);
    }
  },
);

test(
  'as much as a signal may have, of every phase at once, waits for a worker: no answer of it is larger than Temporal takes',
  { timeout: 2 * DEADLINE_MS },
  async () => {
    stage.hooks.beforeRecording = () => Promise.resolve();
    await stage.stopWorker();
    const remediation = stage.newRemediation();
    const sent: Observation[] = [];
    for (const phase of PHASES) {
      const list = large(remediation, phase, 1, [120_000, 120_000, 120_000, 120_000]);
      expect(JSON.stringify(list).length).toBeLessThan(MAX_SIGNAL_BYTES);
      await remediation.sendTogether(list);
      sent.push(...list);
    }
    await remediation.send(remediation.closure(9));
    await stage.startWorker();
    await stage.closed(remediation);
    await expectAllStored(sent);
  },
);
