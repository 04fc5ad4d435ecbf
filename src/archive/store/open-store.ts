import { fileURLToPath } from 'node:url';

import { createFolderStore } from './folder-store.ts';
import type { ObjectStore } from './object-store.ts';
import type { S3StoreOptions } from './s3-store.ts';
import { createS3Store } from './s3-store.ts';

interface StoreSettings {
  /** `file:///folder` or `s3://bucket/prefix`. */
  readonly url: string;
  readonly s3: {
    readonly region: string;
    /** Empty for that of AWS in the region. */
    readonly endpoint: string;
    readonly pathStyle: boolean;
    readonly checksums: 'when_supported' | 'when_required';
    /** `bucket`: nothing is asked for, and the bucket does what it is set to. */
    readonly encryption: 'bucket' | 'AES256' | 'aws:kms';
    /** Empty for the default key. Counts with `aws:kms`. */
    readonly kmsKeyId: string;
    readonly lockMode: 'none' | 'GOVERNANCE' | 'COMPLIANCE';
    /** From when an object is written; without a lock mode it counts for nothing. */
    readonly lockDays: number;
  };
}

/** The store that the URL names: a folder or a bucket. The configuration has checked the form of the URL. */
export function openStore({ url, s3 }: StoreSettings): ObjectStore {
  if (url.startsWith('file:')) return createFolderStore(fileURLToPath(url));
  const { hostname, pathname } = new URL(url);
  return createS3Store({
    bucket: hostname,
    prefix: pathname.replace(/^\/|\/$/g, ''),
    ...s3Options(s3),
  });
}

function s3Options(s3: StoreSettings['s3']): Omit<S3StoreOptions, 'bucket' | 'prefix'> {
  const { region, endpoint, pathStyle, checksums, encryption, kmsKeyId, lockMode, lockDays } = s3;
  return {
    region,
    endpoint,
    pathStyle,
    checksums,
    ...(encryption === 'bucket'
      ? {}
      : { encryption: { algorithm: encryption, ...(kmsKeyId === '' ? {} : { kmsKeyId }) } }),
    ...(lockMode === 'none' ? {} : { lock: { mode: lockMode, days: lockDays } }),
  };
}
