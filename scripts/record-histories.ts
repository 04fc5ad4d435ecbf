import { randomUUID } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { type Client, WorkflowFailedError } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

import type { AuditActivities, RecordingActivities } from '../src/activities/types.ts';
import { ACTIVITY_BY_PHASE, AUDIT_PHASES } from '../src/domain/observation.ts';
import { connectTemporal } from '../src/temporal/connection.ts';
import { createRemediationSignals } from '../src/temporal/remediation-signals.ts';
import { prepareSearchAttributes } from '../src/temporal/search-attributes.ts';
import { startWorker } from '../src/worker/start-worker.ts';
import type { BranchStage, MaintenanceActivities } from '../test/replay/branches.ts';
import {
  AWAY,
  BRANCHES,
  FIRST_RUN_OF,
  FLAKY,
  POISON,
  SLOW,
  SLOW_REPORT,
  withoutFiller,
} from '../test/replay/branches.ts';
import type { PlayedRemediation } from '../test/support/remediations.ts';
import { playRemediation } from '../test/support/remediations.ts';
import { repositoryPath } from '../test/support/repository.ts';
import { type StartedServers, withTemporal } from '../test/support/started-servers.ts';

/**
 * `npm run histories`: plays each branch of our workflows on a real server and keeps its history in
 * test/replay/histories. Only those that are not there yet: an old history stands for runs that are under way at users,
 * and recording it anew would make a replay pass that they do not survive.
 */
const DIRECTORY = fileURLToPath(new URL('../test/replay/histories/', import.meta.url));
const QUEUE = 'record-histories';
/** Histories stay small enough to read: the server suggests to continue as new much earlier than it would. */
const EVENTS_BEFORE_CONTINUING = '120';

const RECORDED_AT = '2026-11-21T10:00:00.000000Z';

/** Longer than the grace below. */
const SLOW_MS = 3_000;
/** Of a list; long enough for the next ones to gather. */
const SLOW_LIST_MS = 4_000;

/** What activities of maintenance answer in the branch that is played. */
let answers: Partial<MaintenanceActivities> = {};

const report = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
await withTemporal(
  {
    name: 'record-histories',
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': EVENTS_BEFORE_CONTINUING },
    report,
  },
  recordMissing,
);

async function recordMissing({ access, logger }: Pick<StartedServers, 'access' | 'logger'>): Promise<void> {
  const { client, connection, close } = await connectTemporal(access);
  const worker = await startWorker({
    temporal: access,
    queues: [{ taskQueue: QUEUE, activities: { ...forgetfulActivities(), ...maintenance() } }],
    shutdownGraceSeconds: 1,
  });
  try {
    await mkdir(DIRECTORY, { recursive: true });
    const known = await prepareSearchAttributes(connection, access.namespace, logger);
    for (const [name, branch] of Object.entries(BRANCHES)) {
      if (existsSync(join(DIRECTORY, `${name}.json`))) continue;
      const signals = createRemediationSignals(client, {
        lateGraceSeconds: 1,
        gatherSeconds: 1,
        orphanGraceSeconds: 1,
        taskQueue: QUEUE,
        searchAttributes: name === 'without-search-attributes' ? [] : known,
      });
      const play = playRemediation(signals, { cluster: 'histories', name: `rr-${name}` });
      const stage = stageOf(client, play, name);
      await branch(stage);
      const history = historyToJSON(await historyOf(client, name, stage));
      await writeFile(join(DIRECTORY, `${name}.json`), `${withoutFiller(withoutMachine(history))}\n`);
      report(`recorded ${name}`);
    }
  } finally {
    await worker.stop();
    await close();
  }
}

async function historyOf({ workflow }: Client, name: string, { ran }: RecordedStage) {
  const workflowId = ran();
  const last = workflow.getHandle(workflowId);
  if (!FIRST_RUN_OF.has(name)) return last.fetchHistory();
  const { raw } = await last.describe();
  const firstRunId = raw.workflowExecutionInfo?.firstRunId ?? '';
  return workflow.getHandle(workflowId, firstRunId).fetchHistory();
}

