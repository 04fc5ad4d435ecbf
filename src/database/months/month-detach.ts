import type pg from 'pg';

import { quoteIdentifier } from '../sql.ts';
import { SQLSTATE, sqlStateOf } from '../sqlstate.ts';
import { namingLockHolders } from './table-locks.ts';

/** Where the partition of a table is, by the catalogue. */
export type PartitionAttachment = 'attached' | 'pending' | 'detached' | 'absent';

export interface MonthPartition {
  readonly table: string;
  /** Name of the partition. */
  readonly relation: string;
  readonly attachment: PartitionAttachment;
}

interface PartitionRow {
  table_name: string;
  relation: string;
  attachment: PartitionAttachment;
}

const SELECT_PARTITIONS = `
  select class.relname as table_name, wanted.relation,
    case
      when child.oid is null then 'absent'
      when inherits.inhrelid is null then 'detached'
      when inherits.inhdetachpending then 'pending'
      else 'attached'
    end as attachment
  from pg_partitioned_table as partitioned
  join pg_class as class on class.oid = partitioned.partrelid
  cross join lateral (select class.relname || '_' || replace(left($1::text, 7), '-', '_') as relation) as wanted
  left join pg_class as child
    on child.relname = wanted.relation and child.relnamespace = class.relnamespace and child.relkind = 'r'
  left join pg_inherits as inherits on inherits.inhrelid = child.oid and inherits.inhparent = class.oid
  where class.relnamespace = 'public'::regnamespace
  order by class.relname`;

/** The partitions of one month, one per partitioned table. */
export async function partitionsOf(
  client: pg.Pool | pg.ClientBase,
  month: string,
): Promise<readonly MonthPartition[]> {
  const { rows } = await client.query<PartitionRow>({ text: SELECT_PARTITIONS, values: [month] });
  return rows.map(({ table_name: table, relation, attachment }) => ({ table, relation, attachment }));
}

/**
 * Takes the month out of its tables without ever blocking a reader or a writer of another month. Broken off at any
 * point it goes on where the catalogue says it was. Needs a connection outside of a transaction.
 */
export async function detachMonth(client: pg.ClientBase, month: string): Promise<void> {
  for (const { table, relation, attachment } of await partitionsOf(client, month)) {
    if (attachment === 'attached') await detach(client, { table, relation }, 'concurrently');
    else if (attachment === 'pending') await detach(client, { table, relation }, 'finalize');
  }
}

async function detach(
  client: pg.ClientBase,
  { table, relation }: { readonly table: string; readonly relation: string },
  how: 'concurrently' | 'finalize',
): Promise<void> {
  const statement = `alter table ${quoteIdentifier(table)} detach partition ${quoteIdentifier(relation)} ${how}`;
  const change = {
    operation: `detach ${relation}`,
    relations: () => Promise.resolve([table, relation]),
    against: 'use',
  } as const;
  await namingLockHolders(client, change, async () => {
    await client.query(statement).catch((error: unknown) => {
      // Somebody else was faster.
      if (sqlStateOf(error) !== SQLSTATE.undefined_table) throw error;
    });
  });
}
