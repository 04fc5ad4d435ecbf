import { reasonOf } from '../../domain/errors.ts';
import { versionInEpoch } from '../../kubernaut/observed-remediation.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import { countResend, stateRecorded } from '../delivery/delivery-record.ts';
import type { ObservedResources, RecordedResource, WatcherTiming } from '../watcher-options.ts';
import type { KindObserver } from './kind-observer.ts';
import type { Tracked } from './tracked.ts';
import { isEndSent, isRecorded, isSent, isWaiting } from './tracked.ts';

interface KindRecallOptions {
  readonly cluster: string;
  readonly namespaces: readonly string[];
  readonly observer: KindObserver;
  readonly recorded: ObservedResources;
  readonly timing: WatcherTiming;
  readonly logger: Logger;
  readonly metrics: WatcherMetrics;
  readonly now: () => number;
}

const MOST_DOUBLINGS = 6;
/** Of what Temporal has taken and the database did not have last time: so many are read at once. */
const MOST_READ = 1_000;

/** What the database shows of one kind, read before each list that checks the watch. */
export class KindRecall {
  readonly #options: KindRecallOptions;
  #isKnown = false;
  #newest = 0n;

  constructor(options: KindRecallOptions) {
    this.#options = options;
  }

  /** The database answered the last time. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** The newest version that is recorded, of those of one epoch; 0 when none is. */
  newestOf(epoch: bigint): bigint {
    return versionInEpoch(this.#newest, epoch) ?? 0n;
  }

  /** Without the database the watcher goes on; then it knows neither what is recorded nor what was deleted while it was away. */
  async read(): Promise<void> {
    const { cluster, observer, recorded, logger } = this.#options;
    const { kind } = observer.kind;
    const askedAt = this.#options.now();
    const shown = new Set<string>();
    try {
      for await (const page of recorded.openResources(cluster, kind)) {
        for (const uid of this.#recall(page)) shown.add(uid);
      }
      this.#isKnown = true;
    } catch (error: unknown) {
      this.#isKnown = false;
      const reason = reasonOf(error);
      logger.warn(
        { server: 'database', cluster, kind, reason },
        'cannot read what is recorded; every state is sent again',
      );
      return;
    }
    for (const tracked of observer.tracked()) {
      if (!shown.has(tracked.uid)) stateRecorded(tracked, undefined);
      if (!tracked.seen.isGone && this.#isLost(tracked, askedAt)) this.#sendAgain(tracked);
    }
  }

  /** The uids of those that are in the watched namespaces. */
  #recall(page: readonly RecordedResource[]): readonly string[] {
    const { observer, namespaces } = this.#options;
    const ours = page.filter(({ namespace }) => namespaces.length === 0 || namespaces.includes(namespace));
    return ours.map((resource) => {
      const version = BigInt(resource.sourceVersion);
      if (version > this.#newest) this.#newest = version;
      observer.recall(resource);
      return resource.uid;
    });
  }

  /** Learns between two lists which of the states that were sent are recorded by now: completeness says so within seconds. */
  async checkSent(): Promise<void> {
    const { cluster, observer, recorded, logger } = this.#options;
    const sent = [...observer.tracked()]
      .filter((tracked) => !tracked.seen.isGone && isSent(tracked) && !isRecorded(tracked))
      .slice(0, MOST_READ);
    if (sent.length === 0) return;
    try {
      const hashes = await recorded.recordedHashes(
        cluster,
        sent.map(({ uid }) => uid),
      );
      for (const tracked of sent)
        stateRecorded(tracked, hashes.get(tracked.uid) ?? tracked.delivery.recordedHash);
    } catch (error: unknown) {
      // What is recorded is unknown until the database answers again.
      this.#isKnown = false;
      logger.warn(
        { server: 'database', cluster, kind: observer.kind.kind, reason: reasonOf(error) },
        'cannot read what is recorded',
      );
    }
  }

  /** Lets go of what is gone once its end is recorded; an end that was lost is sent again. */
  async checkGone(): Promise<void> {
    const { cluster, observer, recorded, logger } = this.#options;
    const askedAt = this.#options.now();
    const gone = observer.gone();
    if (gone.length === 0) return;
    let ended: ReadonlySet<string>;
    try {
      ended = new Set(
        await recorded.recordedEnds(
          cluster,
          gone.map(({ uid }) => uid),
        ),
      );
    } catch (error: unknown) {
      // They are remembered, and read again.
      logger.warn(
        { server: 'database', cluster, kind: observer.kind.kind, reason: reasonOf(error) },
        'cannot read which ends are recorded',
      );
      return;
    }
    for (const tracked of gone) {
      if (ended.has(tracked.uid)) observer.forget(tracked);
      else if (this.#isLost(tracked, askedAt)) this.#sendAgain(tracked);
    }
  }

  /** Temporal took it, and in all that time the database has not got it: its run may have been terminated. */
  #isLost(tracked: Tracked, askedAt: number): boolean {
    const { sentAtMs, resends } = tracked.delivery;
    if (sentAtMs === undefined || isWaiting(tracked) || isRecorded(tracked)) return false;
    if (!tracked.seen.isGone && isEndSent(tracked)) return false;
    // Longer each time: what was set aside as poison never gets there.
    const graceMs = this.#options.timing.recordingGraceMs * 2 ** Math.min(resends, MOST_DOUBLINGS);
    return askedAt - sentAtMs > graceMs;
  }

  #sendAgain(tracked: Tracked): void {
    const { cluster, metrics, observer } = this.#options;
    countResend(tracked);
    observer.sendAgain(tracked);
    metrics.statesResent.inc({ cluster, kind: tracked.kind });
  }
}
