import { instantOf } from '../domain/instant.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { definitionOf } from '../domain/records/index.ts';
import type { Redactor } from '../domain/redaction.ts';
import type { ResourceReading } from '../kubernaut/observed-remediation.ts';
import { isUnread } from '../kubernaut/observed-remediation.ts';
import { textAt } from '../kubernaut/resource.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { RemediationSignals } from '../temporal/remediation-signals.ts';
import type { FollowOptions } from './follow.ts';
import { follow } from './follow.ts';
import type { WatchedKind } from './watched-kind.ts';
import { WATCHED_KINDS } from './watched-kind.ts';

export interface WatcherOptions {
  /** Configured name of the cluster. */
  readonly cluster: string;
  /** Empty for all namespaces. */
  readonly namespaces: readonly string[];
  readonly connection: ClusterConnection;
  readonly signals: RemediationSignals;
  readonly redactor: Redactor;
  readonly listPageSize: number;
  readonly watchTimeoutSeconds: number;
  readonly inactivitySeconds: number;
  readonly backoffMs: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface RunningWatcher {
  /** Every kind was listed completely at least once. */
  isSynced(): boolean;
  /** Settles when all loops have ended; they end by `stop` alone. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export function startWatcher(options: WatcherOptions): RunningWatcher {
  const stopping = new AbortController();
  const namespaces = options.namespaces.length === 0 ? [''] : options.namespaces;
  const unsynced = new Set<string>();
  const loops = WATCHED_KINDS.flatMap((kind) =>
    namespaces.map((namespace) => {
      const name = `${kind.kind}/${namespace}`;
      unsynced.add(name);
      const observer = createObserver(kind, options);
      return follow(
        { ...options, ...observer, kind, namespace, listed: () => unsynced.delete(name) },
        stopping.signal,
      );
    }),
  );
  const ended = Promise.all(loops).then(() => undefined);
  return {
    isSynced: () => unsynced.size === 0,
    ended,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

/** Reads a resource and hands what it says to Temporal; a state that Temporal has already is not sent twice. */
function createObserver(
  kind: WatchedKind,
  options: WatcherOptions,
): Pick<FollowOptions, 'observe' | 'deleted'> {
  const acknowledged = new Map<string, string>();
  const send = async (reading: ResourceReading): Promise<void> => {
    const remediation = { cluster: options.cluster, ...reading.remediation };
    for (const found of reading.observations) {
      // Before anything leaves this process: what Temporal was given, its history keeps.
      const observation = redactObservation(options.redactor, found);
      await options.signals.send({ remediation, observation, summary: reading.summary });
      options.metrics.observationsSignalled.inc({ kind: kind.kind });
    }
  };
  return {
    async observe(resource) {
      const { uid, version } = identify(resource);
      if (acknowledged.get(uid) === version) return;
      const context = { cluster: options.cluster, epoch: 0n, observedAt: instantOf(Date.now()) };
      const reading = kind.read(resource, context);
      if (isUnread(reading)) {
        options.metrics.unreadableResources.inc({ kind: kind.kind });
        options.logger.warn(
          { kind: kind.kind, uid },
          'a resource names no remediation and cannot be recorded',
        );
      } else {
        await send(reading);
      }
      // Remembered only now: a state that Temporal did not take is offered again.
      acknowledged.set(uid, version);
    },
    deleted(resource) {
      acknowledged.delete(identify(resource).uid);
    },
  };
}

function redactObservation(redactor: Redactor, observation: Observation): Observation {
  const { value: columns } = redactor.redactColumns(definitionOf(observation.table), observation.columns);
  return { ...observation, columns };
}

function identify(resource: JsonObject): { uid: string; version: string } {
  return {
    uid: textAt(resource, 'metadata.uid') ?? '',
    version: textAt(resource, 'metadata.resourceVersion') ?? '',
  };
}
