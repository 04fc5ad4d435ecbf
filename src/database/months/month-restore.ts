import type pg from 'pg';

import { addMonths, instantOf } from '../../domain/instant.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { ACCESS_TABLE, LEDGER_TABLE } from '../../domain/records/service-tables.ts';
import { DAY_MS } from '../../domain/time.ts';
import { quoteIdentifier, quoteLiteral } from '../sql.ts';
import type { MonthPartition } from './month-detach.ts';
import { partitionsOf } from './month-detach.ts';
import type { MonthRow } from './month-states.ts';
import { canChange, changeMonth, MonthMovedError, selectMonth, underMonthLock } from './month-states.ts';
import { partitionedTables } from './partitions.ts';
import { takeRestoreRequest } from './restore-requests.ts';
import { foldRecords, rangeCheck, stagedFrom, stagedRelation } from './staged-month.ts';
import type { TableChange } from './table-locks.ts';
import { namingLockHolders } from './table-locks.ts';

/** Where the rows of the month come from. For whom, and how long they stay, is read from the request in the database. */
interface RestoreTerms {
  /** From when the requested days count. */
  readonly nowMs: number;
  /** Key of the manifest, and the SHA-256 of its bytes in hexadecimal. */
  readonly manifest: string;
  readonly manifestSha256: string;
}

/** Instants between which the rows of a month lie, as PostgreSQL writes bounds. */
export function monthRange(month: string): readonly [from: string, to: string] {
  return [`${month} 00:00:00+00`, `${addMonths(month, 1)} 00:00:00+00`];
}

/**
 * Attaches the staged tables of a month, all or none. Where a late record has made the month anew meanwhile, their
 * rows go into its tables instead, and what is in both is folded from its ledger. Throws a RestoreNotRequestedError
 * where nobody requested it.
 */
export async function attachStaged(
  client: pg.ClientBase,
  month: string,
  terms: RestoreTerms,
  beforeCommit: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await namingLockHolders(client, attaching(client, month), () =>
    underMonthLock(client, month, async () => {
      const row = await selectMonth(client, month);
      requireUnmoved(month, row, terms.manifest);
      const partitions = await partitionsOf(client, month);
      for (const { relation } of partitions) {
        // A staged table names the manifest it was loaded from; from another one it is of no use here.
        const source = await stagedFrom(client, stagedRelation(relation));
        if (source !== terms.manifestSha256) throw new MonthMovedError(month, 'dropped');
      }
      if (partitions.every(({ attachment }) => attachment === 'absent'))
        await attachAll(client, month, partitions);
      else await mergeAll(client, month, partitions);
      await removeMovedRows(client, month);
      await changeMonth(client, month, 'restore', await valuesOf(client, month, terms));
      await beforeCommit();
    }),
  );
}

/** What is detached, or about to be, but still there is put back as it is, where a restore was requested. */
export async function keepMonth(client: pg.ClientBase, month: string, terms: RestoreTerms): Promise<void> {
  await namingLockHolders(client, attaching(client, month), () =>
    underMonthLock(client, month, async () => {
      const row = await selectMonth(client, month);
      if (row === undefined || !canChange(row, 'keep')) throw new MonthMovedError(month, 'archived');
      for (const { table, relation, attachment } of await partitionsOf(client, month)) {
        // A pending detach can only be finalised, and not within a transaction: retention goes on with it.
        if (attachment === 'pending' || attachment === 'absent') throw new MonthMovedError(month, row.state);
        if (attachment === 'detached') await attach(client, month, table, relation);
      }
      await removeMovedRows(client, month);
      await changeMonth(client, month, 'keep', await valuesOf(client, month, terms));
    }),
  );
}

/** A resource may have moved records away while the month was in the archive: their rows are elsewhere now. */
async function removeMovedRows(client: pg.ClientBase, month: string): Promise<void> {
  await client.query({ text: 'select audit_remove_moved_rows($1::date)', values: [month] });
}

