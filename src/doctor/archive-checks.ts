import { randomUUID } from 'node:crypto';

import type { ObjectStore } from '../archive/store/object-store.ts';
import { sha256Of } from '../archive/store/object-store.ts';
import { openStore } from '../archive/store/open-store.ts';
import { reasonOf } from '../domain/errors.ts';
import { hasRetention } from '../services/maintenance.ts';
import type { Check, Outcome } from './check.ts';
import { notConfigured, ok, wrong } from './check.ts';
import type { Examined } from './examined.ts';

/** No object of an archive begins like this. */
const PROBE_PREFIX = 'doctor-probe-';
const READ = 'archive read';
const WRITE = 'archive write';

/** That the archive can be read, and where this configuration archives, that it can be written. */
export function archiveChecks({ config }: Examined): readonly Check[] {
  const { archive } = config.retention;
  if (archive.url === '') return [notConfigured('archive', 'REMEDIATION_AUDIT_ARCHIVE_URL is not set')];
  const store = openStore(archive);
  return [
    {
      name: READ,
      remedy: `check REMEDIATION_AUDIT_ARCHIVE_URL, REMEDIATION_AUDIT_S3_… and the credentials for ${store.location}`,
      run: async () => {
        await store.list(PROBE_PREFIX);
        return ok(`${store.location} can be listed`);
      },
    },
    hasRetention(config)
      ? writeCheck(store, archive.s3.lockMode)
      : notConfigured(WRITE, 'nothing is archived without DATABASE_OWNER_URL'),
  ];
}

function writeCheck(store: ObjectStore, lockMode: string): Check {
  if (lockMode !== 'none')
    return notConfigured(
      WRITE,
      `REMEDIATION_AUDIT_S3_LOCK_MODE is ${lockMode}: a probe could not be removed`,
    );
  return {
    name: WRITE,
    after: [READ],
    remedy: `let the credentials of \`work\` write, read and delete at ${store.location}`,
    run: () => writeAndReadBack(store),
  };
}

async function writeAndReadBack(store: ObjectStore): Promise<Outcome> {
  const key = `${PROBE_PREFIX}${randomUUID()}`;
  const bytes = Buffer.from(`Written by \`remediation-audit doctor\`, to be removed at once: ${key}\n`);
  await store.put(key, { source: bytes, sha256: sha256Of(bytes) });
  const [read, removed] = [await attempt(() => store.read(key)), await attempt(() => store.remove(key))];
  // What cannot be read can mostly not be removed either: reading is what is wrong.
  if ('failure' in read)
    throw new Error(`${reasonOf(read.failure)}${'failure' in removed ? `; ${key} stays there` : ''}`, {
      cause: read.failure,
    });
  if ('failure' in removed) throw removed.failure;
  if (read.value.equals(bytes)) return ok('a probe was written, read back and removed');
  return wrong(`${store.location} gave other bytes back than were written`, 'do not archive there');
}

async function attempt<T>(
  act: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly failure: unknown }> {
  try {
    return { value: await act() };
  } catch (failure: unknown) {
    return { failure };
  }
}
