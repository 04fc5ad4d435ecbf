import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import { reviewOwnAccess } from '../../kubernetes/reviews.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import type { Collection } from '../watched-kind.ts';
import { pluralOf } from '../watched-kind.ts';

const VERB = 'patch';
const REMEDY =
  'apply deploy/rbac-strict.yaml for its service account, or take the kind out of REMEDIATION_AUDIT_STRICT_KINDS';

interface StrictRightsOptions {
  readonly cluster: string;
  readonly connection: ClusterConnection;
  /** Every collection that strict mode may write to. */
  readonly collections: readonly Collection[];
  /** Between two attempts to do what was refused. */
  readonly retryMs: number;
  readonly logger: Logger;
  readonly metrics: WatcherMetrics;
}

/** Whether this process may do what strict mode needs; what is missing is said once, with the remedy. */
export class StrictRights {
  readonly #options: StrictRightsOptions;
  /** By path, with the time on the clock of `performance` from which on it is worth another attempt. */
  readonly #missing = new Map<string, number>();

  constructor(options: StrictRightsOptions) {
    this.#options = options;
  }

  /** Asks before anything has to be written. Where nobody answers that, the first refusal is logged. */
  async check(signal: AbortSignal): Promise<void> {
    const { connection, collections, logger, cluster } = this.#options;
    for (const collection of collections) {
      if (signal.aborted) return;
      const right = { ...resourceOf(collection), verb: VERB, namespace: collection.namespace };
      try {
        if (await reviewOwnAccess(connection, right)) this.granted(collection);
        else this.missing(collection, 'its roles do not allow it');
      } catch (error: unknown) {
        logger.debug({ cluster, reason: String(error) }, 'cannot ask which rights strict mode has');
        return;
      }
    }
  }

  missing(collection: Collection, reason: string): void {
    const wasKnown = this.#missing.has(collection.path);
    const { cluster, logger, retryMs } = this.#options;
    this.#missing.set(collection.path, performance.now() + retryMs);
    if (wasKnown) return;
    const { group, resource } = resourceOf(collection);
    const { namespace } = collection;
    const where = namespace === '' ? 'in all namespaces' : `in namespace ${namespace}`;
    logger.error(
      { cluster, verb: VERB, group, resource, namespace, reason },
      `strict mode may not ${VERB} ${resource}.${group} ${where}, so they are not held: ${REMEDY}`,
    );
    this.#publish(collection.kind);
  }

  /** Until when a request there would be refused; undefined when no right is known to be missing. */
  refusedUntil({ path }: Collection): number | undefined {
    return this.#missing.get(path);
  }

  granted(collection: Collection): void {
    if (this.#missing.delete(collection.path)) this.#publish(collection.kind);
  }

  #publish(kind: string): void {
    const { cluster, collections, metrics } = this.#options;
    const count = collections.filter((one) => one.kind === kind && this.#missing.has(one.path)).length;
    metrics.strictRightsMissing.set({ cluster, kind }, count);
  }
}

function resourceOf(collection: Collection): { readonly group: string; readonly resource: string } {
  const [group = ''] = collection.apiVersion.split('/', 1);
  return { group, resource: pluralOf(collection) };
}
