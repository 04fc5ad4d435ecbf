import { readFile } from 'node:fs/promises';

import { createManifestChain, type ManifestChain } from '../archive/manifest-chain.ts';
import type { ObjectStore } from '../archive/object-store.ts';
import { openStore } from '../archive/open-store.ts';
import { readOrCreateSigningKey, type TrustedKeys, trustedKeysFrom } from '../archive/signing-key.ts';
import type { Config } from '../config.ts';
import { SettingsError } from '../settings.ts';

export interface Archive {
  readonly store: ObjectStore;
  readonly trusted: TrustedKeys;
}

export interface WritableArchive extends Archive {
  readonly chain: ManifestChain;
}

/** For reading: any trusted key will do. */
export async function openArchive({ archive }: Config['retention']): Promise<Archive> {
  requireArchive(archive);
  const files = [archive.keyFile, archive.trustedKeysFile].filter((path) => path !== '');
  if (files.length === 0)
    throw new SettingsError([
      'REMEDIATION_AUDIT_ARCHIVE_TRUSTED_KEYS_FILE is not set: without keys no manifest can be believed',
    ]);
  const keys = await Promise.all(files.map(readKeys));
  return { store: openStore(archive), trusted: new Map(keys.flatMap((found) => [...found])) };
}

/** For retention, which signs. */
export async function openWritableArchive(retention: Config['retention']): Promise<WritableArchive> {
  const { archive } = retention;
  requireArchive(archive);
  if (archive.keyFile === '')
    throw new SettingsError([
      'REMEDIATION_AUDIT_ARCHIVE_KEY_FILE is not set: retention signs what it archives; name a file, the key is made there',
    ]);
  const key = await readOrCreateSigningKey(archive.keyFile);
  const { store, trusted } = await openArchive(retention);
  return { store, trusted, chain: createManifestChain(store, key, trusted) };
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
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError([`the keys in ${path} cannot be used: ${reason}`]);
  }
}
