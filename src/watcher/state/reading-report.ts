import type { ResourceReading } from '../../kubernaut/observed-remediation.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';

/** Reports what could not be read: counted each time, logged once per kind and reason. */
export interface ReadingReport {
  unread(kind: string, reason: string, uid: string): void;
  read(kind: string, reading: ResourceReading): void;
  gone(kind: string, wasWatched: boolean): void;
  /** It carries the finalizer of strict mode, and strict mode is off: nobody would ever let it go. */
  leftHeld(kind: string, resource: { readonly namespace: string; readonly name: string }): void;
}

export function createReadingReport(cluster: string, metrics: WatcherMetrics, logger: Logger): ReadingReport {
  const said = new Set<string>();
  const once = (topic: string, say: () => void): void => {
    if (said.has(topic)) return;
    said.add(topic);
    say();
  };
  const fields = (kind: string, problem: 'unrecognised' | 'misshapen', paths: readonly string[]): void => {
    if (paths.length === 0) return;
    metrics.oddFields.inc({ cluster, kind, problem }, paths.length);
    once(`${kind} ${problem}`, () => {
      logger.warn(
        { cluster, kind, problem, paths },
        'a resource has unknown fields; is the version of its definition supported yet?',
      );
    });
  };
  return {
    unread(kind, reason, uid) {
      metrics.unreadableResources.inc({ cluster, kind, reason });
      once(`${kind} ${reason}`, () => {
        logger.warn({ cluster, kind, reason, uid }, 'a resource cannot be recorded');
      });
    },
    read(kind, { unrecognised, misshapen }) {
      fields(kind, 'unrecognised', unrecognised);
      fields(kind, 'misshapen', misshapen);
    },
    leftHeld(kind, { namespace, name }) {
      once(`${kind} left held`, () => {
        logger.error(
          { cluster, kind, namespace, name },
          'resources carry the finalizer of strict mode, which is off for them: release them with `remediation-audit strict uninstall`',
        );
      });
    },
    gone(kind, wasWatched) {
      metrics.tombstones.inc({ cluster, kind, seen: wasWatched ? 'observed' : 'unobserved' });
    },
  };
}
