import type pg from 'pg';

import type { RetentionRules } from '../database/months/retention-plan.ts';
import type { ManifestChain } from './manifest/manifest.ts';
import type { TrustedKeys } from './manifest/signing-key.ts';
import type { ObjectStore } from './store/object-store.ts';

// The room `archive`: months leave the database for an object store, and come back.
//
// In: a month, and one step of retention or restore at a time, from the workflows. Out: signed manifests, parts in Parquet,
// the state of the month in the database, and for queries files of parts that were verified.
// `export/`, `restore/` and `expiry/` are the steps; `manifest/` signs and checks, `parquet/` writes and reads parts, `store/`
// is the object store, `reader/` fetches what a query needs.
//
// What must stay true: every step can be repeated and interrupted anywhere; the database decides where a month is, the store
// never does; nothing is dropped that was not read back from the store and compared.

/** What the steps of retention, restore and expiry work with. */
export interface ArchiveContext {
  /** PostgreSQL as audit_owner. */
  readonly ownerUrl: string;
  readonly lockTimeoutMs: number;
  readonly store: ObjectStore;
  /** Keys whose manifests are believed. */
  readonly trusted: TrustedKeys;
  /** The manifests in the store; new ones are signed. */
  readonly chain: ManifestChain;
  readonly rules: RetentionRules;
  /** Throws unless the rows of a month are what its ledger says: only then it is signed. */
  readonly requireEqualLedger: (client: pg.ClientBase, month: string) => Promise<void>;
  /** Folder for parts while they are written and read. */
  readonly workFolder: string;
  /** Version of the schema, for the manifests. */
  readonly schemaVersion: number;
  /** Rows at which a part ends. */
  readonly partRows: number;
  /** Default: the clock of this machine. */
  readonly nowMs?: () => number;
  /** Called with what was just done, for a person who waits at a terminal. Default: nothing is printed. */
  readonly onProgress?: (what: string) => void;
  /** Called at each point where a crash has its own consequences. Default: nothing happens there. */
  readonly reached?: (point: ArchivePoint) => Promise<void>;
}

export const RETENTION_POINTS = [
  'frozen',
  'copied',
  'written',
  'uploaded',
  'verified',
  'manifest-written',
  'archived',
  'detaching',
  'detached-by-catalogue',
  'compared',
  'detached',
  'verified-again',
  'dropped',
] as const;
export const EXPIRE_POINTS = [
  'examined',
  'removal-certified',
  'expired',
  'object-removed',
  'removed',
] as const;
export const RESTORE_POINTS = ['begun', 'part-loaded', 'checked', 'staged', 'attaching', 'attached'] as const;

/** Points at which tests end the process, the database or the store. */
export type ArchivePoint =
  | (typeof RETENTION_POINTS)[number]
  | (typeof EXPIRE_POINTS)[number]
  | (typeof RESTORE_POINTS)[number];
