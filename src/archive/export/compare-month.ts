import type pg from 'pg';

import { partitionsOf } from '../../database/months/month-detach.ts';
import type { ManifestPart } from '../manifest/manifest.ts';
import { archivedTable } from '../parquet/archive-schema.ts';
import { digestTable } from '../parquet/table-rows.ts';

interface ComparedMonth {
  readonly month: string;
  readonly parts: readonly ManifestPart[];
  readonly partRows: number;
}

/** Whether the tables of a month hold the rows of these parts, part by part, and no others. */
export async function holdsExactly(
  client: pg.ClientBase,
  { month, parts, partRows }: ComparedMonth,
): Promise<boolean> {
  for (const { table, relation } of await partitionsOf(client, month)) {
    const archived = parts.filter((part) => part.table === table);
    const found = await digestTable(client, archivedTable(table), relation, {
      partRows,
      sizes: archived.map(({ rows }) => rows),
    });
    const same =
      found.length === archived.length &&
      found.every(({ rows, digest }, index) => {
        const part = archived[index];
        return part?.rows === rows && part.digest === digest;
      });
    if (!same) return false;
  }
  return true;
}
