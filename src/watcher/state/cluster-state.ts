import type { WorkflowChoice } from '../../kubernaut/chosen-workflow.ts';
import type { SiblingName } from '../../kubernaut/observed-remediation.ts';
import { REMEDIATION } from '../watched-kind.ts';
import type { KindObserver, KnownResources } from './kind-observer.ts';
import type { Tracked } from './tracked.ts';

/** What is known of all kinds of one cluster: how a resource of one finds those of another, and the epoch they share. */
export class ClusterState implements KnownResources {
  /** Raised by an operator who confirms that the cluster was restored; observations of a higher epoch are newer. */
  epoch = 0n;
  readonly #observers = new Map<string, KindObserver>();

  add(observer: KindObserver): void {
    this.#observers.set(observer.kind.kind, observer);
  }

  uidOfRemediation(namespace: string, name: string): string | undefined {
    return this.#observers.get(REMEDIATION)?.uidOf(namespace, name);
  }

  createdAtOf({ kind, namespace, name }: SiblingName, remediationUid: string): string | undefined {
    return this.#observers.get(kind)?.createdAtOf(namespace, name, remediationUid);
  }

  choiceOf({ kind, namespace, name }: SiblingName, remediationUid: string): WorkflowChoice | undefined {
    return this.#observers.get(kind)?.choiceOf(namespace, name, remediationUid);
  }

  /** The remediation that a resource belongs to, if it was seen. */
  remediationOf({ seen: { remediation } }: Tracked): Tracked | undefined {
    if (remediation === undefined) return undefined;
    return this.#observers.get(REMEDIATION)?.find(remediation.uid);
  }

  /** A remediation and what belongs to it. */
  resourcesOf(remediationUid: string): readonly Tracked[] {
    return this.byKind().flatMap(({ tracked }) =>
      [...tracked].filter(({ seen }) => seen.remediation?.uid === remediationUid),
    );
  }

  byKind(): readonly { readonly kind: string; readonly tracked: Iterable<Tracked> }[] {
    return [...this.#observers].map(([kind, observer]) => ({ kind, tracked: observer.tracked() }));
  }
}
