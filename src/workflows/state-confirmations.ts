import type { AuditPhase, Observation, ObservedResource } from '../domain/observation.ts';
import { isOlderVersion } from '../domain/observation.ts';

/**
 * One state of a resource may be recorded in several phases at once, and its last observation carries the hash by which
 * the watcher learns that all of it is stored. So that the hash is never stored before the rest, it is taken off where
 * other phases of the same resource are still on their way, and stored with one more write when they have arrived.
 */
export class StateConfirmations {
  /** Observations of a resource that are not stored yet, by phase. */
  readonly #unstored = new Map<string, Map<AuditPhase, number>>();
  /** The newest observation of a resource that is stored without its hash. */
  readonly #unconfirmed = new Map<string, Observation>();

  expect({ resource, phase }: Observation): void {
    if (resource === undefined) return;
    const phases = this.#unstored.get(resource.uid) ?? new Map<AuditPhase, number>();
    phases.set(phase, (phases.get(phase) ?? 0) + 1);
    this.#unstored.set(resource.uid, phases);
  }

  /** The observation as it may be stored now: with its hash, or without. */
  taking(observation: Observation): Observation {
    const { resource } = observation;
    if (resource?.projectionHash === undefined) return observation;
    const isComplete = this.#isComplete(resource.uid, observation.phase);
    // Phases overtake each other: an older state must not take the place of a newer one that waits for its hash.
    if (!isNewer(this.#unconfirmed.get(resource.uid), observation)) {
      if (isComplete) this.#unconfirmed.delete(resource.uid);
      else this.#unconfirmed.set(resource.uid, observation);
    }
    return isComplete ? observation : withoutHash(observation);
  }

  /** Notes what is stored; answers the observations whose hash may now be stored too. */
  stored(observations: readonly Observation[]): Observation[] {
    const touched = new Set<string>();
    for (const { resource, phase } of observations) {
      const phases = resource && this.#unstored.get(resource.uid);
      if (resource === undefined || phases === undefined) continue;
      const left = (phases.get(phase) ?? 1) - 1;
      if (left > 0) phases.set(phase, left);
      else phases.delete(phase);
      if (phases.size === 0) this.#unstored.delete(resource.uid);
      touched.add(resource.uid);
    }
    return [...touched].flatMap((uid) => {
      const carrier = this.#unconfirmed.get(uid);
      if (carrier === undefined || !this.isStored(uid)) return [];
      this.#unconfirmed.delete(uid);
      return [carrier];
    });
  }

  /** Whether nothing of a resource is on its way to its row. */
  isStored(uid = ''): boolean {
    return !this.#unstored.has(uid);
  }

  /** What a run that continues this one must store once more. */
  pending(): Observation[] {
    return [...this.#unconfirmed.values()];
  }

  /** Within a phase the order is kept: only the others can be behind. */
  #isComplete(uid: string, phase: AuditPhase): boolean {
    const phases = this.#unstored.get(uid);
    return phases === undefined || [...phases.keys()].every((other) => other === phase);
  }
}

function isNewer(known: Observation | undefined, { sourceVersion }: Observation): boolean {
  return known !== undefined && isOlderVersion(sourceVersion, known.sourceVersion);
}

export function withoutHash(observation: Observation): Observation {
  if (observation.resource?.projectionHash === undefined) return observation;
  const resource: { -readonly [Member in keyof ObservedResource]: ObservedResource[Member] } = {
    ...observation.resource,
  };
  delete resource.projectionHash;
  return { ...observation, resource };
}
