import {
  CancellationScope,
  condition,
  ParentClosePolicy,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';

import { utf8Length } from '../domain/bounds.ts';
import type { AuditPhase, Observation } from '../domain/observation.ts';
import { AUDIT_PHASES } from '../domain/observation.ts';
import { inSignalLists } from '../domain/signal-lists.ts';
import type { AuditTrail } from './audit-trail.ts';
import type { CarriedAudit } from './messages.ts';
import { RECORD_DEFERRED } from './messages.ts';
import type { PhaseQueues } from './phase-queues.ts';
import type { recordDeferred } from './recording.ts';
import { withoutHash } from './state-confirmations.ts';

/** The server refuses an input above 2 MiB, and the run then hangs while looking alive. */
const MAX_CARRIED_BYTES = 900 * 1024;

/** How long a run that is to be continued waits for an activity to store its list. */
const DRAIN_SECONDS = 10;

/**
 * History beyond which it does not wait at all: signals and lists to store go on to fill it meanwhile, and the server
 * terminates a run at 50 MiB or 51,200 events. What goes to runs of their own stands in it once more.
 */
const MAX_DRAINED_BYTES = 25 * 1024 * 1024;
const MAX_DRAINED_EVENTS = 8_000;

/**
 * Bytes of JSON that one workflow task hands to runs of their own: a call to the server carries 4 MiB. One list at a time
 * would be slower than signals come.
 */
const MAX_HANDED_BYTES = 2_500_000;

/** What belongs to the remediation itself stays with its run for as long as it can. */
const LAST_TO_GO: readonly AuditPhase[] = ['progress', 'closure'];

/** What waits alone is often more than enough, and then nothing needs to be written out to be measured. */
function isTooLargeToCarry(queues: PhaseQueues, carried: () => CarriedAudit): boolean {
  if (queues.waitingBytes > MAX_CARRIED_BYTES) return true;
  return utf8Length(JSON.stringify(carried())) > MAX_CARRIED_BYTES;
}

/**
 * Before a run continues as new: stores on until what is left can be carried, and lets end what activities are storing.
 * As long as something is stored from time to time: in an outage what is left travels on.
 */
export async function drain(queues: PhaseQueues, carried: () => CarriedAudit): Promise<void> {
  let isLate = false;
  const timer = new CancellationScope();
  timer
    .run(() => untilStandstill(queues))
    .then(
      () => {
        isLate = true;
      },
      () => undefined, // Cancelled below: it was not needed.
    );
  const isOver = (): boolean => isLate || queues.failure !== undefined || isHistoryLong();
  while (!isOver() && queues.hasWaiting() && isTooLargeToCarry(queues, carried)) {
    queues.makeAllDue();
    queues.start();
    const { waitingCount } = queues;
    await condition(
      () => isOver() || queues.isIdle() || queues.hasDue() || queues.waitingCount !== waitingCount,
    );
  }
  await condition(() => isOver() || queues.isIdle());
  timer.cancel();
  if (queues.failure !== undefined) throw queues.failure;
}

/** One timer after the other, and not one for each list, because each is an event. */
async function untilStandstill(queues: PhaseQueues): Promise<void> {
  let storedLists: number;
  do {
    ({ storedLists } = queues);
    await sleep(`${DRAIN_SECONDS}s`, { summary: 'for what is being stored' });
  } while (queues.storedLists > storedLists);
}

function isHistoryLong(): boolean {
  const { historySize, historyLength } = workflowInfo();
  return historySize > MAX_DRAINED_BYTES || historyLength > MAX_DRAINED_EVENTS;
}

/**
 * What a run cannot carry on, and could not store because the database is away, goes to runs of its own, phase by phase,
 * until the rest can be carried. It is as durable there, and the row of a record is the same whoever stores it; what an
 * activity still works at may be stored twice, which changes nothing.
 */
export async function storeElsewhere(
  queues: PhaseQueues,
  trail: AuditTrail,
  carried: () => CarriedAudit,
): Promise<void> {
  const sources = sourcesOf(queues, trail);
  let runs = 0;
  let taken: number;
  const handOn = async (list: readonly Observation[]): Promise<void> => {
    runs += 1;
    taken += list.length;
    await startRun(list, runs);
    for (const observation of list) trail.noteRecorded(observation, 'elsewhere');
  };
  // Again, because more may come while the runs are started.
  do {
    taken = 0;
    for (const take of sources) {
      if (!isTooLargeToCarry(queues, carried)) return;
      const lists = inSignalLists(take(), (observation) => observation);
      for (const together of handedTogether(lists)) await Promise.all(together.map(handOn));
    }
  } while (taken > 0);
}

/** As many lists as one workflow task may hand on, in order. */
function handedTogether(lists: readonly Observation[][]): Observation[][][] {
  const rounds: Observation[][][] = [];
  let bytes = Infinity;
  for (const list of lists) {
    const size = utf8Length(JSON.stringify(list));
    bytes += size;
    if (bytes > MAX_HANDED_BYTES) {
      rounds.push([]);
      bytes = size;
    }
    rounds.at(-1)?.push(list);
  }
  return rounds;
}

/** Where to take from, in this order; what activities work at last. */
function sourcesOf(queues: PhaseQueues, trail: AuditTrail): (() => Observation[])[] {
  const phases = [...AUDIT_PHASES.filter((phase) => !LAST_TO_GO.includes(phase)), ...LAST_TO_GO];
  return [
    () => trail.takePending(),
    ...phases.map((phase) => () => queues.take(phase, 'waiting')),
    ...phases.map((phase) => () => queues.take(phase, 'running')),
  ];
}

async function startRun(list: readonly Observation[], number: number): Promise<void> {
  const { workflowId, runId } = workflowInfo();
  await startChild<typeof recordDeferred>(RECORD_DEFERRED, {
    workflowId: `${workflowId}/overflow/${runId}/${number}`,
    // The hash says that all of a resource's state is stored, which only its own run can know.
    args: [list.map(withoutHash)],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: `${list.length} observations that their run could not carry on`,
  });
}
