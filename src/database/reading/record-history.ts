import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';
import type { Position } from './record-query.ts';

/** One observation of a record, as the ledger stores it. */
export interface LedgerEntry {
  readonly recordId: string;
  readonly table: string;
  readonly phase: string;
  /** A 64-bit integer as text. */
  readonly sourceVersion: string;
  /** In hex. With the version it is the position of the entry. */
  readonly contentHash: string;
  /** When it was observed, and below when it was stored. */
  readonly observedAt: string;
  readonly recordedAt: string;
  readonly actor: string;
  /** Canonical JSON of what was observed. */
  readonly content: string;
}

/** The position of an entry in a record's history. */
export interface HistoryPosition {
  readonly sourceVersion: string;
  readonly contentHash: string;
}

/** `next` is where the next page begins; undefined after the last one. */
export interface HistoryPage {
  readonly entries: readonly LedgerEntry[];
  readonly next: HistoryPosition | undefined;
}

/** An entry as a query gives it, of the database or of the archive. */
export interface EntryRow {
  record_id: string;
  table_name: string;
  phase: string;
  source_version: string;
  content_hash: string;
  observed_at: string;
  recorded_at: string;
  actor: string;
  canonical: string;
}

const ENTRY_COLUMNS = `
  record_id, table_name, phase, source_version, encode(content_hash, 'hex') as content_hash,
  observed_at, recorded_at, actor, canonical`;

/** The versions of posts begin below those of resources; nothing is below this one. */
const BEFORE_ALL = '-9223372036854775808';

/** Every observation of one record, in the order in which they fold. */
export async function selectHistory(
  client: pg.Pool | pg.ClientBase,
  record: { readonly id: string; readonly createdAt: string },
  limit: number,
  after: HistoryPosition | undefined,
): Promise<HistoryPage> {
  const { rows } = await client.query<EntryRow>({
    name: 'select-history',
    text: `
      select ${ENTRY_COLUMNS}
      from audit_ledger
      where record_id = $1::uuid
        and created_at = $2::timestamptz
        and (source_version, content_hash) > ($3::bigint, decode($4::text, 'hex'))
      order by source_version, content_hash
      limit $5::integer`,
    values: [
      ...[record.id, record.createdAt],
      ...[after?.sourceVersion ?? BEFORE_ALL, after?.contentHash ?? ''],
      limit + 1,
    ],
  });
  const entries = rows.slice(0, limit).map(entryOf);
  const last = entries.at(-1);
  return { entries, next: rows.length > limit ? last : undefined };
}

/** Every observation of these records that is in the database, in no order. */
export async function selectEntries(
  client: pg.Pool | pg.ClientBase,
  records: readonly Position[],
): Promise<readonly LedgerEntry[]> {
  const { rows } = await client.query<EntryRow>({
    name: 'select-entries-of-records',
    text: `
      select ${ENTRY_COLUMNS}
      from unnest($1::uuid[], $2::timestamptz[]) as wanted (id, created_at)
      join audit_ledger as entry on entry.record_id = wanted.id and entry.created_at = wanted.created_at`,
    values: [records.map(({ id }) => id), records.map(({ createdAt }) => createdAt)],
  });
  return rows.map(entryOf);
}

/** What was observed of a remediation and of everything that belongs to it, in the order in which it was observed. */
export async function selectTimeline(
  client: pg.Pool | pg.ClientBase,
  remediationUid: string,
  limit: number,
): Promise<readonly LedgerEntry[]> {
  const { rows } = await client.query<EntryRow>({
    name: 'select-timeline',
    text: `
      select ${ENTRY_COLUMNS}
      from audit_ledger as entry
      where remediation_uid = $1::text
        and not exists (
          select from record_move as move
          join audit_ledger as again on again.record_id = move.id and again.created_at = move.to_created_at
          where move.id = entry.record_id and move.from_created_at = entry.created_at
            and again.source_version = entry.source_version and again.content_hash = entry.content_hash
        )
      order by observed_at, source_version, content_hash
      limit $2::integer`,
    values: [remediationUid, limit],
  });
  return rows.map(entryOf);
}

export function entryOf(row: EntryRow): LedgerEntry {
  return {
    recordId: row.record_id,
    table: row.table_name,
    phase: row.phase,
    sourceVersion: row.source_version,
    contentHash: row.content_hash,
    observedAt: instantFromSql(row.observed_at),
    recordedAt: instantFromSql(row.recorded_at),
    actor: row.actor,
    content: row.canonical,
  };
}
