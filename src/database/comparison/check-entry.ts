import { contentHash, leafHash, payloadHash } from '../../identity/identities.ts';
import type { Difference } from './compared-month.ts';

/** An entry as the ledger has it. Instants are text, because drivers read them differently. */
export interface LedgerEntry {
  record_id: string;
  created_at: string;
  source_version: string;
  content_hash: Buffer;
  observed_at: string;
  table_name: string;
  cluster: string;
  remediation_uid: string | null;
  phase: string;
  actor: string;
  canonical: string;
  salt: Buffer;
  payload_hash: Buffer;
  leaf_hash: Buffer;
}

/** What of its hashes does not follow from the entry. */
export function checkEntry(entry: LedgerEntry): readonly Difference[] {
  const content = contentHash(entry.canonical);
  const payload = payloadHash(entry.salt, entry.canonical);
  const leaf = leafHash({
    actor: entry.actor,
    cluster: entry.cluster,
    createdAt: entry.created_at,
    observedAt: entry.observed_at,
    payloadHash: payload,
    phase: entry.phase,
    id: entry.record_id,
    remediationUid: entry.remediation_uid,
    sourceVersion: entry.source_version,
    table: entry.table_name,
  });
  return [
    ...(content.equals(entry.content_hash) ? [] : [wrong(entry, 'content_hash', 'canonical')]),
    ...(payload.equals(entry.payload_hash) ? [] : [wrong(entry, 'payload_hash', 'salt and canonical')]),
    ...(leaf.equals(entry.leaf_hash) ? [] : [wrong(entry, 'leaf_hash', 'the entry')]),
  ];
}

function wrong(entry: LedgerEntry, column: string, source: string): Difference {
  return differenceIn(entry, column, `version ${entry.source_version}: it is not the hash of ${source}`);
}

export function differenceIn(entry: LedgerEntry, column: string, detail: string): Difference {
  return { table: entry.table_name, id: entry.record_id, column: `audit_ledger.${column}`, detail };
}
