import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ArchiveContext } from '../archive/archive-context.ts';
import { createManifestChain } from '../archive/manifest/manifest.ts';
import {
  readOrCreateSigningKey,
  type TrustedKeys,
  trustedKeysFrom,
} from '../archive/manifest/signing-key.ts';
import type { ArchiveObserver } from '../archive/reader/archive-reader.ts';
import { createArchiveReader } from '../archive/reader/archive-reader.ts';
import type { ObjectStore } from '../archive/store/object-store.ts';
import { openStore } from '../archive/store/open-store.ts';
import type { Config } from '../config/config.ts';
import { SettingsError } from '../config/settings.ts';
import { requireEqualLedger } from '../database/comparison/records-differ.ts';
import { readMigrations } from '../database/migrate.ts';
import { reasonOf } from '../domain/errors.ts';
import { SECOND_MS } from '../domain/time.ts';
import type { ArchiveQuestionMetrics } from '../observability/maintenance-metrics.ts';
import type { ArchiveAccess } from '../query/combined-answer.ts';

/** Enough to read and to verify. To sign takes openArchiveContext. */
interface Archive {
  readonly store: ObjectStore;
  /** Manifests that none of these keys signed are not believed. */
  readonly trusted: TrustedKeys;
}

/** For reading: any trusted key will do. Throws a SettingsError when no archive is named, or no key. */
export async function openArchive({ archive }: Config['retention']): Promise<Archive> {
  requireArchive(archive);
  return { store: openStore(archive), trusted: await readTrustedKeys(keyFilesOf(archive)) };
}

/**
 * For queries of people: their number, time and memory are bounded. `timeoutMs` replaces the configured time,
 * for a command whose user waits at a terminal. Without an archive it answers why there is none. Whoever
 * opened a reader closes it.
 */
export function openArchiveAccess(
  { archive }: Config['retention'],
  { metrics, timeoutMs }: { readonly metrics?: ArchiveQuestionMetrics; readonly timeoutMs?: number } = {},
): ArchiveAccess {
  if (archive.url === '') return { missing: 'REMEDIATION_AUDIT_ARCHIVE_URL is not set for this process' };
  const files = keyFilesOf(archive);
  const { atOnce, timeoutSeconds, memoryMb, cacheMb } = archive.questions;
  const reader = createArchiveReader({
    store: openStore(archive),
    // A function: the files are read when they are needed, since `work` may make the key after this process
    // started.
    trustedKeys: () => readTrustedKeys(files),
    folder: join(archive.workFolder, 'remediation-audit-parts'),
    cacheBytes: cacheMb * BYTES_PER_MB,
    memoryLimit: `${memoryMb}MB`,
    concurrency: atOnce,
    timeoutMs: timeoutMs ?? timeoutSeconds * SECOND_MS,
    ...(metrics === undefined ? {} : { observe: observerOf(metrics) }),
  });
  return { reader };
}

/** The archive knows no metrics library: it calls these two. */
function observerOf({ questions, parts }: ArchiveQuestionMetrics): ArchiveObserver {
  return {
    question: (result, seconds) => {
      questions.observe({ result }, seconds);
    },
    part: (table) => {
      parts.inc({ table });
    },
  };
}

const BYTES_PER_MB = 1_000_000;

/** The private key verifies too, so one file of either kind is enough. */
function keyFilesOf(archive: Config['retention']['archive']): readonly string[] {
  const files = [archive.keyFile, archive.trustedKeysFile].filter((path) => path !== '');
  if (files.length === 0)
    throw new SettingsError([
      'REMEDIATION_AUDIT_ARCHIVE_TRUSTED_KEYS_FILE is not set: without keys no manifest can be believed',
    ]);
  return files;
}

async function readTrustedKeys(files: readonly string[]): Promise<TrustedKeys> {
  const keys = await Promise.all(files.map(readKeys));
  return new Map(keys.flatMap((found) => [...found]));
}

/**
 * For retention, which signs, as owner of the tables. Makes the signing key where its file is missing. Throws
 * a SettingsError that names what is not set.
 */
export async function openArchiveContext({
  retention,
  database,
}: Pick<Config, 'retention' | 'database'>): Promise<ArchiveContext> {
  const { archive, rules, lockTimeoutMs } = retention;
  requireArchive(archive);
  if (archive.keyFile === '')
    throw new SettingsError([
      'REMEDIATION_AUDIT_ARCHIVE_KEY_FILE is not set: retention signs what it archives; name a file, the key is made there',
    ]);
  const key = await readOrCreateSigningKey(archive.keyFile);
  const { store, trusted } = await openArchive(retention);
  return {
    ownerUrl: database.ownerUrl,
    lockTimeoutMs,
    store,
    trusted,
    chain: createManifestChain(store, key, trusted),
    rules,
    requireEqualLedger,
    workFolder: archive.workFolder,
    schemaVersion: readMigrations().at(-1)?.version ?? 0,
    partRows: archive.partRows,
  };
}

function requireArchive({ url }: Config['retention']['archive']): void {
  if (url === '')
    throw new SettingsError([
      'REMEDIATION_AUDIT_ARCHIVE_URL is not set: name the folder or bucket of the archive',
    ]);
}

async function readKeys(path: string): Promise<TrustedKeys> {
  try {
    return trustedKeysFrom(await readFile(path, 'utf8'));
  } catch (error: unknown) {
    const reason = reasonOf(error);
    throw new SettingsError([`the keys in ${path} cannot be used: ${reason}`]);
  }
}
