import { selectArchivedMonths } from '../database/months/archived-months.ts';
import { selectMovedFrom } from '../database/reading/moved-records.ts';
import type { HistoryPosition, LedgerEntry, LedgerPage } from '../database/reading/record-history.ts';
import { selectHistory } from '../database/reading/record-history.ts';
import type { Filter, Position, RecordQuery } from '../database/reading/record-query.ts';
import { positionOf } from '../database/reading/record-reader.ts';
import { inSnapshot } from '../database/reading/snapshot.ts';
import { selectRecordLocation } from '../database/recording/record-location.ts';
import { monthOf, nextInstant } from '../domain/instant.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import { LEDGER_TABLE } from '../domain/records/service-tables.ts';
import { selectArchivedHistory } from './archive/archive-ledger.ts';
import { mergeLedgers } from './bounded-merge.ts';
import type { QueryOptions, SourcedRow, Sources, Unsearched } from './combined-answer.ts';
import { LEFT_OUT, unsearched } from './combined-answer.ts';
import type { CombinedPage } from './combined-page.ts';
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
  const question = { pool, definition };
  const known = await selectRecordLocation(pool, definition.table, id);
  if (known !== undefined)
    return firstOf(
      id,
      await selectCombinedPage({ ...question, query: at(definition, known) }, archive, options),
    );
  // What a post said of a record that its resource has moved since is in the archive of the old month alone.
  const byClient = { ...question, query: byClientId(definition, id), includeMoved: true };
  const record = firstOf(id, await selectCombinedPage(byClient, archive, options));
  const found = record.found && positionOf(record.found.row);
  const location = found && (await selectRecordLocation(pool, definition.table, found.id));
  if (found === undefined || location === undefined || location.createdAt === found.createdAt) return record;
  const query = at(definition, location);
  return firstOf(id, await selectCombinedPage({ ...question, query }, archive, options));
}

function firstOf(id: string, { rows, next, ...page }: CombinedPage): CombinedRecord {
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
export interface CombinedHistory extends LedgerPage {
  readonly unsearched: Unsearched | undefined;
}

interface HistoryQuestion extends Sources {
  readonly record: Position;
  readonly limit: number;
  /** Where the page before ended; undefined for the first page. */
  readonly after: HistoryPosition | undefined;
}

/**
 * Every observation of one record, wherever its month is, in the order in which they fold. Of a record that was moved away from
 * an archived month, also what was left behind there.
 */
export async function selectCombinedHistory(
  { pool, archive, record, limit, after }: HistoryQuestion,
  { signal, includeArchive }: QueryOptions,
): Promise<CombinedHistory> {
  const { pages, archived } = await inSnapshot(pool, [LEDGER_TABLE], async (client) => {
    const months = (await selectArchivedMonths(client, [LEDGER_TABLE])).get(LEDGER_TABLE) ?? [];
    const left = await selectMovedFrom(client, record.id);
    const positions = left === undefined ? [record] : [record, left];
    const found: LedgerPage[] = [];
    for (const position of positions) found.push(await selectHistory(client, position, limit, after));
    const isOf = (month: string) => (position: Position) => month === monthOf(position.createdAt);
    return {
      pages: found,
      archived: months
        .map((month) => ({ month, positions: positions.filter(isOf(month.month)) }))
        .filter((one) => one.positions.length > 0),
    };
  });
  const order = { compare: compareVersions, limit };
  const database = mergeLedgers(pages, order);
  const months = archived.map(({ month }) => month);
  if (months.length === 0) return { ...database, unsearched: undefined };
  if ('missing' in archive) return { ...database, unsearched: unsearched(months, archive.missing) };
  if (!includeArchive) return { ...database, unsearched: unsearched(months, LEFT_OUT) };
  const all = await archive.reader.ask(signal, async (session) => {
    const found = [database];
    for (const { month, positions } of archived)
      for (const position of positions)
        found.push(await selectArchivedHistory(session, month, { record: position, limit, after }));
    return found;
  });
  return { ...mergeLedgers(all, order), unsearched: undefined };
}

/** The order in which observations fold: by version, and two of one version by their content. */
function compareVersions(left: LedgerEntry, right: LedgerEntry): number {
  const versions = BigInt(left.sourceVersion) - BigInt(right.sourceVersion);
  if (versions !== 0n) return versions < 0n ? -1 : 1;
  return left.contentHash < right.contentHash ? -1 : 1;
}
