import { setTimeout as delay } from 'node:timers/promises';

import type { Client } from '@temporalio/client';

interface RunLimits {
  /** Sent to one run before it is described again. */
  readonly unseenBytes: number;
  readonly unseenSignals: number;
  /** A run beyond these gets no more signals for now. */
  readonly runBytes: number;
  readonly runEvents: number;
  /** How long a signal waits for a full run that nothing happens to, in milliseconds: nobody seems to work on it. */
  readonly standstillMs: number;
  /** The same for the signals after it, one at a time: what Temporal says when a run takes no more is to be heard. */
  readonly laterStandstillMs: number;
}

/**
 * A full run is to continue as new already, since the server suggests that at 4 MiB and 4,096 events. The server
 * terminates a run at 50 MiB and 51,200 events, and gives it 10,000 signals at most; what a run stores after the
 * suggestion stands in its history a second time.
 */
const LIMITS: RunLimits = {
  unseenBytes: 2_000_000,
  unseenSignals: 1_000,
  runBytes: 6 * 1024 * 1024,
  runEvents: 6_000,
  standstillMs: 10_000,
  laterStandstillMs: 1_000,
};

const LOOK_MS = 100;
const CALL_DEADLINE_MS = 5_000;

/** Workflows that are remembered; only one that much is sent to has to be. */
const MAX_REMEMBERED = 1_000;

interface RunLoad {
  runId: string;
  /** Sent since the run was described. */
  bytes: number;
  signals: number;
  /** Nothing happened to the full run while a signal waited. */
  isStuck: boolean;
  describing: Promise<Room> | undefined;
}

interface Room {
  readonly hasRoom: boolean;
  /** Of those that wait for room, how many go all the same. */
  permits: number;
}

/**
 * Lets a workflow be sent no more than its run can pass on. A run gives away what waits in it when it continues as new;
 * one that is sent more meanwhile than the server's limits allow is terminated with all that it holds.
 */
export class RunRoom {
  readonly #client: Client;
  readonly #limits: RunLimits;
  /** By workflow id, the longest unused first. */
  readonly #loads = new Map<string, RunLoad>();

  constructor(client: Client, limits: RunLimits = LIMITS) {
    this.#client = client;
    this.#limits = limits;
  }

  /** Resolves when the run has room for a signal of so many bytes, or when nothing has happened to it for too long. */
  async wait(workflowId: string, bytes: number): Promise<void> {
    const load = this.#loadOf(workflowId);
    // Again after each answer, because others that waited may have taken the room.
    const { unseenBytes, unseenSignals } = this.#limits;
    while (load.bytes >= unseenBytes || load.signals >= unseenSignals) {
      load.describing ??= this.#waitForRoom(workflowId, load).finally(() => {
        load.describing = undefined;
      });
      const room = await load.describing;
      if (room.hasRoom) continue;
      room.permits -= 1;
      if (room.permits >= 0) break;
    }
    load.bytes += bytes;
    load.signals += 1;
  }

  /** Notes which run took a signal. */
  took(workflowId: string, runId: string): void {
    const load = this.#loadOf(workflowId);
    if (load.runId === '') load.runId = runId;
    else if (load.runId !== runId) begin(load, runId);
  }

  #loadOf(workflowId: string): RunLoad {
    const known = this.#loads.get(workflowId);
    const load = known ?? { runId: '', bytes: 0, signals: 0, isStuck: false, describing: undefined };
    this.#loads.delete(workflowId);
    this.#loads.set(workflowId, load);
    const [longestUnused] = this.#loads.keys();
    if (this.#loads.size > MAX_REMEMBERED && longestUnused !== undefined) this.#loads.delete(longestUnused);
    return load;
  }

  async #waitForRoom(workflowId: string, load: RunLoad): Promise<Room> {
    const { standstillMs, laterStandstillMs } = this.#limits;
    let changedAt = performance.now();
    let transitions: string | undefined;
    for (;;) {
      const run = await this.#describe(workflowId);
      if (run === undefined) return { hasRoom: false, permits: Infinity };
      if (run.runId !== load.runId || !this.#isFull(run)) {
        begin(load, run.runId);
        return { hasRoom: true, permits: 0 };
      }
      const now = String(run.raw.workflowExecutionInfo?.stateTransitionCount ?? '');
      if (now !== transitions) changedAt = performance.now();
      transitions = now;
      if (performance.now() - changedAt >= (load.isStuck ? laterStandstillMs : standstillMs)) {
        load.isStuck = true;
        return { hasRoom: false, permits: 1 };
      }
      await delay(LOOK_MS);
    }
  }

  #isFull({ historySize = 0, historyLength }: { historySize?: number; historyLength: number }): boolean {
    return historySize > this.#limits.runBytes || historyLength > this.#limits.runEvents;
  }

  async #describe(workflowId: string) {
    try {
      const handle = this.#client.workflow.getHandle(workflowId);
      return await this.#client.withDeadline(Date.now() + CALL_DEADLINE_MS, () => handle.describe());
    } catch {
      // The run does not exist, or Temporal is down: the signal itself fails then, and the sender gets the error.
      return undefined;
    }
  }
}

function begin(load: RunLoad, runId: string): void {
  load.runId = runId;
  load.bytes = 0;
  load.signals = 0;
  load.isStuck = false;
}
