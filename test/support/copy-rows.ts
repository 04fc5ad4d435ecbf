import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';

import { RowHasher } from '../../src/archive/parquet/row-hasher.ts';

/** The hash of each row that a COPY gives, hexadecimal. */
export async function copyRows(client: pg.Client, statement: string): Promise<string[]> {
  const hashes: string[] = [];
  const hasher = new RowHasher((hash) => hashes.push(hash.toString('hex')));
  for await (const chunk of client.query(copyTo(statement)) as AsyncIterable<Buffer>) hasher.update(chunk);
  return hashes;
}
