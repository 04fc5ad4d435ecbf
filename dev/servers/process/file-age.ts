import { randomUUID } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * How long ago a file was written, by the clock of the file system that wrote it. Our own may be another one: that of
 * a shared folder is its server's, and a machine sets its clock some time after its start.
 */
export async function fileAgeMs(path: string): Promise<number> {
  const { mtimeMs } = await stat(path);
  const probe = join(dirname(path), `probe-${randomUUID()}`);
  await writeFile(probe, '');
  try {
    return (await stat(probe)).mtimeMs - mtimeMs;
  } finally {
    await rm(probe, { force: true });
  }
}
