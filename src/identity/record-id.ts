import { hash } from 'node:crypto';

/*
 * Identity: ids and hashes that follow from what a record is. In: table, cluster and natural key, or an observation. Out: the
 * id of its record (here), and its entry in the ledger with the hashes that commit to it (ledger-entry.ts).
 *
 * Must stay true: whoever computes an id or a hash of the same thing, now or in ten years, gets the same one; nothing here
 * reads a clock. Only the salt of an entry is random.
 */

/** Namespace of all record ids. Changing it would give every known record a second identity. */
const NAMESPACE = Buffer.from('6f1c0bd2a6c94c0e9d54b1b2b6f8f7a1', 'hex');

const VERSION_5 = 0x50;
const RFC_4122_VARIANT = 0x80;

/** UUIDv5 of table, cluster and natural key: whoever meets the same thing gives it the same id. */
export function recordId(table: string, cluster: string, key: string): string {
  const name = `${table}/${encodeURIComponent(cluster)}/${key}`;
  const bytes = hash('sha1', Buffer.concat([NAMESPACE, Buffer.from(name)]), 'buffer');
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | VERSION_5, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | RFC_4122_VARIANT, 8);
  const hex = bytes.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
