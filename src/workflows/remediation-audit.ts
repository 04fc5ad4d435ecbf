import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';

import type { RecordedList, VerdictActivities } from '../activities/types.ts';
import { instantOf } from '../domain/instant.ts';
import type { AuditPhase, Observation } from '../domain/observation.ts';
import { hasInvestigation, recordName } from '../domain/observation.ts';
import {
  AuditAttributes,
  closingSentence,
  detailsOf,
  listSentence,
  outcomeOf,
  phaseClassOf,
  recordingLine,
} from './audit-summary.ts';
import { AuditTrail } from './audit-trail.ts';
import { GatherRule, GatherTimer } from './gather.ts';
import { InvestigationEmbedding } from './investigation-embedding.ts';
import type {
  AuditProgress,
  CarriedAudit,
  CloseAuditRequest,
  RemediationAuditInput,
  RemediationEnd,
} from './messages.ts';
import { auditProgress, closeAudit, observed } from './messages.ts';
import { operatorClosure, requireReason } from './operator-closure.ts';
import { drain, storeElsewhere } from './overflow.ts';
import type { QueuedObservation } from './phase-queues.ts';
import { PhaseQueues } from './phase-queues.ts';
import { RECORDING_OPTIONS, recordPhase } from './recording.ts';

const { readVerdict } = proxyActivities<VerdictActivities>({
  ...RECORDING_OPTIONS,
  summary: 'check for an earlier verdict',
});

/** A hash only shows the watcher that a state is stored; the watcher is patient for ten minutes by default. */
const GATHERS_PER_CONFIRMATION = 12;

/** A run that began after the end waits less: listing a cluster anew starts one for every remediation that changed. */
const LATE_RUN_GRACE_SECONDS = 5;

/** Cancelling a run closes its audit: what it holds is recorded first, and nothing is thrown away. */
const CANCELLED: CloseAuditRequest = { reason: 'the workflow was cancelled', by: 'temporal' };

/**
 * Records what is observed of one remediation, until it is over and nothing more came for a grace time.
 *
 * In: lists of observations, by signal. Out: one activity per audit phase at a time, each with all that waits for it, so
 * that the history reads as the audit trail. The row of a record is computed from its ledger whatever the order, so
 * phases need not wait for each other; within a phase the order is kept.
 *
 * A run is `going on` until one of these ends it: the closure was recorded; the database knew the verdict when the run
 * began (a late run); an operator closed it; the remediation's own resource was never seen and nothing came for long.
 * Then it waits for the grace, takes what still comes, and closes.
 *
 * What must stay true: an observation that a signal brought leaves the run only when it is stored, in quarantine, or in
 * a run of its own; the server never terminates a run, because it continues as new long before any limit, whatever waits.
 */
export async function remediationAudit(input: RemediationAuditInput): Promise<string> {
  const audit = new Audit(input);
  // Set before anything is awaited, and only collecting: a handler that works would interleave with the loop.
  setHandler(observed, (observations) => {
    audit.observe(observations);
  });
  setHandler(auditProgress, () => audit.progress());
  setHandler(closeAudit, (request) => audit.closeByOperator(request), { validator: requireReason });
  CancellationScope.current().cancelRequested.catch(() => {
    audit.addClosure(CANCELLED);
  });
  return CancellationScope.nonCancellable(() => audit.work());
}

class Audit {
  readonly #queues: PhaseQueues;
  readonly #input: RemediationAuditInput;
  readonly #trail: AuditTrail;
  readonly #embedding: InvestigationEmbedding;
  readonly #attributes: AuditAttributes;
  readonly #gathering: GatherTimer;
  readonly #confirming: GatherTimer;
  readonly #gatherRule: GatherRule;
  #verdict: 'unknown' | 'asked' | 'known';
  #grace: 'not begun' | 'running' | 'over' = 'not begun';
  #isContinuing = false;

