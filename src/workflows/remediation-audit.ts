import { condition, continueAsNew, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';

import type { RecordedObservation, RecordingActivities } from '../activities/types.ts';
import type { Observation } from '../domain/observation.ts';
import { ACTIVITY_BY_PHASE } from '../domain/phases.ts';
import { InvestigationPlacing } from './investigation-placing.ts';
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
 * one record are stored in order; records do not wait for each other, and none waits for a model.
 */
export async function remediationAudit(input: RemediationAuditInput): Promise<void> {
  const backlog: Observation[] = [...(input.backlog ?? [])];
  // Set before anything is awaited, and only collecting: an async handler would interleave and block continue-as-new.
  setHandler(phaseObserved, (observation) => {
    backlog.push(observation);
  });
  const placing = new InvestigationPlacing(input.unplaced ?? []);
  const chains = new RecordChains(backlog, placing, input.over ?? false);

  while (await moreToDo(chains, placing, input.lateGrace)) {
    chains.startWaiting();
    await condition(() => chains.hasWaiting() || chains.isIdle() || chains.failure !== undefined);
    if (chains.failure !== undefined) throw chains.failure;
    if (mustContinueAsNew(backlog)) {
      await chains.pause();
      const [unplaced, over] = [placing.pending(), chains.over];
      await continueAsNew<typeof remediationAudit>({ lateGrace: input.lateGrace, backlog, unplaced, over });
    }
  }
}

/** A model may be slower than the grace; what arrives while only it is waited for is recorded as ever. */
async function moreToDo(
  chains: RecordChains,
  placing: InvestigationPlacing,
  lateGrace: RemediationAuditInput['lateGrace'],
): Promise<boolean> {
  if (await chains.moreToDo(lateGrace)) return true;
  await condition(() => placing.isDone() || chains.hasWaiting());
  return chains.hasWaiting();
}

function mustContinueAsNew(backlog: readonly Observation[]): boolean {
  return workflowInfo().continueAsNewSuggested && JSON.stringify(backlog).length <= MAX_CARRIED_CHARACTERS;
}

/** One chain of activities per record: a slow or failing one holds back nothing but its own record. */
class RecordChains {
  readonly #backlog: Observation[];
  readonly #placing: InvestigationPlacing;
  readonly #running = new Set<string>();
  #paused = false;
  over: boolean;
  failure: Error | undefined;

  constructor(backlog: Observation[], placing: InvestigationPlacing, over: boolean) {
    this.#backlog = backlog;
    this.#placing = placing;
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
      if (carriesInvestigation(next, stored))
        this.#placing.add({ id: stored.id, createdAt: stored.createdAt });
    }
    this.#running.delete(name);
  }

  #oldestOf(name: string): Observation | undefined {
    return this.#backlog.find((observation) => recordOf(observation) === name);
  }
}

function carriesInvestigation(observation: Observation, stored: RecordedObservation): boolean {
  return stored.status === 'stored' && (observation.columns['investigation_report'] ?? '') !== '';
}

function recordOf(observation: Observation): string {
  return `${observation.table}/${observation.key}`;
}

function recordByPhase(observation: Observation): Promise<RecordedObservation> {
  return record[ACTIVITY_BY_PHASE[observation.phase]](observation);
}
