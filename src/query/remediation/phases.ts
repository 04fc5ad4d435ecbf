import type { Facts } from './facts.ts';
import { secondsBetween, timeIn } from './facts.ts';

/** One phase of a remediation, by the times that its resources name. */
export interface PhaseSpan {
  readonly phase: string;
  readonly started_at: string;
  /** Null while it goes on, and where no resource names its end. */
  readonly ended_at: string | null;
  readonly duration_seconds: number | null;
}

interface PhaseFacts {
  readonly remediation: Facts;
  readonly signals: readonly Facts[];
  readonly executions: readonly Facts[];
}

/**
 * The phases that the resources name a start of, in their order. A phase ends where the next one starts; the last one ends
 * with the remediation. When a block began no resource says: it is in the timeline.
 */
export function phasesOf(facts: PhaseFacts): readonly PhaseSpan[] {
  const starts = startsOf(facts).toSorted((left, right) => (left.at < right.at ? -1 : 1));
  const end = endOf(facts.remediation);
  return starts.map(({ phase, at }, index) => {
    const ended = starts[index + 1]?.at ?? end;
    return { phase, started_at: at, ended_at: ended, duration_seconds: secondsBetween(at, ended) };
  });
}

/** By the remediation's own clock; what was deleted before it ended ended with that. */
export function endOf(remediation: Facts): string | null {
  const completed = timeIn(remediation, 'completed_at');
  if (completed !== null) return completed;
  return remediation['verdict'] === 'deleted-before-terminal' ? timeIn(remediation, 'deleted_at') : null;
}

function startsOf({ remediation, executions }: PhaseFacts): { phase: string; at: string }[] {
  const executed = executions.map((facts) => timeIn(facts, 'completed_at')).filter((at) => at !== null);
  const isVerified = remediation['verification_reason'] !== undefined || hasAssessment(remediation);
  const named: [string, string | null][] = [
    ['Pending', timeIn(remediation, 'started_at')],
    ['Processing', timeIn(remediation, 'extra', 'processing_started_at')],
    ['Analyzing', timeIn(remediation, 'extra', 'analyzing_started_at')],
    ['AwaitingApproval', timeIn(remediation, 'extra', 'approval_requested_at')],
    ['Executing', timeIn(remediation, 'extra', 'executing_started_at')],
    // No resource names when it began; it follows the end of the execution at once.
    ['Verifying', isVerified ? (executed.toSorted().at(-1) ?? null) : null],
  ];
  return named.flatMap(([phase, at]) => (at === null ? [] : [{ phase, at }]));
}

function hasAssessment(remediation: Facts): boolean {
  const extra = remediation['extra'];
  return typeof extra === 'object' && extra !== null && 'verification_assessment' in extra;
}
