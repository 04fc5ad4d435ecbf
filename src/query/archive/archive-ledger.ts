import type { ArchiveSession } from '../../archive/reader/archive-reader.ts';
import type { ArchivedMonth } from '../../database/months/archived-months.ts';
import type { EntryRow, HistoryPosition, LedgerEntry } from '../../database/reading/record-history.ts';
import { entryOf } from '../../database/reading/record-history.ts';
import type { Position } from '../../database/reading/record-query.ts';
import { quoteLiteral } from '../../database/sql.ts';
import { LEDGER_TABLE } from '../../domain/records/service-tables.ts';
import type { TimeRange } from '../part-spans.ts';
import { overlaps } from '../part-spans.ts';
import { instant } from './archive-conditions.ts';
import { amongIds, parquet } from './archive-rows.ts';

// As in `rendered`: casting an instant with a zone consults the calendar for every value.
const stamp = (name: string): string => `make_timestamp(epoch_us(${name}))::varchar || '+00' as ${name}`;
const ENTRY_COLUMNS = `
  record_id::varchar as record_id, table_name, phase, source_version::varchar as source_version,
  lower(hex(content_hash)) as content_hash, ${stamp('observed_at')}, ${stamp('recorded_at')}, actor, canonical`;

/** Every observation of these records that the archive of their month has, in no order; one in several parts is one. */
export async function selectArchivedEntries(
  session: ArchiveSession,
  month: ArchivedMonth,
  records: readonly Position[],
  page?: { readonly limit: number; readonly after: HistoryPosition | undefined },
): Promise<readonly LedgerEntry[]> {
  return selectFetchedEntries(session, await fetchLedgerParts(session, month, records), records, page);
}

/** Fetches the parts that `selectFetchedEntries` reads. A store may take long for that, so no database connection is needed. */
export async function fetchLedgerParts(
  session: ArchiveSession,
  month: ArchivedMonth,
  records: readonly Position[],
): Promise<readonly string[]> {
  return records.length === 0 ? [] : ledgerFiles(session, month, rangeOfRecords(records));
}

/** As `selectArchivedEntries`, of parts that are on this machine already. */
export async function selectFetchedEntries(
  session: ArchiveSession,
  paths: readonly string[],
  records: readonly Position[],
  page?: { readonly limit: number; readonly after: HistoryPosition | undefined },
): Promise<readonly LedgerEntry[]> {
  if (paths.length === 0 || records.length === 0) return [];
  const range = rangeOfRecords(records);
  const rows = await session.duckdb.rows(`
    select distinct on (archived.record_id, archived.source_version, archived.content_hash) ${ENTRY_COLUMNS}
    from ${parquet({ table: LEDGER_TABLE, paths })}
    where archived.created_at >= ${instant(range.from ?? '')}
      and archived.created_at <= ${instant(range.to ?? '')}
      and ${amongIds(
        records.map(({ id }) => id),
        'archived.record_id',
      )}
      ${page?.after === undefined ? '' : `and ${behind(page.after)}`}
    ${page === undefined ? '' : `order by ${PLACE} limit ${Math.trunc(page.limit) + 1}`}`);
  return distinctEntries(rows.map((row) => entryOf(row as unknown as EntryRow)));
}

/** From the first to the last `created_at`: entries carry that of their record, so no other part of the ledger has any. */
function rangeOfRecords(records: readonly Position[]): TimeRange {
  const times = records.map(({ createdAt }) => createdAt).sort();
  return { from: times[0], to: times.at(-1) };
}

/** The order in which observations fold, which the cursor of a history follows too. */
const PLACE = 'archived.source_version, lower(hex(archived.content_hash))';

function behind({ sourceVersion, contentHash }: HistoryPosition): string {
  return `(${PLACE}) > (${quoteLiteral(sourceVersion)}::bigint, ${quoteLiteral(contentHash)})`;
}

/**
 * What the archive of a month has about a remediation, by time of observation, at most `limit` entries. All
 * parts of the month are read: which hold entries of a remediation is not known before.
 */
export async function selectArchivedTimeline(
  session: ArchiveSession,
  month: ArchivedMonth,
  { uid, limit }: { readonly uid: string; readonly limit: number },
): Promise<readonly LedgerEntry[]> {
  const paths = await ledgerFiles(session, month, { from: undefined, to: undefined });
  if (paths.length === 0) return [];
  const rows = await session.duckdb.rows(`
    select ${ENTRY_COLUMNS}
    from ${parquet({ table: LEDGER_TABLE, paths })}
    where archived.remediation_uid = ${quoteLiteral(uid)}
    order by archived.observed_at, archived.source_version, archived.content_hash
    limit ${Math.trunc(limit)}`);
  return distinctEntries(rows.map((row) => entryOf(row as unknown as EntryRow)));
}

async function ledgerFiles(
  session: ArchiveSession,
  month: ArchivedMonth,
  range: TimeRange,
): Promise<string[]> {
  const { parts } = await session.manifest(month);
  return session.files(parts.filter((part) => part.table === LEDGER_TABLE && overlaps(part, range)));
}

/** The ledger is a set: of two copies of one observation the first stands for both. */
export function distinctEntries(entries: readonly LedgerEntry[]): readonly LedgerEntry[] {
  const byPlace = new Map<string, LedgerEntry>();
  for (const entry of entries) {
    const place = `${entry.recordId} ${entry.sourceVersion} ${entry.contentHash}`;
    if (!byPlace.has(place)) byPlace.set(place, entry);
  }
  return [...byPlace.values()];
}
