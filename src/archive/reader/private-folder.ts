import { chmod, lstat, mkdir } from 'node:fs/promises';

const OWNER_ONLY = 0o700;
const BY_OTHERS = 0o022;

/** The folder for parts belongs to somebody else, or others may write to it. The message says what to do. */
class FolderNotPrivateError extends Error {
  readonly folder: string;

  constructor(folder: string, problem: string) {
    super(
      `cannot keep parts of the archive in ${folder}: ${problem}, so its files may be anybody's; ` +
        'remove it, or name a folder of this user with REMEDIATION_AUDIT_ARCHIVE_WORK_DIR',
    );
    this.name = 'FolderNotPrivateError';
    this.folder = folder;
  }
}

/**
 * Makes the folder, or takes one that only this user could have written to. By default it is in the temporary folder of the
 * machine, where another user may have made it first, with files or a link of their own.
 */
export async function openPrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: OWNER_ONLY });
  // Not `stat`, which would follow a link.
  const found = await lstat(folder);
  if (!found.isDirectory()) throw new FolderNotPrivateError(folder, 'it is no directory');
  if (process.getuid !== undefined && found.uid !== process.getuid())
    throw new FolderNotPrivateError(folder, `it belongs to user ${found.uid}`);
  if ((found.mode & BY_OTHERS) !== 0) throw new FolderNotPrivateError(folder, 'other users may write to it');
  // An earlier version made it readable for all.
  if ((found.mode & 0o777) !== OWNER_ONLY) await chmod(folder, OWNER_ONLY);
}
