import type pg from 'pg';

import { columnsOfContent } from '../../domain/canonical-content.ts';
import { reasonOf } from '../../domain/errors.ts';
import type { Entry, Fold } from '../../domain/fold.ts';
import { columnsOfFold, EMPTY_FOLD, foldNext } from '../../domain/fold.ts';
import type { Columns, RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { instantText } from '../sql.ts';
import type { LedgerEntry } from './check-entry.ts';
import { differenceIn } from './check-entry.ts';
import type { ComparedMonth, Difference } from './compared-month.ts';

/** A record as its entries make it. */
export interface FoldedRecord {
  readonly definition: RecordDefinition;
  readonly id: string;
  readonly createdAt: string;
  readonly cluster: string;
  /** Of the last entry: they come in the order of their versions. */
  readonly sourceVersion: string;
  readonly entries: number;
  readonly columns: Columns;
}

/** A record of which entries are still being read. */
interface GrowingRecord extends Omit<FoldedRecord, 'columns'> {
  readonly fold: Fold;
}

/** Entries in memory at once. One of a resource may have a megabyte. */
const FETCHED_ENTRIES = 200;

export interface StreamOptions {
  readonly checkEntry: (entry: LedgerEntry) => readonly Difference[];
  readonly note: (difference: Difference) => void;
  /** Called with each record when its last entry was read. */
  readonly folded: (record: FoldedRecord) => Promise<void>;
  /** Called with how many entries were read; the next ones are read when it has resolved. */
  readonly pace: (entries: number) => Promise<void>;
}

/** Reads the ledger of a month in the order in which entries are folded: that of its primary key. In a transaction. */
export async function foldStream(
  client: pg.ClientBase,
  { ledger, within }: ComparedMonth,
  { checkEntry, note, folded, pace }: StreamOptions,
): Promise<void> {
  await client.query(`
    declare compared_entry no scroll cursor for
    select entry.record_id, ${instantText('entry.created_at')} as created_at, entry.source_version::text as source_version,
      entry.content_hash, ${instantText('entry.observed_at')} as observed_at, entry.table_name, entry.cluster,
      entry.remediation_uid, entry.phase, entry.actor, entry.canonical, entry.salt, entry.payload_hash, entry.leaf_hash
    from ${ledger.relation} as entry
    where ${within('entry')}
    order by entry.record_id, entry.created_at, entry.source_version, entry.content_hash`);
  let current: GrowingRecord | undefined;
  for (;;) {
    const { rows } = await client.query<LedgerEntry>(`fetch ${FETCHED_ENTRIES} from compared_entry`);
    for (const entry of rows) {
      for (const difference of checkEntry(entry)) note(difference);
      if (current !== undefined && !isOf(current, entry)) {
        await folded(recordOf(current));
        current = undefined;
      }
      current = withEntry(current, entry, note) ?? current;
    }
    if (rows.length < FETCHED_ENTRIES) break;
    await pace(rows.length);
  }
  if (current !== undefined) await folded(recordOf(current));
  await client.query('close compared_entry');
}

function recordOf({ fold, ...record }: GrowingRecord): FoldedRecord {
  return { ...record, columns: columnsOfFold(record.definition, fold) };
}

function isOf(record: GrowingRecord, { record_id: id, created_at: createdAt }: LedgerEntry): boolean {
  return record.id === id && record.createdAt === createdAt;
}

const definitions = new Map<string, RecordDefinition>(
  RECORD_DEFINITIONS.map((definition) => [definition.table, definition]),
);

/** Undefined for the first entry of a record when it belongs to no table that is known here. */
function withEntry(
  record: GrowingRecord | undefined,
  entry: LedgerEntry,
  note: (difference: Difference) => void,
): GrowingRecord | undefined {
  if (record === undefined) return firstEntry(entry, note);
  const { definition } = record;
  if (entry.table_name !== definition.table)
    note(differenceIn(entry, 'table_name', `other entries of the record belong to ${definition.table}`));
  if (record.cluster !== entry.cluster)
    note(differenceIn(entry, 'cluster', `other entries of the record are of cluster ${record.cluster}`));
  return {
    ...record,
    sourceVersion: entry.source_version,
    entries: record.entries + 1,
    fold: foldNext(definition, record.fold, foldedEntry(definition, entry, note)),
  };
}

function firstEntry(entry: LedgerEntry, note: (difference: Difference) => void): GrowingRecord | undefined {
  const definition = definitions.get(entry.table_name);
  if (definition === undefined) {
    note(differenceIn(entry, 'table_name', `${entry.table_name} is no record table`));
    return undefined;
  }
  const { record_id: id, created_at: createdAt, cluster, source_version: sourceVersion } = entry;
  const fold = foldNext(definition, EMPTY_FOLD, foldedEntry(definition, entry, note));
  return { definition, id, createdAt, cluster, sourceVersion, entries: 1, fold };
}

function foldedEntry(
  definition: RecordDefinition,
  entry: LedgerEntry,
  note: (difference: Difference) => void,
): Omit<Entry, 'contentHash'> {
  const { source_version: sourceVersion, actor } = entry;
  return { sourceVersion, actor, columns: columnsOf(definition, entry, note) };
}

function columnsOf(
  definition: RecordDefinition,
  entry: LedgerEntry,
  note: (difference: Difference) => void,
): Columns {
  try {
    const columns = columnsOfContent(definition, entry.canonical);
    if ((columns['remediation_uid'] ?? null) !== entry.remediation_uid)
      note(differenceIn(entry, 'remediation_uid', 'its canonical content has another one'));
    return columns;
  } catch (error: unknown) {
    // Whatever was written there: it is named, and the others are compared.
    note(differenceIn(entry, 'canonical', `it cannot be read: ${reasonOf(error)}`));
    return {};
  }
}
