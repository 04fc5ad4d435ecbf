import type pg from 'pg';

import { addMonths } from '../../domain/instant.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { quoteIdentifier, quoteLiteral } from '../sql.ts';
import { SQLSTATE, sqlStateOf } from '../sqlstate.ts';
import type { MonthPartition } from './month-detach.ts';
import { partitionsOf } from './month-detach.ts';
import type { MonthRow } from './month-states.ts';
import { MonthMovedError, selectMonth, underMonthLock } from './month-states.ts';
import { lockHolders } from './partitions.ts';
import { foldRecords, rangeCheck, STAGED_LEDGER_TABLE, stagedFrom, stagedRelation } from './staged-month.ts';

/** For whom, and until when retention leaves the month alone. */
interface RestoreTerms {
  readonly by: string;
  /** Instant. */
  readonly until: string;
}

/** A month could not be attached because somebody holds a lock on one of the tables. Tried again. */
export class RestoreBlockedError extends Error {
  readonly month: string;

  constructor(month: string, holders: readonly string[], cause: unknown) {
    const who = holders.length === 0 ? 'somebody who is gone by now' : holders.join('; ');
    super(`cannot attach month ${month.slice(0, 7)}: the lock is held by ${who}; try again`, { cause });
    this.name = 'RestoreBlockedError';
    this.month = month;
  }
}

/** Instants between which the rows of a month lie, as PostgreSQL writes bounds. */
export function monthRange(month: string): readonly [from: string, to: string] {
  return [`${month} 00:00:00+00`, `${addMonths(month, 1)} 00:00:00+00`];
}

/**
 * Attaches the staged tables of a month, all or none. Where a late record has made the month anew meanwhile, their
 * rows go into its tables instead, and what is in both is folded from its ledger.
 */
export async function attachStaged(
  client: pg.ClientBase,
  month: string,
  terms: RestoreTerms & { readonly manifest: string; readonly manifestSha256: string },
  beforeCommit: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await namingLockHolders(client, month, () =>
    underMonthLock(client, month, async () => {
      const row = await selectMonth(client, month);
      requireUnmoved(month, row, terms.manifest);
      const partitions = await partitionsOf(client, month);
      for (const { relation } of partitions) {
        const source = await stagedFrom(client, stagedRelation(relation));
        if (source !== terms.manifestSha256) throw new MonthMovedError(month, 'dropped');
      }
      if (partitions.every(({ attachment }) => attachment === 'absent'))
        await attachAll(client, month, partitions);
      else await mergeAll(client, month, partitions);
      await markRestored(client, month, terms);
      await beforeCommit();
    }),
  );
}

/** What is detached, or about to be, but still there is put back as it is. */
export async function keepMonth(
  client: pg.ClientBase,
  month: string,
  terms: RestoreTerms & { readonly manifest: string; readonly manifestSha256: string },
): Promise<void> {
  await namingLockHolders(client, month, () =>
    underMonthLock(client, month, async () => {
      const row = await selectMonth(client, month);
      if (row === undefined || row.settledManifest !== null || !KEEPABLE.has(row.state))
        throw new MonthMovedError(month, 'archived');
      for (const { table, relation, attachment } of await partitionsOf(client, month)) {
        // A pending detach can only be finalised, and not within a transaction: retention goes on with it.
        if (attachment === 'pending' || attachment === 'absent') throw new MonthMovedError(month, row.state);
        if (attachment === 'detached') await attach(client, month, table, relation);
      }
      await markRestored(client, month, terms);
    }),
  );
}

const KEEPABLE: ReadonlySet<string> = new Set(['archived', 'detached', 'restored']);

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
  await client.query(
    `insert into ${STAGED_LEDGER_TABLE} select * from ${stagedOf(STAGED_LEDGER_TABLE)} on conflict do nothing`,
  );
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
    await foldRecords(client, definition, locations, { rows: definition.table, ledger: STAGED_LEDGER_TABLE });
  }
  for (const { table } of partitions) await client.query(`drop table ${stagedOf(table)}`);
}

/** The staged rows are those of the last drop, or of a month that this database never had. */
function requireUnmoved(month: string, row: MonthRow | undefined, manifest: string): void {
  if (row === undefined || row.manifest === null || row.settledManifest === manifest) return;
  throw new MonthMovedError(month, 'dropped');
}

/**
 * From now on the database holds all of the month, so no later manifest has to carry the parts of this one: a month that
 * changes is archived anew and completely, one that does not is found equal to this manifest and dropped again.
 */
async function markRestored(
  client: pg.ClientBase,
  month: string,
  terms: RestoreTerms & { readonly manifest: string; readonly manifestSha256: string },
): Promise<void> {
  await client.query({
    text: `
      insert into audit_partition as known
        (month, state, manifest, manifest_sha256, archived_at, restored_at, restored_until, restored_by)
      values ($1::date, 'restored', $2::text, decode($3::text, 'hex'), clock_timestamp(), clock_timestamp(), $4::timestamptz,
        $5::text)
      on conflict (month) do update set
        state = 'restored', settled_manifest = null, fault = null, fault_at = null, detached_at = null,
        manifest = excluded.manifest, manifest_sha256 = excluded.manifest_sha256,
        restored_at = clock_timestamp(), restored_by = excluded.restored_by, updated_at = clock_timestamp(),
        restored_until = case when known.state = 'restored'
          then greatest(known.restored_until, excluded.restored_until) else excluded.restored_until end`,
    values: [month, terms.manifest, terms.manifestSha256, terms.until, terms.by],
  });
}

async function namingLockHolders(
  client: pg.ClientBase,
  month: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error: unknown) {
    if (sqlStateOf(error) !== SQLSTATE.lock_not_available) throw error;
    throw new RestoreBlockedError(month, await lockHolders(client), error);
  }
}
