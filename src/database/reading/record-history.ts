import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';
import { MAX_ANSWER_BYTES } from '../../domain/limits.ts';
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

/**
 * Entries in one order. `next` is the entry behind which the next page begins; undefined after the last one. A page of large
 * entries ends before its limit.
 */
export interface LedgerPage {
  readonly entries: readonly LedgerEntry[];
  readonly next: LedgerEntry | undefined;
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
): Promise<LedgerPage> {
  const { rows } = await client.query<PageRow>({
    name: 'select-history',
    text: boundedPage({
      where: `record_id = $1::uuid
        and created_at = $2::timestamptz
        and (source_version, content_hash) > ($3::bigint, decode($4::text, 'hex'))`,
      order: 'source_version, content_hash',
      limit: '$5::integer',
    }),
    values: [
      ...[record.id, record.createdAt],
      ...[after?.sourceVersion ?? BEFORE_ALL, after?.contentHash ?? '', limit],
    ],
  });
  return pageOf(rows);
}

/** An entry, and whether another one follows it. */
export interface PageRow extends EntryRow {
  is_followed: boolean;
}

/**
 * A page of the ledger that ends before its entries have more than MAX_ANSWER_BYTES, however many are wanted. Their sizes are
 * known without reading them; what is behind the end does not leave the server.
 */
export function boundedPage({
  where,
  order,
  limit,
}: Readonly<Record<'where' | 'order' | 'limit', string>>): string {
  return `
    select ${ENTRY_COLUMNS}, is_followed
    from (
      select entry.*,
        sum(octet_length(canonical)) over (one_by_one rows unbounded preceding) as bytes_until_here,
        lead(record_id) over one_by_one is not null as is_followed
      from audit_ledger as entry
      where ${where}
      window one_by_one as (order by ${order})
    ) as entry
    where bytes_until_here <= ${MAX_ANSWER_BYTES} or bytes_until_here = octet_length(canonical)
    order by ${order}
    limit ${limit}`;
}

/** Of the rows of a bounded page. */
export function pageOf(rows: readonly PageRow[]): LedgerPage {
  const entries = rows.map(entryOf);
  return { entries, next: rows.at(-1)?.is_followed === true ? entries.at(-1) : undefined };
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