  constructor(input: RemediationAuditInput) {
    const { carried, gatherSeconds } = input;
    this.#input = input;
    this.#gatherRule = new GatherRule(gatherSeconds);
    this.#trail = new AuditTrail(carried?.trail);
    this.#embedding = new InvestigationEmbedding(carried?.unplaced ?? []);
    this.#attributes = new AuditAttributes(input.searchAttributes, carried?.trail.attributes);
    this.#queues = new PhaseQueues({
      record: (phase, list) => this.#record(phase, list),
      holdBack: (observation, list) => this.#holdBack(observation, list),
      gathers: () => {
        this.#gathering.start();
      },
      confirms: () => {
        this.#confirming.start();
      },
    });
    const waitNoLonger = (): void => {
      this.#queues.makeAllDue();
    };
    this.#gathering = new GatherTimer(gatherSeconds, 'for more of the same phase', waitNoLonger);
    const confirmSeconds = gatherSeconds * GATHERS_PER_CONFIRMATION;
    this.#confirming = new GatherTimer(confirmSeconds, 'to confirm a state with more', waitNoLonger);
    for (const observation of carried?.backlog ?? []) this.#queues.add(observation);
    this.#verdict = carried?.knowsVerdict === true ? 'known' : 'unknown';
  }

  /** Answers how it ended, in one sentence. */
  async work(): Promise<string> {
    while (await this.#moreToDo()) {
      this.#queues.start();
      if (!this.#queues.isGathering()) this.#gathering.cancel();
      if (!this.#queues.isConfirming()) this.#confirming.cancel();
      await condition(() => this.#isWoken() || (this.#queues.isIdle() && !this.#queues.hasWaiting()));
      if (this.#queues.failure !== undefined) throw this.#queues.failure;
      this.#show();
      if (this.#mustContinue()) await this.#continueAsNew();
    }
    const closing = closingSentence(this.#trail);
    this.#attributes.update({ outcome: outcomeOf(this.#trail) });
    setCurrentDetails(`${detailsOf(this.progress())}\n\nClosed: ${closing}.`);
    return closing;
  }

  observe(observations: readonly Observation[]): void {
    const mayWait = this.#gatherRule.forSignal(observations, Date.now());
    for (const observation of observations) this.#queues.add(observation, mayWait(observation));
    this.#showDetails();
  }

  progress(): AuditProgress {
    const { records, remediation, end, pending } = this.#trail;
    return {
      remediation: this.#input.remediation,
      ...(remediation?.phase === undefined ? {} : { phase: remediation.phase }),
      ...(end === undefined ? {} : { end }),
      records,
      recording: this.#queues.inFlight().map(([phase, list]) => recordingLine(phase, list)),
      waiting: this.#queues.waitingCount,
      parked: pending.length,
      waitsFor: this.#waitsFor(),
    };
  }

  /** A run that is continued meanwhile answers at once: the closure travels on like any other observation. */
  async closeByOperator(request: CloseAuditRequest): Promise<AuditProgress> {
    const closure = this.addClosure(request);
    await condition(() => !this.#queues.holds(closure) || this.#isContinuing);
    return this.progress();
  }

  addClosure(request: CloseAuditRequest): Observation {
    const createdAt = this.#trail.remediation?.createdAt ?? instantOf(workflowInfo().startTime.getTime());
    const closure = operatorClosure(this.#input.remediation, request, { nowMs: Date.now(), createdAt });
    this.#queues.add(closure);
    return closure;
  }

  /** Answers those that have to be brought again. */
  async #record(
    phase: AuditPhase,
    list: readonly QueuedObservation[],
  ): Promise<readonly QueuedObservation[]> {
    this.#showDetails();
    const answer = await recordPhase({
      phase,
      observations: list.map(({ observation }) => observation),
      summary: listSentence(phase, list),
      question: this.#question(),
    });
    this.#noteRecorded(list, answer);
    // What brings another text of the same investigation may be on its way in another phase.
    if (!this.#queues.inFlight().some(([other, those]) => other !== phase && those.some(bringsText)))
      this.#embedding.begin();
    if (answer.verdict !== undefined) this.#learn(answer.verdict);
    if (this.#trail.end !== undefined) this.#end(this.#trail.end);
    this.#releasePartialRecords();
    return list.filter((_queued, index) => answer.later?.includes(index) === true);
  }

  #noteRecorded(
    list: readonly QueuedObservation[],
    { rows, quarantined = [], later = [] }: RecordedList,
  ): void {
    const rowOf = new Map(rows.map((row) => [row.record, row]));
    for (const [index, { observation, isConfirmation }] of list.entries()) {
      if (isConfirmation || later.includes(index)) continue;
      const isRefused = quarantined.includes(index);
      this.#trail.noteRecorded(observation, isRefused ? 'quarantined' : 'stored');
      const row = rowOf.get(recordName(observation));
      if (!isRefused && row !== undefined && hasInvestigation(observation))
        this.#embedding.add({ id: row.id, createdAt: row.createdAt });
    }
  }

  /** A partial record waits until its record was stored by an observation of its own. */
  #holdBack(observation: Observation, list: readonly QueuedObservation[]): boolean {
    if (!this.#trail.mustWait(observation)) return false;
    const name = recordName(observation);
    const isBefore = ({ observation: before }: QueuedObservation): boolean =>
      before.fragment !== true && recordName(before) === name;
    if (list.some(isBefore)) return false;
    this.#trail.addPending(observation);
    return true;
  }

  /** The first list asks whether the remediation ended before this run began, so that no activity is spent on that. */
  #question() {
    if (this.#verdict !== 'unknown') return undefined;
    this.#verdict = 'asked';
    const { cluster, uid } = this.#input.remediation;
    return { verdictOf: { cluster, uid } };
  }

  #learn(verdict: NonNullable<RecordedList['verdict']>): void {
    this.#verdict = 'known';
    if (verdict !== 'open' && verdict !== 'unknown') this.#end({ by: 'known', verdict });
  }

  #end(end: RemediationEnd): void {
    this.#trail.end ??= end;
    this.#releasePartialRecords();
    this.#queues.makeAllDue();
    if (this.#grace !== 'not begun') return;
    const seconds = this.#graceAfter(this.#trail.end);
    // Without a timer: even one of no time costs two events and a workflow task.
    if (seconds === 0) {
      this.#grace = 'over';
      return;
    }
    this.#grace = 'running';
    // One for the whole run, however often something comes late.
    sleep(`${seconds}s`, { summary: 'for late observations' }).then(
      () => {
        this.#grace = 'over';
        this.#queues.makeAllDue();
      },
      (error: unknown) => {
        this.#queues.failure = error instanceof Error ? error : new Error(String(error));
      },
    );
  }

  #releasePartialRecords(): void {
    for (const partial of this.#trail.release()) this.#queues.add(partial);
  }

  /** True when there is, or may be, something to record; false when the run is to close. */
  async #moreToDo(): Promise<boolean> {
    if (!this.#queues.isIdle() || this.#queues.hasWaiting()) return true;
    if (this.#trail.end === undefined) return this.#awaitMore();
    this.#end(this.#trail.end);
    // A model may be slower than the grace; what arrives while only it is waited for is recorded as ever.
    await condition(
      () =>
        this.#queues.hasWaiting() || (this.#grace === 'over' && this.#embedding.isDone()) || this.#isWoken(),
    );
    return this.#queues.hasWaiting() || this.#isWoken();
  }

  /** While the remediation goes on there is no timer, but for one of which nobody can say that it ever ends. */
  async #awaitMore(): Promise<boolean> {
    if (this.#verdict === 'unknown') await this.#askVerdict();
    const hasMore = (): boolean =>
      this.#queues.hasWaiting() || this.#trail.end !== undefined || this.#isWoken();
    await condition(() => this.#verdict === 'known' || hasMore());
    if (hasMore()) return true;
    if (this.#trail.remediation !== undefined) {
      await condition(hasMore);
      return true;
    }
    const { lateGraceSeconds, orphanGraceSeconds } = this.#input;
    const grace = this.#trail.isAbandoned() ? lateGraceSeconds : orphanGraceSeconds;
    const isOver = !(await condition(hasMore, `${grace}s`, {
      summary: "for the remediation's own resource",
    }));
    if (isOver) this.#end({ by: 'orphan' });
    return true;
  }

  /** Only where nothing was stored yet that could have brought the answer: all that came is held back. */
  async #askVerdict(): Promise<void> {
    const { cluster, uid } = this.#input.remediation;
    this.#learn(await readVerdict({ cluster, uid }));
  }

  #isWoken(): boolean {
    return this.#queues.hasDue() || this.#queues.failure !== undefined || this.#mustContinue();
  }

  #graceAfter({ by }: RemediationEnd): number {
    const { lateGraceSeconds } = this.#input;
    if (by === 'orphan') return 0;
    return by === 'known' ? Math.min(lateGraceSeconds, LATE_RUN_GRACE_SECONDS) : lateGraceSeconds;
  }

  #show(): void {
    const { remediation, skipReason, end } = this.#trail;
    const outcome = end?.by === 'closure' ? outcomeOf(this.#trail) : undefined;
    this.#attributes.update({ phase: phaseClassOf(remediation?.phase), skipReason, outcome });
    this.#showDetails();
  }

  /** At every step, since it costs no event: in an outage people read a run between its events. */
  #showDetails(): void {
    setCurrentDetails(detailsOf(this.progress()));
  }

  #waitsFor(): string {
    if (!this.#queues.isIdle()) return 'the database';
    if (this.#trail.end !== undefined) return this.#embedding.isDone() ? 'late observations' : 'the model';
    return this.#trail.remediation === undefined
      ? "the remediation's own resource"
      : 'the end of the remediation';
  }

  #mustContinue(): boolean {
    return workflowInfo().continueAsNewSuggested && !this.#isContinuing;
  }

  /**
   * Whatever waits: a run that stayed because the database is away would grow until the server refuses its signals, and
   * then ends it. What an activity is storing at that moment is stored twice, which changes nothing.
   */
  async #continueAsNew(): Promise<void> {
    this.#isContinuing = true;
    const carried = (): CarriedAudit => this.#carried();
    await drain(this.#queues, carried);
    await storeElsewhere(this.#queues, this.#trail, carried);
    await condition(allHandlersFinished);
    await continueAsNew<typeof remediationAudit>({ ...this.#input, carried: this.#carried() });
  }

  #carried(): CarriedAudit {
    return {
      backlog: this.#queues.unstored(),
      unplaced: this.#embedding.pending(),
      knowsVerdict: this.#verdict === 'known',
      trail: this.#trail.state(this.#attributes.set),
    };
  }
}

function bringsText({ observation, isConfirmation }: QueuedObservation): boolean {
  return !isConfirmation && hasInvestigation(observation);
}
