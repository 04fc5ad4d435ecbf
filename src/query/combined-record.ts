import type pg from 'pg';

import { selectColdMonths } from '../database/months/archived-months.ts';
import type { HistoryPage, HistoryPosition, LedgerEntry } from '../database/reading/record-history.ts';
import { selectHistory } from '../database/reading/record-history.ts';
import type { Filter, Position, RecordQuery } from '../database/reading/record-query.ts';
import { inSnapshot } from '../database/reading/snapshot.ts';
import { selectHome } from '../database/recording/record-location.ts';
import { monthOf, nextInstant } from '../domain/instant.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';
import { distinctEntries, selectColdEntries } from './archive/archive-ledger.ts';
import type { ArchiveAccess, Asked, SourcedRow, Unsearched } from './combined-answer.ts';
import { LEFT_OUT, unsearched } from './combined-answer.ts';
import { selectWholePage } from './combined-page.ts';

export interface WholeRecord {
  readonly found: SourcedRow | undefined;
  readonly unsearched: Unsearched | undefined;
}

export interface RecordQuestion {
  readonly pool: pg.Pool;
  readonly definition: RecordDefinition;
  readonly archive: ArchiveAccess;
}

/** The search for the id of a client went through so many months that its time was over. */
export class SearchUnfinishedError extends Error {
  constructor(id: string, reached: string) {
    super(
      `the archive was searched for ${id} back to ${reached.slice(0, 7)} and not further; ask by the record's own id, or again`,
    );
    this.name = 'SearchUnfinishedError';
  }
}

/** By the record's own id, or by the one its client posted it with; the newest, should several have it. */
export async function selectWholeRecord(
  { pool, definition, archive }: RecordQuestion,
  id: string,
  asked: Asked,
): Promise<WholeRecord> {
  const home = await selectHome(pool, definition.table, id);
  const query = home === undefined ? byClientId(definition, id) : at(definition, { id, createdAt: home });
  const { rows, next, ...page } = await selectWholePage({ pool, definition, query }, archive, asked);
  if (rows.length === 0 && next !== undefined) throw new SearchUnfinishedError(id, next.createdAt);
  return { found: rows[0], unsearched: page.unsearched };
}

/** Its home is known, so one instant of one month is looked at. */
function at(definition: RecordDefinition, { id, createdAt }: Position): RecordQuery {
  const filters: Filter[] = definition.columns
    .filter(({ name }) => name === 'id')
    .map((column) => ({ column, is: 'equal', value: id }));
  return { filters, since: createdAt, until: nextInstant(createdAt), order: 'newest', limit: 1 };
}

function byClientId(definition: RecordDefinition, id: string): RecordQuery {
  const filters: Filter[] = definition.columns
    .filter(({ name }) => name === 'extra')
    .map((column) => ({ column, is: 'client-id', value: id }));
  return { filters, order: 'newest', limit: 1 };
}

export interface WholeHistory extends HistoryPage {
  readonly unsearched: Unsearched | undefined;
}

export interface HistoryQuestion {
  readonly pool: pg.Pool;
  readonly archive: ArchiveAccess;
  readonly record: Position;
  readonly limit: number;
  readonly after: HistoryPosition | undefined;
}

const LEDGER = 'audit_ledger';

/** Every observation of one record, wherever its month is, in the order in which they fold. */
export async function selectWholeHistory(
  { pool, archive, record, limit, after }: HistoryQuestion,
  { signal, includeArchive }: Asked,
): Promise<WholeHistory> {
  const { hot, month } = await inSnapshot(pool, [LEDGER], async (client) => {
    const months = (await selectColdMonths(client, [LEDGER])).get(LEDGER) ?? [];
    const home = monthOf(record.createdAt);
    return {
      month: months.find((candidate) => candidate.month === home),
      hot: await selectHistory(client, record, limit, after),
    };
  });
  if (month === undefined) return { ...hot, unsearched: undefined };
  if ('missing' in archive) return { ...hot, unsearched: unsearched([month], archive.missing) };
  if (!includeArchive) return { ...hot, unsearched: unsearched([month], LEFT_OUT) };
  const cold = await archive.reader.ask(signal, (session) =>
    selectColdEntries(session, month, [record], { limit, after }),
  );
  const entries = distinctEntries([...hot.entries, ...cold]).toSorted(compareVersions);
  const page = entries.slice(0, limit);
  const isMore = entries.length > limit || hot.next !== undefined;
  return { entries: page, next: isMore ? page.at(-1) : undefined, unsearched: undefined };
}

function compareVersions(left: LedgerEntry, right: LedgerEntry): number {
  const versions = BigInt(left.sourceVersion) - BigInt(right.sourceVersion);
  if (versions !== 0n) return versions < 0n ? -1 : 1;
  return left.contentHash < right.contentHash ? -1 : 1;
}
