import { parseDuration } from '../../domain/duration.ts';
import { millisecondsOf, parseInstant } from '../../domain/instant.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Observation } from '../../domain/observation.ts';
import type { GoneResource } from '../../kubernaut/kind.ts';
import type { ReadingContext, ResourceReading, Unread } from '../../kubernaut/observed-remediation.ts';
import { isUnread } from '../../kubernaut/observed-remediation.ts';
import { ownPhaseOf, textAt } from '../../kubernaut/resource.ts';
import type { WatchedKind } from '../watched-kind.ts';
import { sharedText } from './kept-facts.ts';
import type { Seen } from './tracked.ts';

const NANOSECONDS_PER_MS = 1_000_000n;

/** What decides how soon a resource is probed, whatever its kind and generation. */
type ResourceFacts = Pick<Seen, 'phase' | 'isTerminal' | 'retentionExpiresAtMs' | 'deadlineAtMs'>;

export function factsOf(resource: JsonObject, kind: WatchedKind): ResourceFacts {
  const phase = ownPhaseOf(resource);
  return {
    phase: phase === undefined ? undefined : sharedText(phase),
    isTerminal: isTerminalPhase(phase, kind),
    retentionExpiresAtMs: timeAt(resource, 'status.retentionExpiryTime'),
    deadlineAtMs:
      timeAt(resource, 'spec.timesOutAt', 'spec.requiredBy', 'status.validityDeadline') ??
      endOfTimeout(resource),
  };
}

export function isTerminalPhase(phase: string | undefined, kind: WatchedKind): boolean {
  return phase !== undefined && kind.terminalPhases.includes(phase.toLowerCase());
}

/** A remediation says when it began and how long it may take. */
function endOfTimeout(resource: JsonObject): number | undefined {
  const beganAtMs = timeAt(resource, 'status.startTime');
  const allowed = parseDuration(
    textAt(resource, 'status.timeoutConfig.global', 'spec.timeoutConfig.global') ?? '',
  );
  if (beganAtMs === undefined || allowed === undefined) return undefined;
  return beganAtMs + Number(allowed / NANOSECONDS_PER_MS);
}

function timeAt(resource: JsonObject, ...paths: readonly string[]): number | undefined {
  const instant = parseInstant(textAt(resource, ...paths) ?? '');
  return instant === undefined ? undefined : millisecondsOf(instant);
}

/**
 * What a deleted resource says that strict mode holds: its last state and its end, as one. Sent one after the other, each
 * would undo what the other has changed, at every observation.
 */
export function readHeldResource(
  kind: WatchedKind,
  gone: GoneResource,
  context: ReadingContext,
): ResourceReading | Unread {
  const deletion = kind.readDeletion(gone, context);
  const state = gone.lastState === undefined ? deletion : kind.read(gone.lastState, context);
  if (isUnread(state) || isUnread(deletion)) return deletion;
  const ofDeletion = new Set(deletion.observations.map(recordOf));
  const rest = state.observations.filter((observation) => !ofDeletion.has(recordOf(observation)));
  return { ...state, observations: [...rest, ...deletion.observations] };
}

const recordOf = ({ table, key, phase }: Observation): string => `${table} ${key} ${phase}`;

/** What a later state may erase: the phase, whose beginning only its first state shows, and each block. */
export function shownBy({ phase }: Seen, { observations }: ResourceReading): string[] {
  const blocks = observations
    .filter((observation) => observation.phase === 'skip')
    .map(({ key }) => `block ${key}`);
  return [`phase ${phase ?? ''}`, ...blocks];
}

/** Somebody may act on it now: the end of a resource, a block, an approval. */
export function isAwaited({ isTerminal }: Seen, { observations }: ResourceReading): boolean {
  return isTerminal || observations.some(({ phase }) => phase === 'skip' || phase === 'approval');
}

interface Identity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: bigint;
  readonly creationTimestamp: string;
}

export function identify(resource: JsonObject): Identity | undefined {
  const [uid, name] = [textAt(resource, 'metadata.uid'), textAt(resource, 'metadata.name')];
  const version = textAt(resource, 'metadata.resourceVersion') ?? '';
  if (uid === undefined || name === undefined || !/^\d+$/.test(version)) return undefined;
  return {
    uid,
    name,
    namespace: textAt(resource, 'metadata.namespace') ?? '',
    version: BigInt(version),
    creationTimestamp: textAt(resource, 'metadata.creationTimestamp') ?? '',
  };
}
