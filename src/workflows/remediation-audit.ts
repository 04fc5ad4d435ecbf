import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';

import type { VerdictActivities } from '../activities/types.ts';
import { instantOf } from '../domain/instant.ts';
import type { Observation } from '../domain/observation.ts';
import { hasInvestigation } from '../domain/observation.ts';
import { AuditAttributes } from './audit-attributes.ts';
import { closingSentence, detailsOf, outcomeOf, recordingLine } from './audit-summary.ts';
import { AuditTrail } from './audit-trail.ts';
import { InvestigationPlacing } from './investigation-placing.ts';
import type {
  AuditProgress,
  CarriedAudit,
  CloseAuditRequest,
  RemediationAuditInput,
  RemediationEnd,
} from './messages.ts';
import { auditProgress, closeAudit, observed } from './messages.ts';
import { operatorClosure, requireReason } from './operator-closure.ts';
import { recordByPhase, RECORDING_OPTIONS } from './recording.ts';
import { ResourceChains } from './resource-chains.ts';

const { readVerdict } = proxyActivities<VerdictActivities>({
  ...RECORDING_OPTIONS,
  summary: 'did it end before this run?',
});

/**
 * The server refuses a continue-as-new input above 2 MiB, and the run then hangs while looking alive. Up to three bytes
 * a character leave room below it.
 */
const MAX_CARRIED_CHARACTERS = 500_000;

/** A run that began after the end waits less: listing a cluster anew starts one for every remediation that changed. */
const LATE_RUN_GRACE_SECONDS = 5;

/** Cancelling a run closes its audit: what it holds is recorded first, and nothing is thrown away. */
const CANCELLED: CloseAuditRequest = { reason: 'the workflow was cancelled', by: 'temporal' };

/**
 * Records what is observed of one remediation, until it is over and nothing more came for a grace time. Observations of
 * one resource are stored in order; resources do not wait for each other, and none waits for a model.
 *
 * A run is `going on` until one of these ends it: the closure was recorded; the database knew the verdict when the run
 * began (a late run); an operator closed it; the remediation's own resource was never seen and nothing came for long.
 * Then it waits for the grace, takes what still comes, and closes.
 */
export async function remediationAudit(input: RemediationAuditInput): Promise<string> {
  const audit = new Audit(input);
  // Set before anything is awaited, and only collecting: a handler that works would interleave with the loop.
  setHandler(observed, (observations) => {
    for (const observation of observations) audit.observe(observation);
  });
  setHandler(auditProgress, () => audit.progress());
  setHandler(closeAudit, (request) => audit.closeByOperator(request), { validator: requireReason });
  CancellationScope.current().cancelRequested.catch(() => {
    audit.addClosure(CANCELLED);
  });
  return CancellationScope.nonCancellable(() => audit.work());
}

class Audit {
  readonly chains: ResourceChains;
  readonly #input: RemediationAuditInput;
  readonly #trail: AuditTrail;
  readonly #placing: InvestigationPlacing;
  readonly #attributes: AuditAttributes;
  #knowsVerdict: boolean;

