import { millisecondsOf, parseInstant } from '../domain/instant.ts';
import type { JsonObject } from '../domain/json.ts';
import { textAt } from '../kubernaut/resource.ts';
import type { Tracked } from './tracked.ts';
import type { WatchedKind } from './watched-kind.ts';

/** What decides how urgent a resource is, whatever its kind and generation. */
export type ResourceFacts = Pick<Tracked, 'phase' | 'isTerminal' | 'retentionExpiresAtMs' | 'deadlineAtMs'>;

/** Words that end a resource, of any kind that names none itself. */
const TERMINAL_PHASES: ReadonlySet<string> = new Set([
  'completed',
  'failed',
  'timedout',
  'timeout',
  'skipped',
  'cancelled',
  'sent',
  'partiallysent',
  'approved',
  'rejected',
  'expired',
]);

export function factsOf(resource: JsonObject, kind: WatchedKind): ResourceFacts {
  const phase = textAt(resource, 'status.overallPhase', 'status.phase', 'status.decision');
  return {
    phase,
    isTerminal: isTerminalPhase(phase, kind),
    retentionExpiresAtMs: timeAt(resource, 'status.retentionExpiryTime'),
    deadlineAtMs: timeAt(resource, 'spec.timesOutAt', 'spec.requiredBy', 'status.validityDeadline'),
  };
}

export function isTerminalPhase(phase: string | undefined, kind: WatchedKind): boolean {
  if (phase === undefined) return false;
  const word = phase.toLowerCase();
  return kind.terminalPhases?.includes(word) ?? TERMINAL_PHASES.has(word);
}

function timeAt(resource: JsonObject, ...paths: readonly string[]): number | undefined {
  const instant = parseInstant(textAt(resource, ...paths) ?? '');
  return instant === undefined ? undefined : millisecondsOf(instant);
}
