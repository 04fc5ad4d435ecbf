import { selectArchivedMonths } from '../database/months/archived-months.ts';
import type { HistoryPage, HistoryPosition, LedgerEntry } from '../database/reading/record-history.ts';
import { selectHistory } from '../database/reading/record-history.ts';
import type { Filter, Position, RecordQuery } from '../database/reading/record-query.ts';
import { inSnapshot } from '../database/reading/snapshot.ts';
import { selectRecordLocation } from '../database/recording/record-location.ts';
import { monthOf, nextInstant } from '../domain/instant.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import { LEDGER_TABLE } from '../domain/records/service-tables.ts';
import { distinctEntries, selectArchivedEntries } from './archive/archive-ledger.ts';
import type { QueryOptions, SourcedRow, Sources, Unsearched } from './combined-answer.ts';
import { LEFT_OUT, unsearched } from './combined-answer.ts';
import { selectCombinedPage } from './combined-page.ts';

export interface CombinedRecord {
  /** Undefined when no month that was searched has it; see `unsearched` before it is called unknown. */
  readonly found: SourcedRow | undefined;
  readonly unsearched: Unsearched | undefined;
}

interface RecordQuestion extends Sources {
  readonly definition: RecordDefinition;
}

/** The search for a client's id ran out of time before it had read every month. */
export class SearchUnfinishedError extends Error {
  constructor(id: string, reached: string) {
    super(
      `the archive was searched for ${id} back to ${reached.slice(0, 7)} and not further; ask by the record's own id, or again`,
    );
    this.name = 'SearchUnfinishedError';
  }
}

/** By the record's own id, or by the one its client posted it with; the newest, should several have it. */
export async function selectCombinedRecord(
  { pool, definition, archive }: RecordQuestion,
  id: string,
  options: QueryOptions,
): Promise<CombinedRecord> {
  const createdAt = await selectRecordLocation(pool, definition.table, id);
  const query = createdAt === undefined ? byClientId(definition, id) : at(definition, { id, createdAt });
  const { rows, next, ...page } = await selectCombinedPage({ pool, definition, query }, archive, options);
  if (rows.length === 0 && next !== undefined) throw new SearchUnfinishedError(id, next.createdAt);
  return { found: rows[0], unsearched: page.unsearched };
}

/** The partition key is known, so one instant of one month is read. */
function at(definition: RecordDefinition, { id, createdAt }: Position): RecordQuery {
  const filters: Filter[] = definition.columns
    .filter(({ name }) => name === 'id')
    .map((column) => ({ column, is: 'equal', value: id }));
  return { filters, since: createdAt, until: nextInstant(createdAt), order: 'newest', limit: 1 };
}

/** The id of a client has no index in the archive and says nothing of the month: the months are read one by one. */
function byClientId(definition: RecordDefinition, id: string): RecordQuery {
  const filters: Filter[] = definition.columns
    .filter(({ name }) => name === 'extra')
    .map((column) => ({ column, is: 'client-id', value: id }));
  return { filters, order: 'newest', limit: 1 };
}

/**
 * A page of the history of a record. When `unsearched` is there, observations of the archive are missing
 * from it.
 */
export interface CombinedHistory extends HistoryPage {
  readonly unsearched: Unsearched | undefined;
}

interface HistoryQuestion extends Sources {
  readonly record: Position;
  readonly limit: number;
  /** Where the page before ended; undefined for the first page. */
  readonly after: HistoryPosition | undefined;
}

/** Every observation of one record, wherever its month is, in the order in which they fold. */
export async function selectCombinedHistory(
  { pool, archive, record, limit, after }: HistoryQuestion,
  { signal, includeArchive }: QueryOptions,
): Promise<CombinedHistory> {
  const { database, month } = await inSnapshot(pool, [LEDGER_TABLE], async (client) => {
    const months = (await selectArchivedMonths(client, [LEDGER_TABLE])).get(LEDGER_TABLE) ?? [];
    return {
      month: months.find((candidate) => candidate.month === monthOf(record.createdAt)),
      database: await selectHistory(client, record, limit, after),
    };
  });
  if (month === undefined) return { ...database, unsearched: undefined };
  if ('missing' in archive) return { ...database, unsearched: unsearched([month], archive.missing) };
  if (!includeArchive) return { ...database, unsearched: unsearched([month], LEFT_OUT) };
  const archived = await archive.reader.ask(signal, (session) =>
    selectArchivedEntries(session, month, [record], { limit, after }),
  );
  // The ledger is a set: one observation may be in the database and in the archive.
  const entries = distinctEntries([...database.entries, ...archived]).toSorted(compareVersions);
  const page = entries.slice(0, limit);
  const isMore = entries.length > limit || database.next !== undefined;
  return { entries: page, next: isMore ? page.at(-1) : undefined, unsearched: undefined };
}

/** The order in which observations fold: by version, and two of one version by their content. */
function compareVersions(left: LedgerEntry, right: LedgerEntry): number {
  const versions = BigInt(left.sourceVersion) - BigInt(right.sourceVersion);
  if (versions !== 0n) return versions < 0n ? -1 : 1;
  return left.contentHash < right.contentHash ? -1 : 1;
}
