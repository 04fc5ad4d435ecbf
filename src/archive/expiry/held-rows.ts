import { rm } from 'node:fs/promises';

import type { Hold, HoldScope } from '../../database/holds/holds.ts';
import { heldColumns } from '../../database/holds/holds.ts';
import { quoteLiteral } from '../../database/sql.ts';
import { isRecordTable } from '../../domain/records/index.ts';
import type { ManifestPart } from '../manifest/manifest.ts';
import type { DuckDb } from '../parquet/duckdb.ts';
import type { ObjectStore } from '../store/object-store.ts';

interface HeldRowsOptions {
  readonly store: ObjectStore;
  readonly duckdb: DuckDb;
  /** Of the file to which a part is downloaded. */
  readonly path: string;
}

/**
 * Ids of the holds that match an archived row. Parts of another time are not read, nor those of the ledger,
 * and a hold that was found is not searched for again.
 */
export async function findHeldRows(
  holds: readonly Hold[],
  parts: readonly ManifestPart[],
  { store, duckdb, path }: HeldRowsOptions,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const [index, part] of parts.entries()) {
    if (!isRecordTable(part.table)) continue;
    const open = holds.filter(({ id, scope }) => !found.has(id) && isOfTime(scope, part));
    if (open.length === 0) continue;
    // A name of its own: DuckDB remembers what it read of a path.
    const file = `${path}.${index}`;
    try {
      await store.download(part.key, file);
      for (const hold of await holdingRows(duckdb, open, { part, file })) found.add(hold);
    } finally {
      await rm(file, { force: true });
    }
  }
  return found;
}

/** Whether rows of the part may lie in the time of the hold: from the first instant to before the second. */
function isOfTime({ from, to }: HoldScope, { first, last }: ManifestPart): boolean {
  return (from === undefined || last >= from) && (to === undefined || first < to);
}

async function holdingRows(
  duckdb: DuckDb,
  holds: readonly Hold[],
  { part, file }: { readonly part: ManifestPart; readonly file: string },
): Promise<string[]> {
  const holding: string[] = [];
  for (const { id, scope } of holds) {
    const rows = await duckdb.rows(`
      select 'held' as found
      from read_parquet(${quoteLiteral(file)})
      where ${conditionsOf(scope, part.table).join(' and ')}
      limit 1`);
    if (rows.length > 0) holding.push(id);
  }
  return holding;
}

/** As `holdsOfMonth` asks PostgreSQL. */
function conditionsOf(scope: HoldScope, table: string): string[] {
  const { target, namespace } = heldColumns(table);
  const { cluster, remediationUid, from, to } = scope;
  const given = (value: string | undefined, condition: (literal: string) => string): string[] =>
    value === undefined ? [] : [condition(quoteLiteral(value))];
  return [
    'true',
    ...given(cluster, (value) => `cluster = ${value}`),
    ...given(remediationUid, (value) => `remediation_uid = ${value}`),
    ...given(scope.namespace, (value) => `${value} in (${namespace.join(', ')})`),
    ...given(scope.target, (value) =>
      target.length === 0 ? 'false' : `concat_ws('/', ${target.join(', ')}) = ${value}`,
    ),
    ...given(from, (value) => `created_at >= ${value}::timestamptz`),
    ...given(to, (value) => `created_at < ${value}::timestamptz`),
  ];
}
