import { addMonths } from '../../domain/instant.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { LEDGER_TABLE } from '../../domain/records/service-tables.ts';
import type { MonthPartition } from '../months/month-detach.ts';
import { quoteIdentifier, quoteLiteral } from '../sql.ts';

/** One thing that is not what it should be. */
export interface Difference {
  /** Table of the record. */
  readonly table: string;
  readonly id: string;
  /** Of the row, of the ledger (`audit_ledger.leaf_hash`) or of the location (`record_home.created_at`). */
  readonly column: string;
  /** In words: what was found. */
  readonly detail: string;
}

/** A table of the month as statements name it: its parent where it is attached, because other roles may read it there only. */
interface MonthRelation {
  readonly table: string;
  /** Quoted. */
  readonly relation: string;
}

export interface ComparedMonth {
  readonly month: string;
  /** Condition on created_at. */
  readonly within: (alias: string) => string;
  readonly rows: ReadonlyMap<string, MonthRelation>;
  readonly ledger: MonthRelation;
}

/** Other tables have months too, and no ledger: the trace of reads. */
const RECORD_TABLES: ReadonlySet<string> = new Set(RECORD_DEFINITIONS.map(({ table }) => table));

/** Undefined where none of its tables is in the database. */
export function comparedMonth(
  month: string,
  partitions: readonly MonthPartition[],
): ComparedMonth | undefined {
  const relations = partitions.filter(({ attachment }) => attachment !== 'absent').map(relationOf);
  const ledger = relations.find(({ table }) => table === LEDGER_TABLE);
  if (ledger === undefined) return undefined;
  const rows = relations.filter(({ table }) => RECORD_TABLES.has(table));
  const [from, to] = [month, addMonths(month, 1)].map((day) => quoteLiteral(`${day} 00:00:00+00`));
  return {
    month,
    within: (alias) => `${alias}.created_at >= ${from ?? ''} and ${alias}.created_at < ${to ?? ''}`,
    rows: new Map(rows.map((relation) => [relation.table, relation])),
    ledger,
  };
}

function relationOf({ table, relation, attachment }: MonthPartition): MonthRelation {
  return { table, relation: quoteIdentifier(attachment === 'attached' ? table : relation) };
}
