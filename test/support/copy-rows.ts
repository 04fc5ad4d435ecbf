import type pg from 'pg';

import { copyOut } from '../../src/archive/parquet/copy-out.ts';
import { ROW_HASH_BYTES, RowHasher } from '../../src/archive/parquet/row-hasher.ts';

/** The hash of each row that a COPY gives, hexadecimal. */
export async function copyRows(client: pg.Client, statement: string): Promise<string[]> {
  const hashes: string[] = [];
  const hasher = new RowHasher((rowHashes) => hashes.push(...inHex(rowHashes)));
  for await (const batch of copyOut(client, statement)) hasher.update(batch);
  return hashes;
}

/** What is stored of the hashes of rows, one by one, hexadecimal. */
export function inHex(rowHashes: Buffer): string[] {
  return Array.from({ length: rowHashes.length / ROW_HASH_BYTES }, (_, row) =>
    rowHashes.toString('hex', row * ROW_HASH_BYTES, (row + 1) * ROW_HASH_BYTES),
  );
}
