/*
 * A remediation as one row of a list: what it was about, what became of it, how long it took. The facts are those of the
 * record; times follow from the same function as those of its timeline.
 */
import type { JsonValue } from '../domain/json.ts';
import { remediationAudit } from '../domain/records/remediation-audit.ts';
import type { SourcedRow } from '../query/combined-answer.ts';
import { type Facts, factsOf, secondsBetween, textIn, timeIn } from '../query/remediation/facts.ts';
import { endOf, phasesOf } from '../query/remediation/phases.ts';

/** How a remediation went, in one of five ways that a colour and a sign stand for. */
export type Tone = 'good' | 'bad' | 'open' | 'waiting' | 'neutral';

export interface RemediationRow {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** `payments/Deployment/api`. */
  readonly target: string;
  readonly signal: string | null;
  readonly severity: string | null;
  readonly workflow: string | null;
  readonly outcome: string;
  readonly tone: Tone;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Null while it is open. */
  readonly tookSeconds: number | null;
  /** Since when it is in its phase; null where no resource says so. */
  readonly phaseSince: string | null;
  readonly decidedBy: string | null;
  readonly source: SourcedRow['source'];
}

export function remediationRow({ row, source }: SourcedRow): RemediationRow {
  const facts = factsOf(remediationAudit, row);
  const startedAt = timeIn(facts, 'started_at') ?? timeIn(facts, 'created_at');
  const endedAt = endOf(facts);
  return {
    // Whole: an address with a part that was cut leads nowhere.
    cluster: String(row['cluster'] ?? ''),
    namespace: String(row['namespace'] ?? ''),
    name: String(row['remediation_id'] ?? ''),
    uid: String(row['remediation_uid'] ?? ''),
    target: targetOf(facts),
    signal: textIn(facts, 'signal_name'),
    severity: textIn(facts, 'severity'),
    workflow: textIn(facts, 'workflow_name') ?? textIn(facts, 'workflow_id'),
    ...outcomeOf(facts),
    startedAt,
    endedAt,
    tookSeconds: secondsBetween(startedAt, endedAt),
    phaseSince: phaseSince(facts),
    decidedBy: textIn(facts, 'approval_decided_by'),
    source,
  };
}

function targetOf(facts: Facts): string {
  const parts = ['target_namespace', 'target_kind', 'target_name'].map((name) => textIn(facts, name));
  return parts.filter((part) => part !== null).join('/') || 'unknown target';
}

const WAITING = 'AwaitingApproval';
const GOOD: ReadonlySet<JsonValue | undefined> = new Set(['Remediated', 'NoActionRequired', 'DryRun']);
const BAD: ReadonlySet<JsonValue | undefined> = new Set(['Failed', 'TimedOut']);

function outcomeOf(facts: Facts): { readonly outcome: string; readonly tone: Tone } {
  const { verdict, overall_phase: phase, outcome } = facts;
  if (verdict === 'open') {
    const tone = phase === WAITING ? 'waiting' : 'open';
    return { outcome: textIn(facts, 'overall_phase') ?? 'Not begun', tone };
  }
  if (verdict === 'deleted-before-terminal')
    return { outcome: `Deleted while ${textIn(facts, 'overall_phase') ?? 'not begun'}`, tone: 'bad' };
  const tone = BAD.has(phase) ? 'bad' : GOOD.has(outcome) ? 'good' : 'neutral';
  const words = [textIn(facts, 'overall_phase'), textIn(facts, 'outcome')].filter((word) => word !== null);
  return { outcome: words.join(': ') || 'unknown', tone };
}

/** The start of the phase that it is in. */
function phaseSince(facts: Facts): string | null {
  const current = phasesOf({ remediation: facts, signals: [], executions: [] }).at(-1);
  return current !== undefined && current.phase === facts['overall_phase'] ? current.started_at : null;
}