/** Process ids, host names and folders of whoever recorded it are no part of a history. */
function withoutMachine(history: string): string {
  return (
    history
      // `pid@host` is the identity of a client or worker, and the beginning of a worker's sticky queue.
      .replaceAll(/\d+@[\w.-]+/g, 'recorder')
      .replaceAll(repositoryPath('.'), '/repository/')
      // Where node_modules is a link, a stack names what it leads to.
      .replaceAll(realpathSync(repositoryPath('node_modules')), '/repository/node_modules')
  );
}

interface RecordedStage extends BranchStage {
  /** Id of the workflow whose history is the branch's. */
  readonly ran: () => string;
}

function stageOf({ workflow }: Client, play: PlayedRemediation, name: string): RecordedStage {
  let ran = play.workflowId;
  const handle = workflow.getHandle(play.workflowId);
  return {
    play,
    handle,
    send: async (...observations) => {
      for (const observation of observations) await play.send(observation);
    },
    sendTogether: (...observations) => play.sendTogether(observations),
    closed: async () => {
      await handle.result();
    },
    run: async (type, args, given = {}) => {
      answers = given;
      ran = `histories/${name}`;
      const started = await workflow.start(type, { workflowId: ran, taskQueue: QUEUE, args: [...args] });
      // One that is to fail has a history too.
      await started.result().catch((error: unknown) => {
        if (!(error instanceof WorkflowFailedError)) throw error;
      });
    },
    ran: () => ran,
  };
}

/** By the names that the branches answer for; the answers change from branch to branch. */
function maintenance(): object {
  const names: readonly (keyof MaintenanceActivities)[] = [
    'rollPartitionsOver',
    'planComparison',
    'compareRecords',
    'planRetention',
    'freezeMonth',
    'exportMonth',
    'verifyExport',
    'sealMonth',
    'detachMonth',
    'dropMonth',
    'reattachMonth',
    'removeOrphans',
    'noteRetentionFault',
    'beginRestore',
    'loadRestoredTable',
    'attachRestoredMonth',
    'abandonRestore',
  ];
  return Object.fromEntries(
    names.map((name) => [
      name,
      (...args: never[]) => (answers[name] as (...args: never[]) => unknown)(...args),
    ]),
  );
}

/** A history holds what activities answered, not what they did: these store nothing, and one fails at first. */
function forgetfulActivities(): AuditActivities {
  const failures = new Map<string, number>();
  const closed = new Set<string>();
  const slow = new Set<string>();
  const fail = (): never => {
    throw new Error('connect ECONNREFUSED');
  };
  const record: RecordingActivities['recordExecution'] = async (observations, { verdictOf } = {}) => {
    if (observations.some(({ key }) => key.endsWith(SLOW))) await delay(SLOW_LIST_MS);
    const verdict = verdictOf && (closed.has(verdictOf.uid) ? ('terminal' as const) : ('unknown' as const));
    const rows = observations.map(({ table, key, phase, columns }) => {
      const failed = failures.get(key) ?? 0;
      if (key.endsWith(FLAKY) && failed < 2) {
        failures.set(key, failed + 1);
        return fail();
      }
      if (key.endsWith(AWAY) && !closed.has(String(columns['remediation_uid']))) return fail();
      if (phase === 'closure') closed.add(String(columns['remediation_uid']));
      const id = randomUUID();
      if (columns['investigation_report'] === SLOW_REPORT) slow.add(id);
      return { record: `${table}/${key}`, id, createdAt: RECORDED_AT, row: `/api/v1/audit/x/${id}` };
    });
    const quarantined = observations.flatMap(({ key }, place) => (key.endsWith(POISON) ? [place] : []));
    return {
      summary: `${observations.length} observations stored`,
      rows,
      ...(quarantined.length === 0 ? {} : { quarantined }),
      ...(verdict === undefined ? {} : { verdict }),
    };
  };
  const recording = Object.fromEntries(AUDIT_PHASES.map((phase) => [ACTIVITY_BY_PHASE[phase], record]));
  return {
    ...(recording as RecordingActivities),
    embedInvestigation: async ({ id }) => {
      if (slow.has(id)) await delay(SLOW_MS);
      return 'placed';
    },
    readVerdict: ({ uid }) => Promise.resolve(closed.has(uid) ? 'terminal' : 'unknown'),
  };
}
