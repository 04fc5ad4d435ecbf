import type { RemediationReference } from '../kubernaut/observed-remediation.ts';

/** What the database shows of a resource that is there, as far as it knows. */
export interface RecordedResource {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** The remediation it belongs to, when the database knows its name. */
  readonly remediation: RemediationReference | undefined;
  /** As in observations. */
  readonly sourceVersion: string;
  /** In hex: of the last state that is recorded completely. */
  readonly projectionHash: string | undefined;
  readonly phase: string | undefined;
  readonly firstSeen: string;
}

/**
 * What the recording side knows. The watcher only reads it, and works on without it: then it tells everything again,
 * which costs repetition, and what vanished while it was not running waits.
 */
export interface ObservedResources {
  /** Resources of a kind that are not known to be deleted, page by page. */
  openResources(cluster: string, kind: string): AsyncIterable<readonly RecordedResource[]>;
  /** Of these uids, those of resources whose deletion is recorded. */
  recordedEnds(cluster: string, uids: readonly string[]): Promise<readonly string[]>;
  /** Of these uids, the hash of the last state that is recorded completely, in hex. */
  recordedHashes(cluster: string, uids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Raised by an operator when a cluster was restored and its versions went back. */
  epoch(cluster: string): Promise<bigint>;
}