  constructor(input: RemediationAuditInput) {
    const { carried } = input;
    this.#input = input;
    this.#trail = new AuditTrail(carried?.trail);
    this.#placing = new InvestigationPlacing(carried?.unplaced ?? []);
    this.#attributes = new AuditAttributes(input.searchAttributes, carried?.trail.attributes);
    this.chains = new ResourceChains((observation) => this.#record(observation));
    for (const observation of carried?.backlog ?? []) this.chains.add(observation);
    this.#knowsVerdict = carried?.knowsVerdict ?? false;
  }

  /** Answers how it ended, in one sentence. */
  async work(): Promise<string> {
    if (!this.#knowsVerdict) this.#askVerdict();
    while (await this.#moreToDo()) {
      this.chains.start();
      await condition(
        () => this.chains.hasWaiting() || this.chains.isIdle() || this.chains.failure !== undefined,
      );
      if (this.chains.failure !== undefined) throw this.chains.failure;
      this.#show();
      if (this.#shouldContinueAsNew()) await this.#continueAsNew();
    }
    const closing = closingSentence(this.#trail);
    upsertMemo({ closing });
    this.#attributes.update({ outcome: outcomeOf(this.#trail) });
    this.#show();
    return closing;
  }

  observe(observation: Observation): void {
    this.chains.add(observation);
    this.#showDetails();
  }

  progress(): AuditProgress {
    const { records, hub, end, parked } = this.#trail;
    const recording = this.chains.inFlight();
    return {
      remediation: this.#input.remediation,
      ...(hub?.phase === undefined ? {} : { phase: hub.phase }),
      ...(end === undefined ? {} : { end }),
      records,
      recording: recording.map(recordingLine),
      waiting: this.chains.size - recording.length,
      parked: parked.length,
      waitsFor: this.#waitsFor(),
    };
  }

  async closeByOperator(request: CloseAuditRequest): Promise<AuditProgress> {
    const closure = this.addClosure(request);
    await condition(() => !this.chains.holds(closure));
    return this.progress();
  }

  addClosure(request: CloseAuditRequest): Observation {
    const createdAt = this.#trail.hub?.createdAt ?? instantOf(workflowInfo().startTime.getTime());
    const closure = operatorClosure(this.#input.remediation, request, { nowMs: Date.now(), createdAt });
    this.chains.add(closure);
    return closure;
  }

  async #record(observation: Observation): Promise<void> {
    if (this.#trail.mustWait(observation)) {
      this.#trail.park(observation);
      return;
    }
    this.#showDetails();
    const stored = await recordByPhase(observation);
    this.#trail.noteRecorded(observation, stored);
    this.#releaseFragments();
    if (stored.status === 'stored' && hasInvestigation(observation)) {
      this.#placing.add({ id: stored.id, createdAt: stored.createdAt });
    }
  }

  /** A run that began after the end learns so here, and need not wait for a closure that has been recorded already. */
  #askVerdict(): void {
    const { cluster, uid } = this.#input.remediation;
    readVerdict({ cluster, uid }).then(
      (verdict) => {
        this.#knowsVerdict = true;
        if (verdict !== 'open' && verdict !== 'unknown') this.#end({ by: 'known', verdict });
      },
      (error: unknown) => {
        this.chains.failure = error instanceof Error ? error : new Error(String(error));
      },
    );
  }

  #end(end: RemediationEnd): void {
    this.#trail.end ??= end;
    this.#releaseFragments();
  }

  #releaseFragments(): void {
    for (const fragment of this.#trail.release()) this.chains.add(fragment);
  }

  /** True when there is, or may be, something to record; false when the run is to close. */
  async #moreToDo(): Promise<boolean> {
    if (!this.chains.isIdle() || this.chains.hasWaiting()) return true;
    const { end } = this.#trail;
    if (end === undefined) return this.#awaitMore();
    if (await this.#comesWithin(this.#graceAfter(end))) return true;
    // A model may be slower than the grace; what arrives while only it is waited for is recorded as ever.
    await condition(() => this.#placing.isDone() || this.chains.hasWaiting());
    return this.chains.hasWaiting();
  }

  /** While the remediation goes on there is no timer, but for one of which nobody can say that it ever ends. */
  async #awaitMore(): Promise<boolean> {
    const isWoken = (): boolean =>
      this.chains.hasWaiting() || this.#trail.end !== undefined || this.chains.failure !== undefined;
    await condition(() => this.#knowsVerdict || isWoken());
    if (isWoken()) return true;
    if (this.#trail.hub !== undefined) {
      await condition(isWoken);
      return true;
    }
    const { lateGraceSeconds, orphanGraceSeconds } = this.#input;
    const grace = this.#trail.isAbandoned() ? lateGraceSeconds : orphanGraceSeconds;
    const isOver = !(await condition(isWoken, `${grace}s`, {
      summary: "for the remediation's own resource",
    }));
    if (isOver) this.#end({ by: 'orphan' });
    return true;
  }

  async #comesWithin(graceSeconds: number): Promise<boolean> {
    if (graceSeconds === 0) return this.chains.hasWaiting();
    return condition(() => this.chains.hasWaiting(), `${graceSeconds}s`, {
      summary: 'for late observations',
    });
  }

  #graceAfter({ by }: RemediationEnd): number {
    const { lateGraceSeconds } = this.#input;
    if (by === 'orphan') return 0;
    return by === 'known' ? Math.min(lateGraceSeconds, LATE_RUN_GRACE_SECONDS) : lateGraceSeconds;
  }

  #show(): void {
    const { hub, skipReason } = this.#trail;
    this.#attributes.update({ phase: hub?.phase, skipReason });
    this.#showDetails();
  }

  /** At every step, since it costs no event: in an outage a run is looked at in the middle of one. */
  #showDetails(): void {
    setCurrentDetails(detailsOf(this.progress()));
  }

  #waitsFor(): string {
    if (!this.chains.isIdle()) return 'the database';
    if (this.#trail.end !== undefined) return this.#placing.isDone() ? 'late observations' : 'the model';
    return this.#trail.hub === undefined ? "the remediation's own resource" : 'the end of the remediation';
  }

  #shouldContinueAsNew(): boolean {
    const { characters } = this.chains;
    if (!workflowInfo().continueAsNewSuggested || characters > MAX_CARRIED_CHARACTERS) return false;
    const { trail, unplaced } = this.#carried();
    return characters + JSON.stringify([trail, unplaced]).length <= MAX_CARRIED_CHARACTERS;
  }

  async #continueAsNew(): Promise<void> {
    await this.chains.pause();
    // An operator's call must be answered by the run that took it.
    if (allHandlersFinished() && this.chains.failure === undefined) {
      await continueAsNew<typeof remediationAudit>({ ...this.#input, carried: this.#carried() });
    }
    this.chains.resume();
  }

  #carried(): CarriedAudit {
    return {
      backlog: this.chains.backlog(),
      unplaced: this.#placing.pending(),
      knowsVerdict: this.#knowsVerdict,
      trail: this.#trail.state(this.#attributes.set),
    };
  }
}
