import { hash, randomBytes } from 'node:crypto';

import { canonicalContent } from '../domain/canonical-content.ts';
import type { Observation } from '../domain/observation.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';

/*
 * Identity: ids and hashes that follow from what a record is. In: table, cluster and natural key, or an observation. Out: the
 * id of its record, and its entry in the ledger with the hashes that commit to it.
 *
 * Must stay true: whoever computes an id or a hash of the same thing, now or in ten years, gets the same one; nothing here
 * reads a clock. Only the salt of an entry is random.
 */

/** Version of the leaf's own form, inside the leaf, so that a verifier knows what it reads. */
const LEAF_VERSION = 1;
/** RFC 6962 separates the hash of a leaf from the hash of a node. */
const LEAF_PREFIX = '\u0000';
const SALT_BYTES = 16;

/** An observation as the ledger keeps it. Everything but its partition key (`created_at`) is known before the database is asked. */
export interface Content {
  /** Canonical text of the columns; see `canonicalContent`. */
  readonly canonical: string;
  /** SHA-256 of the canonical text: a repetition has the same one. */
  readonly contentHash: Buffer;
}

interface LedgerSeal {
  /** SHA-256 of salt and canonical text: stays in the tree when the content is erased. */
  readonly payloadHash: Buffer;
  readonly leafHash: Buffer;
}

export function contentOf(definition: RecordDefinition, observation: Observation): Content {
  const canonical = canonicalContent(definition, observation.columns);
  return { canonical, contentHash: contentHash(canonical) };
}

/** Of a content that is about to be written, and of one that is read again to check it. So is the next. */
export function contentHash(canonical: string): Buffer {
  return sha256(canonical);
}

export function payloadHash(salt: Buffer, canonical: string): Buffer {
  return sha256(Buffer.concat([salt, Buffer.from(canonical)]));
}

/**
 * Salts for so many entries. They keep a payload hash from being guessed once its payload is erased. Drawn together:
 * asking the system for sixteen bytes costs as much as for thousands.
 */
export function drawSalts(count: number): Buffer[] {
  const drawn = randomBytes(SALT_BYTES * count);
  return Array.from({ length: count }, (_, index) =>
    drawn.subarray(index * SALT_BYTES, (index + 1) * SALT_BYTES),
  );
}

/** Salted hashes of one ledger entry. `createdAt` is the partition key of the record, which may differ from what the observation says. */
export function sealEntry(
  observation: Observation,
  content: Content,
  location: { readonly id: string; readonly createdAt: string; readonly salt: Buffer },
): LedgerSeal {
  const payload = payloadHash(location.salt, content.canonical);
  return { payloadHash: payload, leafHash: leafHash(leafOf(observation, location, payload)) };
}

/** What a leaf commits to: enough to identify an entry. */
interface Leaf {
  readonly actor: string;
  readonly cluster: string;
  /** Partition key of the record. */
  readonly createdAt: string;
  readonly observedAt: string;
  readonly payloadHash: Buffer;
  readonly phase: string;
  /** Of the record. */
  readonly id: string;
  readonly remediationUid: string | null;
  readonly sourceVersion: string;
  readonly table: string;
}

export function leafOf(
  { actor, cluster, observedAt, phase, sourceVersion, table, columns }: Observation,
  { id, createdAt }: { readonly id: string; readonly createdAt: string },
  payloadHash: Buffer,
): Leaf {
  const uid = columns['remediation_uid'];
  const remediationUid = uid === undefined ? null : String(uid);
  return {
    actor,
    cluster,
    createdAt,
    observedAt,
    payloadHash,
    phase,
    id,
    remediationUid,
    sourceVersion,
    table,
  };
}

/** Of an entry that is about to be written, and of one that is read again to check it. */
export function leafHash(leaf: Leaf): Buffer {
  return sha256(LEAF_PREFIX + leafText(leaf));
}

/**
 * The small JSON that a ledger entry contributes to the tree: enough to identify it, nothing that could be personal.
 * Written out in RFC 8785 order, which a test holds: it is made for every observation.
 */
export function leafText(leaf: Leaf): string {
  return (
    `{"actor":${JSON.stringify(leaf.actor)},"cluster":${JSON.stringify(leaf.cluster)}` +
    `,"created_at":"${leaf.createdAt}","observed_at":"${leaf.observedAt}"` +
    `,"payload_hash":"${leaf.payloadHash.toString('hex')}","phase":"${leaf.phase}","record_id":"${leaf.id}"` +
    `,"remediation_uid":${JSON.stringify(leaf.remediationUid)},"source_version":"${leaf.sourceVersion}"` +
    `,"table":"${leaf.table}","v":${LEAF_VERSION}}`
  );
}

function sha256(content: string | Buffer): Buffer {
  return hash('sha256', content, 'buffer');
}

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
