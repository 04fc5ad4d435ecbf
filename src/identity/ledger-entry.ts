import { createHash, randomBytes } from 'node:crypto';

import { canonicalContent } from '../domain/canonical-content.ts';
import { canonicalObject } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import type { RecordDefinition } from '../domain/records/definition.ts';

/** Version of the leaf's own form, inside the leaf, so that a verifier knows what it reads. */
const LEAF_VERSION = 1;
/** RFC 6962 separates the hash of a leaf from the hash of a node. */
const LEAF_PREFIX = Buffer.of(0x00);
const SALT_BYTES = 16;

/** An observation as the ledger keeps it. Everything but its place (`created_at`) is known before the database is asked. */
export interface Content {
  /** Canonical text of the columns; see `canonicalContent`. */
  readonly canonical: string;
  /** SHA-256 of the canonical text: a repetition has the same one. */
  readonly contentHash: Buffer;
}

export interface LedgerSeal {
  /** Keeps the payload hash from being guessed once the payload is erased. */
  readonly salt: Buffer;
  /** SHA-256 of salt and canonical text: stays in the tree when the content is erased. */
  readonly payloadHash: Buffer;
  readonly leafHash: Buffer;
}

export function contentOf(definition: RecordDefinition, observation: Observation): Content {
  const canonical = canonicalContent(definition, observation.columns);
  return { canonical, contentHash: sha256(canonical) };
}

/** Salted hashes of one ledger entry. `createdAt` is the record's home, which may differ from what the observation says. */
export function sealEntry(
  observation: Observation,
  content: Content,
  home: { readonly id: string; readonly createdAt: string },
): LedgerSeal {
  const salt = randomBytes(SALT_BYTES);
  const payloadHash = sha256(salt, content.canonical);
  return { salt, payloadHash, leafHash: sha256(LEAF_PREFIX, leafText(observation, home, payloadHash)) };
}

/** The small JSON that a ledger entry contributes to the tree: enough to identify it, nothing that could be personal. */
export function leafText(
  observation: Observation,
  home: { readonly id: string; readonly createdAt: string },
  payloadHash: Buffer,
): string {
  const text = (value: string): string => JSON.stringify(value);
  return canonicalObject([
    ['v', String(LEAF_VERSION)],
    ['table', text(observation.table)],
    ['record_id', text(home.id)],
    ['created_at', text(home.createdAt)],
    ['cluster', text(observation.cluster)],
    ['remediation_uid', remediationUidText(observation)],
    ['phase', text(observation.phase)],
    ['source_version', text(observation.sourceVersion)],
    ['observed_at', text(observation.observedAt)],
    ['actor', text(observation.actor)],
    ['payload_hash', text(payloadHash.toString('hex'))],
  ]);
}

function remediationUidText(observation: Observation): string {
  const uid = observation.columns['remediation_uid'];
  return uid === undefined ? 'null' : JSON.stringify(uid);
}

function sha256(...parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
