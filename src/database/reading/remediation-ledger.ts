import type pg from 'pg';

import type { LedgerEntry, LedgerPage, PageRow } from './record-history.ts';
import { boundedPage, pageOf } from './record-history.ts';

/*
 * The ledger of one remediation: what was observed of it and of everything that belongs to it, by the clock of the observers, as a
 * person reads a course of events. Pages are bounded in entries and in bytes; the order is the same here, in the archive, and
 * where pages of both are merged.
 */

/** Where an entry stands in that order. Versions order what has the same time; the rest makes it one order for all. */
export interface LedgerPosition {
  readonly observedAt: string;
  readonly sourceVersion: string;
  readonly contentHash: string;
  readonly recordId: string;
}

/** Which part of a ledger: entries at most, behind a position. */
export interface LedgerRange {
  readonly limit: number;
  readonly after?: LedgerPosition | undefined;
}

/** Without the entries of records that have moved to another month, where they stand again. */
export async function selectTimeline(
  client: pg.Pool | pg.ClientBase,
  remediationUid: string,
  { limit, after }: LedgerRange,
): Promise<LedgerPage> {
  const { rows } = await client.query<PageRow>({
    name: 'select-timeline',
    text: boundedPage({
      where: `remediation_uid = $1::text
        and ($2::timestamptz is null or (observed_at, source_version, content_hash, record_id)
          > ($2::timestamptz, $3::bigint, decode($4::text, 'hex'), $5::uuid))
        and not exists (
          select from record_move as move
          join audit_ledger as again on again.record_id = move.id and again.created_at = move.to_created_at
          where move.id = entry.record_id and move.from_created_at = entry.created_at
            and again.source_version = entry.source_version and again.content_hash = entry.content_hash
        )`,
      order: 'observed_at, source_version, content_hash, record_id',
      limit: '$6::integer',
    }),
    values: [
      ...[remediationUid, after?.observedAt ?? null, after?.sourceVersion ?? null],
      ...[after?.contentHash ?? null, after?.recordId ?? null, limit],
    ],
  });
  return pageOf(rows);
}

/** The order of a ledger, for entries of several places. */
export function compareObservations(left: LedgerEntry, right: LedgerEntry): number {
  if (left.observedAt !== right.observedAt) return left.observedAt < right.observedAt ? -1 : 1;
  const versions = BigInt(left.sourceVersion) - BigInt(right.sourceVersion);
  if (versions !== 0n) return versions < 0n ? -1 : 1;
  if (left.contentHash !== right.contentHash) return left.contentHash < right.contentHash ? -1 : 1;
  return left.recordId < right.recordId ? -1 : Number(left.recordId > right.recordId);
}