/** What waits for locks here, for the message that names who holds them. */
function attaching(client: pg.ClientBase, month: string): TableChange {
  return {
    operation: `attach month ${month.slice(0, 7)}`,
    relations: () => partitionedTables(client),
    against: 'change',
  };
}

/** Renames each staged table to that of the month, and attaches it. Its check of the range goes last. */
async function attachAll(
  client: pg.ClientBase,
  month: string,
  partitions: readonly MonthPartition[],
): Promise<void> {
  for (const { table, relation } of partitions) {
    const staged = stagedRelation(relation);
    await client.query(`comment on table ${quoteIdentifier(staged)} is null`);
    await client.query(`alter table ${quoteIdentifier(staged)} rename to ${quoteIdentifier(relation)}`);
    await attach(client, month, table, relation);
    await client.query(
      `alter table ${quoteIdentifier(relation)} drop constraint ${quoteIdentifier(rangeCheck(staged))}`,
    );
  }
}

async function attach(client: pg.ClientBase, month: string, table: string, relation: string): Promise<void> {
  const [from = '', to = ''] = monthRange(month).map(quoteLiteral);
  await client.query(
    `alter table ${quoteIdentifier(table)} attach partition ${quoteIdentifier(relation)} for values from (${from}) to (${to})`,
  );
  if (table === LEDGER_TABLE || table === ACCESS_TABLE)
    await client.query({
      text: 'select audit_guard_append_only($1::text::regclass)',
      values: [quoteIdentifier(relation)],
    });
}

/** The ledger first: the rows are folded from it. */
async function mergeAll(
  client: pg.ClientBase,
  month: string,
  partitions: readonly MonthPartition[],
): Promise<void> {
  if (partitions.some(({ attachment }) => attachment !== 'attached'))
    throw new MonthMovedError(month, 'live');
  const stagedOf = (table: string): string =>
    quoteIdentifier(stagedRelation(partitions.find((one) => one.table === table)?.relation ?? ''));
  for (const table of [LEDGER_TABLE, ACCESS_TABLE])
    await client.query(`insert into ${table} select * from ${stagedOf(table)} on conflict do nothing`);
  for (const definition of RECORD_DEFINITIONS) {
    const table = quoteIdentifier(definition.table);
    const { rows } = await client.query<{ id: string; created_at: string }>(`
      with inserted as (
        insert into ${table} select * from ${stagedOf(definition.table)}
        on conflict (id, created_at) do nothing
        returning id
      )
      select archived.id, archived.created_at::text as created_at
      from ${stagedOf(definition.table)} as archived
      where not exists (select from inserted where inserted.id = archived.id)`);
    const locations = rows.map(({ id, created_at }) => ({ id, createdAt: created_at }));
    await client.query({
      text: `
        update ${table} as record set
          recorded_at = least(record.recorded_at, archived.recorded_at),
          created_at_source = archived.created_at_source
        from ${stagedOf(definition.table)} as archived
        where archived.id = record.id and archived.created_at = record.created_at
          and record.id = any($1::uuid[]) and record.created_at = any($2::timestamptz[])`,
      values: [locations.map(({ id }) => id), locations.map(({ createdAt }) => createdAt)],
    });
    await foldRecords(client, definition, locations, { rows: definition.table, ledger: LEDGER_TABLE });
  }
  for (const { table } of partitions) await client.query(`drop table ${stagedOf(table)}`);
}

/** The staged rows are those of the last drop, or of a month that this database never had. */
function requireUnmoved(month: string, row: MonthRow | undefined, manifest: string): void {
  if (row === undefined || row.manifest === null || row.settledManifest === manifest) return;
  throw new MonthMovedError(month, 'dropped');
}

/** In the order in which the transition takes them. The request ends here, with the transaction. */
async function valuesOf(
  client: pg.ClientBase,
  month: string,
  { manifest, manifestSha256, nowMs }: RestoreTerms,
): Promise<readonly string[]> {
  const { days, by } = await takeRestoreRequest(client, month);
  return [manifest, manifestSha256, instantOf(nowMs + days * DAY_MS), by];
}
