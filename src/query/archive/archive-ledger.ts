import type { ArchiveSession } from '../../archive/reader/archive-reader.ts';
import type { ArchivedMonth } from '../../database/months/archived-months.ts';
import type {
  EntryRow,
  HistoryPosition,
  LedgerEntry,
  LedgerPage,
} from '../../database/reading/record-history.ts';
import { entryOf } from '../../database/reading/record-history.ts';
import type { Position } from '../../database/reading/record-query.ts';
import type { LedgerPosition, LedgerRange } from '../../database/reading/remediation-ledger.ts';
import { quoteLiteral } from '../../database/sql.ts';
import { MAX_ANSWER_BYTES } from '../../domain/limits.ts';
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
): Promise<readonly LedgerEntry[]> {
  return selectFetchedEntries(session, await fetchLedgerParts(session, month, records), records);
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
      )}`);
  return distinctEntries(rows.map((row) => entryOf(row as unknown as EntryRow)));
}

/**
 * What the archive of its month has of one record, in the order in which it folds, up to the limits of a page. Asked twice, as
 * `selectArchivedTimeline`; an observation that several parts have is one.
 */
export async function selectArchivedHistory(
  session: ArchiveSession,
  month: ArchivedMonth,
  { record, limit, after }: { record: Position; limit: number; after: HistoryPosition | undefined },
): Promise<LedgerPage> {
  const paths = await fetchLedgerParts(session, month, [record]);
  if (paths.length === 0) return { entries: [], next: undefined };
  const source = `
    from ${parquet({ table: LEDGER_TABLE, paths })}
    where archived.created_at = ${instant(record.createdAt)}
      and ${amongIds([record.id], 'archived.record_id')}
      ${after === undefined ? '' : `and ${behind(after)}`}`;
  const sizes = await session.duckdb.rows(`
    select max(strlen(canonical))::varchar as bytes ${source}
    group by archived.source_version, archived.content_hash
    order by ${PLACE} limit ${Math.trunc(limit) + 1}`);
  const fitting = countFitting(sizes.map(({ bytes }) => Number(bytes)).slice(0, limit));
  const rows = await session.duckdb.rows(`
    select distinct on (archived.source_version, archived.content_hash) ${ENTRY_COLUMNS} ${source}
    order by ${PLACE} limit ${fitting}`);
  const entries = rows.map((row) => entryOf(row as unknown as EntryRow));
  return { entries, next: fitting < sizes.length ? entries.at(-1) : undefined };
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
 * What the archive of a month has about a remediation, by time of observation, up to the limits of a page. All parts of the
 * month are read: which hold entries of a remediation is not known before.
 *
 * Asked twice: first for the sizes, so that what is behind the end of the page is never together in memory.
 */
export async function selectArchivedTimeline(
  session: ArchiveSession,
  month: ArchivedMonth,
  { uid, limit, after }: LedgerRange & { readonly uid: string },
): Promise<LedgerPage> {
  const paths = await ledgerFiles(session, month, { from: undefined, to: undefined });
  if (paths.length === 0) return { entries: [], next: undefined };
  const source = `
    from ${parquet({ table: LEDGER_TABLE, paths })}
    where archived.remediation_uid = ${quoteLiteral(uid)}
      ${after === undefined ? '' : `and (${OBSERVED}) > (${observedPosition(after)})`}`;
  const sizes = await session.duckdb.rows(`
    select strlen(canonical)::varchar as bytes ${source} order by ${OBSERVED} limit ${Math.trunc(limit) + 1}`);
  const fitting = countFitting(sizes.map(({ bytes }) => Number(bytes)).slice(0, limit));
  const rows = await session.duckdb.rows(`
    select ${ENTRY_COLUMNS} ${source} order by ${OBSERVED} limit ${fitting}`);
  const entries = rows.map((row) => entryOf(row as unknown as EntryRow));
  return {
    entries: distinctEntries(entries),
    next: fitting < sizes.length ? entries.at(-1) : undefined,
  };
}

/** The order of a ledger, as `compareObservations` has it. */
const OBSERVED = `archived.observed_at, archived.source_version, lower(hex(archived.content_hash)), archived.record_id::varchar`;

function observedPosition({ observedAt, sourceVersion, contentHash, recordId }: LedgerPosition): string {
  return `${instant(observedAt)}, ${quoteLiteral(sourceVersion)}::bigint, ${quoteLiteral(contentHash)}, ${quoteLiteral(recordId)}`;
}

/** How many of the first entries one answer can hold; one that is too large for any is answered alone. */
function countFitting(sizes: readonly number[]): number {
  let bytes = 0;
  const end = sizes.findIndex((size) => (bytes += size) > MAX_ANSWER_BYTES);
  return end === -1 ? sizes.length : Math.max(1, end);
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
