import { textAt } from '../../kubernaut/resource.ts';
import type { Logger } from '../../observability/logger.ts';
import type { ProbeOptions } from '../stream/api-request.ts';
import { probe } from '../stream/api-request.ts';
import type { Collection } from '../watched-kind.ts';
import type { WatcherEvents } from '../watcher-options.ts';
import type { KindObserver } from './kind-observer.ts';
import type { Tracked } from './tracked.ts';

/** Of what was seen at a newer version: so many are probed by their name. */
const PROBES = 5;
/** A list from a cache that lags catches up within a few attempts; one that stays at that version is the truth. */
const MOST_OLDER_LISTS = 5;

interface RestoreDetectorOptions {
  readonly cluster: string;
  readonly request: ProbeOptions;
  readonly logger: Logger;
  readonly events: Pick<WatcherEvents, 'restored'>;
}

/**
 * Distinguishes a list that lags from a cluster whose data was put back to an earlier state. A single object that went back
 * proves it, because no cache answers a probe.
 */
export class RestoreDetector {
  readonly #options: RestoreDetectorOptions;
  readonly #olderLists = new Map<string, number>();

  constructor(options: RestoreDetectorOptions) {
    this.#options = options;
  }

  async olderList(collection: Collection, observer: KindObserver, listVersion: bigint): Promise<void> {
    const older = (this.#olderLists.get(collection.path) ?? 0) + 1;
    this.#olderLists.set(collection.path, older);
    const newer = [...observer.tracked()]
      .filter(({ seen }) => seen.collection === collection.path && seen.version > listVersion)
      .sort((one, other) => (one.seen.version > other.seen.version ? -1 : 1));
    if (older < MOST_OLDER_LISTS && !(await this.#wentBack(collection, newer))) return;
    this.#report(listVersion);
  }

  /** A list that is new enough shows these at older versions than were seen: the cluster may have caught up since. */
  async versionsRegressed(
    collection: Collection,
    regressed: Iterable<Tracked>,
    listVersion: bigint,
  ): Promise<void> {
    if (await this.#wentBack(collection, [...regressed])) this.#report(listVersion);
  }

  #report(listVersion: bigint): void {
    this.#olderLists.clear();
    const { cluster, logger, events } = this.#options;
    logger.error(
      { cluster, listVersion: String(listVersion) },
      `the data of this cluster was put back to an earlier state; what is observed now counts as older than what is recorded until an operator confirms it with: remediation-audit cluster restored ${cluster}`,
    );
    events.restored();
  }

  /** A list was as new as it has to be. */
  newEnough(collection: Collection): void {
    this.#olderLists.delete(collection.path);
  }

  async #wentBack(collection: Collection, newer: readonly Tracked[]): Promise<boolean> {
    for (const tracked of newer.slice(0, PROBES)) {
      const answer = await probe(collection, tracked, this.#options.request);
      if (typeof answer === 'string' || 'unclear' in answer) continue;
      const isSame = textAt(answer.object, 'metadata.uid') === tracked.uid;
      const version = textAt(answer.object, 'metadata.resourceVersion') ?? '';
      if (isSame && /^\d+$/.test(version) && BigInt(version) < tracked.seen.version) return true;
    }
    return false;
  }
}
