import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

import { quoteIdentifier } from '../../database/sql.ts';
import { ArchiveMismatchError, ArchiveSchemaError } from '../archive-errors.ts';
import type { ManifestPart } from '../manifest/manifest.ts';
import { describeFault, verifyPart } from '../manifest/verify-part.ts';
import type { ArchivedTable } from '../parquet/archive-schema.ts';
import { archivedTable } from '../parquet/archive-schema.ts';
import { withWorkspace } from '../parquet/duckdb.ts';
import { copyInStatement } from '../parquet/row-text.ts';
import type { RowSum } from '../parquet/table-rows.ts';
import { addRowHashes, NO_ROWS, sumTable } from '../parquet/table-rows.ts';
import type { ObjectStore } from '../store/object-store.ts';

interface LoadOptions {
  readonly store: ObjectStore;
  readonly workFolder: string;
  readonly month: string;
  /** Name of the table that is filled. */
  readonly relation: string;
  readonly parts: readonly ManifestPart[];
  /** Called after each part that was loaded. */
  readonly onPart: (key: string) => Promise<void>;
}

/**
 * Loads the parts of one table into an empty relation: only rows that are as they were written, to the last byte. What
 * the database then holds is read back, counted and hashed once more.
 */
export async function loadTable(client: pg.ClientBase, options: LoadOptions): Promise<void> {
  const { store, workFolder, month, relation, parts, onPart } = options;
  let verified: RowSum = NO_ROWS;
  // By the names of their columns: parts of one month may come from different releases.
  const written = new Map<string, ArchivedTable>();
  await withWorkspace(workFolder, async (workspace) => {
    for (const part of parts) {
      const fault = await verifyPart(store, part, workspace, async ({ csv, table, rowHashes }) => {
        requireKnownColumns(month, table);
        await pipeline(createReadStream(csv), client.query(copyFrom(copyInStatement(table, relation))));
        verified = addRowHashes(verified, rowHashes);
        written.set(table.columns.map(({ name }) => name).join(), table);
      });
      if (fault !== undefined) throw new ArchiveMismatchError(month, [describeFault(fault)]);
      await onPart(part.key);
    }
  });
  const loaded = await readBack(client, relation, [...written.values()]);
  if (loaded.rows !== verified.rows || (loaded.sum ?? verified.sum) !== verified.sum)
    throw new ArchiveMismatchError(month, [
      `${relation} holds ${loaded.rows} rows, and they are not the ${verified.rows} of the archive`,
    ]);
}

/** Rows of parts that were written with different columns have no text in common: those are counted only. */
async function readBack(
  client: pg.ClientBase,
  relation: string,
  [table, ...others]: readonly ArchivedTable[],
): Promise<Pick<RowSum, 'rows'> & Partial<RowSum>> {
  if (table !== undefined && others.length === 0) return sumTable(client, table, relation);
  const { rows } = await client.query<{ rows: string }>(
    `select count(*)::text as rows from ${quoteIdentifier(relation)}`,
  );
  return { rows: Number(rows[0]?.rows) };
}

/** Columns that were added since come as null, or as their default. One that is gone would be lost: nothing is loaded. */
function requireKnownColumns(month: string, { table: name, columns }: ArchivedTable): void {
  const known = new Set(archivedTable(name).columns.map((column) => column.name));
  const unknown = columns.map((column) => column.name).filter((column) => !known.has(column));
  if (unknown.length > 0)
    throw new ArchiveSchemaError(
      month,
      unknown.map((column) => `${name}.${column}`),
    );
}
