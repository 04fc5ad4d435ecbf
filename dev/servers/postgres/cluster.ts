import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { explainFileError } from '../../up/data-directory.ts';
import { describeExit, type ProcessIdentity, startServer } from '../process/child-process.ts';
import type { PostgresBinaries } from './binaries.ts';
import { explainOutput } from './failure.ts';
import { attemptAs } from './run-as.ts';

/** A folder holds the cluster and, beside it, the password of its superuser. */
export interface ClusterFiles {
  dataDir: string;
  cluster: string;
  passwordFile: string;
}

interface ClusterMaking {
  files: ClusterFiles;
  binaries: PostgresBinaries;
  identity: ProcessIdentity | undefined;
  /** False leaves the writing to the operating system: for data that need not survive it. */
  sync: boolean;
  report: (line: string) => void;
}

export const SUPERUSER = 'postgres';
const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;
const MAKING = 'cluster.new-';
/** Measured: half a second. A slow disk takes its time, but not this long. */
const INITDB_DEADLINE_MS = 120_000;
/** initdb writes these last; the others are there from the first moment on. */
const COMPLETE_WHEN_PRESENT = ['PG_VERSION', join('global', 'pg_control')];

/**
 * States of the folder: without a cluster (never started, or killed while making one: the half-made one lies under
 * another name and is removed); with a complete one (initdb was done before it got its name); with an incomplete one
 * (somebody else's doing, or the disk's), which is set aside, never removed.
 */
export async function ensureCluster(making: ClusterMaking): Promise<string> {
  const { files, report } = making;
  await removeHalfMade(files.dataDir);
  if (await isMissingOrSetAside(files, report)) await makeCluster(making);
  await requireSameMajor(files, making.binaries);
  return readPassword(files);
}

async function removeHalfMade(dataDir: string): Promise<void> {
  for (const entry of await readdir(dataDir)) {
    if (!entry.startsWith(MAKING)) continue;
    // The initdb of a run killed a moment ago may still be writing to it.
    await rm(join(dataDir, entry), { recursive: true, force: true, maxRetries: 10 });
  }
}

async function isMissingOrSetAside(
  { cluster }: ClusterFiles,
  report: (line: string) => void,
): Promise<boolean> {
  if (!(await exists(cluster))) return true;
  const present = await Promise.all(COMPLETE_WHEN_PRESENT.map((file) => exists(join(cluster, file))));
  if (present.every(Boolean)) return false;
  const aside = `${cluster}.incomplete-${Date.now()}`;
  await rename(cluster, aside);
  report(`The database in ${cluster} was incomplete; it was set aside as ${aside}, and a new one is made`);
  return true;
}

async function makeCluster({ files, binaries, identity, sync, report }: ClusterMaking): Promise<void> {
  report(`Creating the database in ${files.cluster} (once, a second or two)`);
  const draft = join(files.dataDir, `${MAKING}${process.pid}`);
  await ensurePassword(files, identity);
  await mkdir(draft, { mode: OWNER_ONLY_DIRECTORY });
  if (identity !== undefined) await chown(draft, identity.uid, identity.gid);
  try {
    await runInitdb({ binaries, identity, draft, files, sync });
    await rename(draft, files.cluster);
  } catch (error: unknown) {
    await rm(draft, { recursive: true, force: true, maxRetries: 10 });
    throw error;
  }
}

interface InitdbRun extends Pick<ClusterMaking, 'binaries' | 'identity' | 'files' | 'sync'> {
  draft: string;
}

async function runInitdb({ binaries, identity, draft, files, sync }: InitdbRun): Promise<void> {
  const initdb = startServer({
    name: 'initdb',
    command: binaries.initdb,
    args: [
      ...['-D', draft, `--username=${SUPERUSER}`, `--pwfile=${files.passwordFile}`, '--auth=scram-sha-256'],
      // The same order of text on every system; only the classes of characters come from the system.
      ...['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'],
      `--lc-ctype=${process.platform === 'linux' ? 'C.UTF-8' : 'C'}`,
      ...['--data-checksums', '--no-instructions', ...(sync ? [] : ['--no-sync'])],
    ],
    ...postgresSurroundings(identity),
  });
  const late = new AbortController();
  const deadline = delay(INITDB_DEADLINE_MS, undefined, { signal: late.signal }).then(
    () => initdb.stop(),
    // Aborted, because initdb came first.
    () => initdb.exited,
  );
  const exit = await Promise.race([initdb.exited, deadline]);
  late.abort();
  if (exit.code === 0) return;
  const doing = `create the database in ${files.cluster}`;
  const output = initdb.recentOutput().trim();
  throw (
    explainOutput(output, { doing, dataDir: files.dataDir, port: 0 }) ??
    new Error(`cannot ${doing}: initdb ended with ${describeExit(exit)}; its last output:\n${output}`)
  );
}

/** What every program of PostgreSQL is started with: nothing of our environment may change what it does. */
export function postgresSurroundings(identity: ProcessIdentity | undefined) {
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  return { env, cwd: '/', stopSignal: 'SIGINT' as const, ...(identity === undefined ? {} : { identity }) };
}

/** Kept before initdb reads it, so that there is no cluster whose password nobody knows. */
async function ensurePassword(
  { passwordFile }: ClusterFiles,
  identity: ProcessIdentity | undefined,
): Promise<void> {
  if (!(await exists(passwordFile))) {
    const draft = `${passwordFile}.${process.pid}`;
    const password = randomBytes(24).toString('hex');
    await writeFile(draft, `${password}\n`, { mode: OWNER_ONLY_FILE, flush: true });
    await rename(draft, passwordFile);
  }
  if (identity !== undefined) await chown(passwordFile, identity.uid, identity.gid);
}

async function readPassword({ passwordFile, cluster }: ClusterFiles): Promise<string> {
  try {
    return (await readFile(passwordFile, 'utf8')).trim();
  } catch (error: unknown) {
    throw new Error(
      `cannot open the database in ${cluster}: the password of its superuser, kept in ${passwordFile}, ` +
        'cannot be read; restore that file, or choose another --data-dir',
      { cause: error },
    );
  }
}

async function requireSameMajor({ cluster }: ClusterFiles, binaries: PostgresBinaries): Promise<void> {
  const made = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  const { output } = attemptAs(undefined, binaries.postgres, ['--version']);
  const ours = /\(PostgreSQL\) (\d+)/.exec(output)?.[1];
  if (made === ours) return;
  throw new Error(
    `cannot open the database in ${cluster}: it was made by PostgreSQL ${made}, and this is PostgreSQL ` +
      `${ours ?? `of an unknown version (${output})`}; use the release that made it, or choose another --data-dir`,
  );
}

/** Its one true path: by it a server of an earlier run is recognised. */
export async function prepareFolder(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true });
    return await realpath(dataDir);
  } catch (error: unknown) {
    throw explainFileError(error, 'make the folder of the database', dataDir);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    },
  );
}
