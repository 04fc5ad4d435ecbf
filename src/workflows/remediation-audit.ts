import { condition, continueAsNew, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';

import type { RecordedObservation, RecordingActivities } from '../activities/types.ts';
import type { Observation } from '../domain/observation.ts';
import { ACTIVITY_BY_PHASE } from '../domain/phases.ts';
import type { RemediationAuditInput } from './messages.ts';
import { phaseObserved } from './messages.ts';

const record = proxyActivities<RecordingActivities>({
  startToCloseTimeout: '15s',
  // No scheduleToCloseTimeout and no maximumAttempts: a record waits out any outage.
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '1m' },
});

/**
 * The server refuses a continue-as-new input above 2 MiB, and the run then hangs while looking alive. Up to three bytes
 * a character leave room below it.
 */
const MAX_CARRIED_CHARACTERS = 500_000;

/**
 * Records what is observed of one remediation, until it is over and nothing more came for a grace time. Observations of
 * one record are stored in order; records do not wait for each other.
 */
export async function remediationAudit(input: RemediationAuditInput): Promise<void> {
  const backlog: Observation[] = [...(input.backlog ?? [])];
  // Set before anything is awaited, and only collecting: an async handler would interleave and block continue-as-new.
  setHandler(phaseObserved, (observation) => {
    backlog.push(observation);
  });
  const chains = new RecordChains(backlog, input.over ?? false);

  while (await chains.moreToDo(input.lateGrace)) {
    chains.startWaiting();
    await condition(() => chains.hasWaiting() || chains.isIdle() || chains.failure !== undefined);
    if (chains.failure !== undefined) throw chains.failure;
    if (mustContinueAsNew(backlog)) {
      await chains.pause();
      await continueAsNew<typeof remediationAudit>({
        lateGrace: input.lateGrace,
        backlog,
        over: chains.over,
      });
    }
  }
}

function mustContinueAsNew(backlog: readonly Observation[]): boolean {
  return workflowInfo().continueAsNewSuggested && JSON.stringify(backlog).length <= MAX_CARRIED_CHARACTERS;
}

/** One chain of activities per record: a slow or failing one holds back nothing but its own record. */
class RecordChains {
  readonly #backlog: Observation[];
  readonly #running = new Set<string>();
  #paused = false;
  over: boolean;
  failure: Error | undefined;

  constructor(backlog: Observation[], over: boolean) {
    this.#backlog = backlog;
    this.over = over;
  }

  isIdle(): boolean {
    return this.#running.size === 0;
  }

  hasWaiting(): boolean {
    return this.#backlog.some((observation) => !this.#running.has(recordOf(observation)));
  }

  /** Waits without a timer while the remediation goes on, and for the grace once it is over. */
  async moreToDo(lateGrace: RemediationAuditInput['lateGrace']): Promise<boolean> {
    if (!this.isIdle()) return true;
    const hasWork = (): boolean => this.#backlog.length > 0;
    if (this.over) return condition(hasWork, lateGrace);
    await condition(hasWork);
    return true;
  }

  startWaiting(): void {
    for (const name of new Set(this.#backlog.map(recordOf))) {
      if (this.#running.has(name)) continue;
      this.#running.add(name);
      this.#store(name).catch((error: unknown) => {
        // Only a cancelled run gets here: recording activities are retried without limit.
        this.failure = error instanceof Error ? error : new Error(String(error));
      });
    }
  }

  /** Lets what is in flight end and starts nothing new; what is left stays in the backlog. */
  async pause(): Promise<void> {
    this.#paused = true;
    await condition(() => this.isIdle());
  }

  async #store(name: string): Promise<void> {
    for (let next = this.#oldestOf(name); next !== undefined && !this.#paused; next = this.#oldestOf(name)) {
      const stored = await recordByPhase(next);
      // Only now: it is stored. Until then a continued run must carry it on.
      this.#backlog.splice(this.#backlog.indexOf(next), 1);
      this.over ||= stored.remediationOver;
    }
    this.#running.delete(name);
  }

  #oldestOf(name: string): Observation | undefined {
    return this.#backlog.find((observation) => recordOf(observation) === name);
  }
}

function recordOf(observation: Observation): string {
  return `${observation.table}/${observation.key}`;
}

function recordByPhase(observation: Observation): Promise<RecordedObservation> {
  return record[ACTIVITY_BY_PHASE[observation.phase]](observation);
}
