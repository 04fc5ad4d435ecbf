import { setTimeout as delay } from 'node:timers/promises';

import type { Observation } from '../../src/domain/observation.ts';
import type { RemediationSignal, RemediationSignals } from '../../src/temporal/remediation-signals.ts';
import type { ObservedResources, RecordedResource } from '../../src/watcher/watcher-options.ts';

const GRPC_UNAVAILABLE = 14;

/** One observation as Temporal took it. */
export interface TakenObservation extends Omit<RemediationSignal, 'observations'> {
  readonly observation: Observation;
  /** Which life of the watcher sent it. */
  readonly life: number;
}

interface RecordedRow extends RecordedResource {
  readonly kind: string;
  readonly deleted: boolean;
}

/**
 * Both sides of the watcher's ports: takes signals as Temporal does, and plays what the recording side would then show in
 * `observed_resource`. Can be away, slow, and lose what it took.
 */
export class WatcherRecord {
  readonly taken: TakenObservation[] = [];
  /** The signals they came in. */
  readonly signals: RemediationSignal[] = [];
  /** `uid`, `uid phase X`, `uid block X`, `uid deleted`, `uid verdict X` of everything that was taken. */
  readonly reported = new Set<string>();
  readonly rows = new Map<string, RecordedRow>();
  temporalAway = false;
  databaseAway = false;
  losesRuns = false;
  slowMs = 0;
  epochValue = 0n;
  /** How often the watcher has asked what is recorded. */
  reads = 0;
  /** What was recorded, in its order. */
  readonly recorded: Omit<TakenObservation, 'life'>[] = [];
  readonly #runs = new Map<string, number>();
  #terminations = 0;
  #unworked: RemediationSignal[] | undefined;

  signalsOf(life: number): RemediationSignals {
    return {
      send: async (signal) => {
        if (this.slowMs > 0) await delay(this.slowMs);
        if (this.temporalAway) {
          throw new Error('Temporal is away', { cause: { code: GRPC_UNAVAILABLE, details: 'away' } });
        }
        this.signals.push(signal);
        for (const observation of signal.observations) {
          this.taken.push({ ...signal, observation, life });
          this.#report(observation);
        }
        if (this.#unworked !== undefined) this.#unworked.push(signal);
        else if (!this.losesRuns) this.#record(signal);
        return this.#runOf(signal);
      },
    };
  }

  /** Nobody works: what is taken waits in its run. */
  stopWorking(): void {
    this.#unworked ??= [];
  }

  work(): void {
    const waiting = this.#unworked ?? [];
    this.#unworked = undefined;
    for (const signal of waiting) this.#record(signal);
  }

  /** All runs end with what waits in them; the next signal of a remediation opens another. */
  terminateRuns(): void {
    this.#terminations += 1;
    this.#runs.clear();
    if (this.#unworked !== undefined) this.#unworked = [];
  }

  observed: ObservedResources = {
    openResources: (_cluster, kind) => this.#pages(kind),
    recordedEnds: (_cluster, uids) =>
      this.databaseAway
        ? Promise.reject(new Error('away'))
        : Promise.resolve(uids.filter((uid) => this.rows.get(uid)?.deleted)),
    recordedHashes: (_cluster, uids) =>
      this.databaseAway ? Promise.reject(new Error('away')) : Promise.resolve(this.#hashesOf(uids)),
    epoch: () => (this.databaseAway ? Promise.reject(new Error('away')) : Promise.resolve(this.epochValue)),
  };

  #hashesOf(uids: readonly string[]): ReadonlyMap<string, string> {
    const rows = uids.flatMap((uid) => this.rows.get(uid) ?? []);
    return new Map(
      rows.flatMap(({ uid, projectionHash: hash }) => (hash === undefined ? [] : [[uid, hash]])),
    );
  }

  #runOf({ remediation: { uid } }: RemediationSignal): string {
    if (!this.#runs.has(uid)) this.#runs.set(uid, this.#terminations);
    return `${uid} ${this.#runs.get(uid) ?? 0}`;
  }

  async *#pages(kind: string): AsyncGenerator<readonly RecordedResource[]> {
    this.reads += 1;
    if (this.databaseAway) throw new Error('the database is away');
    await Promise.resolve();
    for (const row of this.rows.values()) if (!row.deleted && row.kind === kind) yield [row];
  }

  #report({ resource, columns }: Observation): void {
    const uid = resource?.uid ?? '';
    const { overall_phase: phase, skip_reason: block, verdict } = columns;
    const facts = { phase, block, verdict };
    this.reported.add(uid);
    for (const [fact, value] of Object.entries(facts)) {
      if (value !== undefined) this.reported.add(`${uid} ${fact} ${String(value)}`);
    }
    if (resource?.deletedAt !== undefined) this.reported.add(`${uid} deleted`);
  }

  #record(signal: RemediationSignal): void {
    for (const observation of signal.observations) {
      this.recorded.push({ ...signal, observation });
      this.#show(signal, observation);
    }
  }

  #show({ remediation }: RemediationSignal, { resource, sourceVersion, createdAt }: Observation): void {
    if (resource === undefined) return;
    const before = this.rows.get(resource.uid);
    this.rows.set(resource.uid, {
      ...resource,
      remediation,
      sourceVersion,
      projectionHash: resource.projectionHash ?? before?.projectionHash ?? '',
      phase: resource.phase,
      firstSeen: createdAt,
      deleted: resource.deletedAt !== undefined || (before?.deleted ?? false),
    });
  }
}
